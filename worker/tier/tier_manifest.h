// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_TIER_MANIFEST_H_
#define PINTLE_WORKER_TIER_TIER_MANIFEST_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"

namespace pintle::tier {

// What a disk tier keeps beside its blocks: the key of all hashes, without which no block could be
// found again, and where each session's KV ends.
struct TierManifest {
  struct SessionEnd {
    SessionKey key;
    kv::Hash128 tail;
    Position tokens = 0;
    // What its guarantee was and how long it holds, where one was in force.
    struct Guarantee {
      Position budget_tokens = 0;
      bool resident = false;
      absl::Time lease_until;

      friend bool operator==(const Guarantee&, const Guarantee&) = default;
    };
    std::optional<Guarantee> guarantee = std::nullopt;

    friend bool operator==(const SessionEnd&, const SessionEnd&) = default;
  };
  std::array<std::uint64_t, 2> hash_key{};
  std::vector<SessionEnd> sessions;

  // One line for each session, names in hex; the last line is a checksum of all before it.
  std::string Format() const;
  // DATA_LOSS when it is not whole.
  static absl::StatusOr<TierManifest> Parse(absl::string_view text);
};

// `manifest` in the folder. NOT_FOUND when there is none yet.
absl::StatusOr<TierManifest> LoadManifest(const std::string& folder);
// Replaces it at once or not at all: a temporary file, synced, renamed; mode 0600.
absl::Status SaveManifest(const std::string& folder, const TierManifest& manifest);

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_TIER_MANIFEST_H_

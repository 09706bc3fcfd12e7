// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_ARCHIVE_CHECKSUM_H_
#define PINTLE_SESSIONS_ARCHIVE_CHECKSUM_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "sessions/session_archive.h"

// XXH3 sums over a session's archive: they find damage, they are no signature.
// Thread: pure functions. Never fail.
namespace pintle {

// Of one portion's bytes.
std::uint64_t PortionChecksum(absl::string_view data);

// Runs over the parts of an archive in their order.
class ArchiveChecksum {
 public:
  void Add(const ArchiveHeader& header);
  // Nothing for best effort.
  void Add(const Pin& pin);
  void Add(const TranscriptTurn& turn);
  void Add(const KvPortion& portion);
  std::uint64_t value() const { return value_; }

 private:
  void AddBytes(absl::string_view bytes);
  void AddNumber(std::uint64_t number);

  std::uint64_t value_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_ARCHIVE_CHECKSUM_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CONTENT_HASH_H_
#define PINTLE_WORKER_MODEL_CONTENT_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pintle::model {

// Collects parts of a fingerprint; XXH3 at memory speed, because every start hashes every weight.
// It tells models apart, it does not defend against forged ones.
// Thread: confined to one thread; AddBytes itself uses `threads` of them.
class ContentHash {
 public:
  void AddText(absl::string_view text);
  // Hashes in pieces of fixed size, so that the result does not depend on `threads`.
  // Requires: threads >= 1.
  void AddBytes(absl::Span<const std::byte> bytes, int threads);
  // 32 hex digits of everything added, in order.
  std::string Hex() const;

 private:
  std::vector<std::uint64_t> parts_;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_CONTENT_HASH_H_

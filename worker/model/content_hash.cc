// SPDX-License-Identifier: Apache-2.0
#include "worker/model/content_hash.h"

#include <xxhash.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "contract/check.h"

namespace pintle::model {
namespace {

// Large enough to amortize a hash's start, small enough to share a file among threads.
constexpr std::size_t kPieceBytes = 4 << 20;

}  // namespace

void ContentHash::AddText(absl::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  parts_.insert(parts_.end(), {text.size(), hash.low64, hash.high64});
}

void ContentHash::AddBytes(absl::Span<const std::byte> bytes, int threads) {
  PINTLE_CHECK(threads >= 1, "the caller itself is the first thread");
  const std::size_t pieces = (bytes.size() + kPieceBytes - 1) / kPieceBytes;
  std::vector<std::uint64_t> hashes(2 * pieces);
  const auto work = [&](std::size_t first) {
    for (std::size_t i = first; i < pieces; i += static_cast<std::size_t>(threads)) {
      const auto piece = bytes.subspan(i * kPieceBytes, kPieceBytes);
      const XXH128_hash_t hash = XXH3_128bits(piece.data(), piece.size());
      hashes[2 * i] = hash.low64;
      hashes[2 * i + 1] = hash.high64;
    }
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work, static_cast<std::size_t>(t));
  work(0);
  for (std::thread& other : others) other.join();
  parts_.push_back(bytes.size());
  parts_.insert(parts_.end(), hashes.begin(), hashes.end());
}

std::string ContentHash::Hex() const {
  const XXH128_hash_t hash = XXH3_128bits(parts_.data(), parts_.size() * sizeof(parts_[0]));
  return absl::StrCat(absl::Hex(hash.high64, absl::kZeroPad16),
                      absl::Hex(hash.low64, absl::kZeroPad16));
}

}  // namespace pintle::model

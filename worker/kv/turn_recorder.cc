// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/turn_recorder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pintle::kv {
namespace {

// Everything of a line but its ids; an id takes up to 19 digits and a comma.
constexpr std::size_t kLineFrame = 160;
constexpr std::size_t kIdBytes = 20;

// Positive, so that any reader of integers of 64 bits takes it.
std::uint64_t IdOf(const Hash128& hash) { return hash.low >> 1; }

}  // namespace

TurnRecorder::TurnRecorder(const std::array<std::uint64_t, 2>& key, std::int32_t block_tokens,
                           std::size_t buffer_bytes)
    : hash_(key), block_tokens_(block_tokens), buffer_bytes_(buffer_bytes) {
  lines_.reserve(buffer_bytes);
}

std::size_t TurnRecorder::LineBytes(std::size_t tokens) const {
  const auto width = static_cast<std::size_t>(block_tokens_);
  return kLineFrame + (tokens + width - 1) / width * kIdBytes;
}

void TurnRecorder::Began(const KvLookup& lookup, absl::Duration now) {
  if (lookup.tokens.empty()) return;
  absl::MutexLock lock(&mutex_);
  if (first_ == -absl::InfiniteDuration()) first_ = now;
  if (lines_.size() + LineBytes(lookup.tokens.size()) > buffer_bytes_) {
    ++lost_;
    return;
  }
  absl::StrAppend(&lines_, "{\"timestamp\": ", absl::ToInt64Milliseconds(now - first_),
                  ", \"input_length\": ", lookup.tokens.size());
  if (!lookup.key.session.empty()) {
    const Hash128 tenant = hash_.Root(lookup.key.tenant.value());
    const Hash128 name = hash_.Root(lookup.key.session.value());
    absl::StrAppend(&lines_, ", \"session\": \"",
                    absl::Hex(name.low ^ tenant.high, absl::kZeroPad16), "\"");
  }
  absl::StrAppend(&lines_, ", \"hash_ids\": [");
  const auto width = static_cast<std::size_t>(block_tokens_);
  Hash128 hash = lookup.root;
  for (std::size_t start = 0; start < lookup.tokens.size(); start += width) {
    const std::size_t count = std::min(width, lookup.tokens.size() - start);
    hash = hash_.Extend(hash, lookup.tokens.subspan(start, count));
    absl::StrAppend(&lines_, start == 0 ? "" : ",", IdOf(hash));
  }
  absl::StrAppend(&lines_, "]}\n");
}

void TurnRecorder::Take(std::string& lines) {
  lines.reserve(buffer_bytes_);
  absl::MutexLock lock(&mutex_);
  lines_.swap(lines);
}

std::int64_t TurnRecorder::Lost() const {
  absl::MutexLock lock(&mutex_);
  return lost_;
}

}  // namespace pintle::kv

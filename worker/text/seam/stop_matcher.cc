// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "contract/check.h"

namespace pintle::text {
namespace {

// Moves the first `bytes` of `held` out of it.
std::string TakeFront(std::string& held, std::size_t bytes) {
  std::string front = held.substr(0, bytes);
  held.erase(0, bytes);
  return front;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops, bool include_stop)
    : stops_(std::move(stops)), include_stop_(include_stop) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
}

std::string StopMatcher::Push(absl::string_view text) {
  PINTLE_CHECK(!matched_, "text after a stop string");
  held_.append(text.data(), text.size());
  std::size_t begin = std::string::npos;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t found = held_.find(stop);
    if (found == std::string::npos) continue;
    const std::size_t found_end = found + stop.size();
    if (found_end < end || (found_end == end && found < begin)) {
      begin = found;
      end = found_end;
    }
  }
  if (end == std::string::npos) return TakeFront(held_, held_.size() - PartialMatchBytes());
  matched_ = true;
  matched_stop_ = held_.substr(begin, end - begin);
  std::string delivered = TakeFront(held_, include_stop_ ? end : begin);
  held_.clear();
  return delivered;
}

std::string StopMatcher::PushUnchecked(absl::string_view text) {
  PINTLE_CHECK(!matched_, "text after a stop string");
  held_.append(text.data(), text.size());
  return Flush();
}

std::string StopMatcher::Flush() { return std::exchange(held_, std::string()); }

std::size_t StopMatcher::PartialMatchBytes() const {
  const absl::string_view held = held_;
  const std::size_t most = std::min(held.size(), longest_ == 0 ? 0 : longest_ - 1);
  for (std::size_t bytes = most; bytes > 0; --bytes) {
    const absl::string_view tail = held.substr(held.size() - bytes);
    for (const std::string& stop : stops_) {
      if (stop.size() > bytes && absl::StartsWith(stop, tail)) return bytes;
    }
  }
  return 0;
}

}  // namespace pintle::text

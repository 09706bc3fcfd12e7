// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_STOP_MATCHER_H_
#define PINTLE_WORKER_TEXT_SEAM_STOP_MATCHER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pintle::text {

// Finds the first of several stop strings in a stream of text, however the stream is cut: the
// match that ends first wins, of those the longest. Text that may still become a stop string is
// held back, so none ever leaks, not even in part.
// Thread: confined. Never fails. Push costs O(stops x longest stop) beyond the text itself.
class StopMatcher {
 public:
  // Empty strings are ignored. With `include_stop` the matched string itself is delivered too.
  StopMatcher(std::vector<std::string> stops, bool include_stop);

  // Text that is now safe to deliver. Requires: !matched().
  std::string Push(absl::string_view text);
  // Delivers `text` (and what was held back) without looking for stop strings in it: what
  // min_tokens asks for. Requires: !matched().
  std::string PushUnchecked(absl::string_view text);
  // The stream ended without a match: what was held back is ordinary text after all.
  std::string Flush();

  bool matched() const { return matched_; }
  // The stop string found; empty until then.
  const std::string& matched_stop() const { return matched_stop_; }
  std::size_t held_bytes() const { return held_.size(); }

 private:
  // Length of the longest end of held_ that is a proper beginning of a stop string.
  std::size_t PartialMatchBytes() const;

  std::vector<std::string> stops_;
  std::size_t longest_ = 0;
  bool include_stop_;
  bool matched_ = false;
  std::string matched_stop_;
  std::string held_;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_STOP_MATCHER_H_

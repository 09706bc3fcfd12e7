// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_DETOKENIZER_H_
#define PINTLE_WORKER_TEXT_SEAM_DETOKENIZER_H_

#include <cstddef>
#include <string>

#include "contract/ids.h"
#include "worker/text/seam/text_model.h"

namespace pintle::text {

struct DetokenizerOptions {
  // Special tokens yield no text.
  bool skip_special = true;
  // The first token begins a text (a decoded prompt); output that continues a prompt keeps the
  // space its first token carries.
  bool at_start = false;
};

// Turns ids into text one by one; never yields broken UTF-8. Costs O(bytes of the token).
// Thread: confined. Borrows the TextModel. Never fails: bytes that can be no UTF-8 become U+FFFD,
// one for each maximal broken part, as every Unicode decoder does.
class Detokenizer {
 public:
  Detokenizer(const TextModel& model, DetokenizerOptions options);

  // Text that became complete with this token; possibly empty.
  std::string Push(TokenId id);
  // What is left of an incomplete sequence: U+FFFD, or nothing.
  std::string Flush();
  // Bytes of an incomplete sequence that wait for the next token (0 to 3).
  std::size_t pending_bytes() const { return pending_.size(); }

 private:
  const TextModel& model_;
  DetokenizerOptions options_;
  bool first_ = true;
  std::string pending_;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_DETOKENIZER_H_

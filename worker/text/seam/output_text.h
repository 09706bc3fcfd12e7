// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_OUTPUT_TEXT_H_
#define PINTLE_WORKER_TEXT_SEAM_OUTPUT_TEXT_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "worker/text/seam/detokenizer.h"
#include "worker/text/seam/stop_matcher.h"
#include "worker/text/seam/text_model.h"

namespace pintle::text {

struct OutputTextOptions {
  std::vector<std::string> stop = {};
  bool include_stop_in_output = false;
  bool skip_special = true;
};

// How one output token is treated.
enum class TokenTreatment {
  kNormal,
  // min_tokens is not reached: its text may complete no stop string.
  kUnchecked,
  // EOS and stop ids: part of the ids, never of the text.
  kSilent,
};

// What may be delivered now: the text is exactly the text of the tokens.
struct DeliveredText {
  std::string text;
  std::vector<TokenId> token_ids;
  // How many of token_ids are the model's own, in order; the rest re-spells the delivered part of
  // a token that a stop string cut, so it has no logprobs.
  std::size_t sampled_tokens = 0;
};

// The way of one choice from sampled ids to what a client sees: detokenizes, holds back tokens
// whose text is incomplete or may become a stop string, and cuts ids and text at a stop string so
// that both hold exactly what is delivered.
// Thread: confined. Borrows the TextModel.
// Fails: Push after stopped() is a programmer's error.
class OutputText {
 public:
  OutputText(const TextModel& model, OutputTextOptions options);

  // Takes the next sampled token. INTERNAL when a cut token cannot be spelled.
  absl::StatusOr<DeliveredText> Push(TokenId id, TokenTreatment treatment);
  // The choice ended (EOS, length, cancel): everything held back, an incomplete UTF-8 tail as
  // U+FFFD. Empty after a stop.
  DeliveredText Finish();

  // A stop string was found: the last DeliveredText completed the choice.
  bool stopped() const { return matcher_.matched(); }
  // Which one; empty until then.
  const std::string& matched_stop() const { return matcher_.matched_stop(); }
  // Tokens and text delivered so far, in all.
  std::size_t delivered_tokens() const { return delivered_tokens_; }
  const std::string& delivered_text() const { return delivered_text_; }

 private:
  struct HeldToken {
    TokenId id;
    std::size_t text_begin;  // in the choice's whole text
    std::size_t text_end;
    bool complete;  // false while its last bytes wait for the next token
  };

  void AppendDecoded(const std::string& text);
  DeliveredText Deliver(std::size_t tokens);
  absl::StatusOr<DeliveredText> DeliverStopped();

  const TextModel& model_;
  Detokenizer detokenizer_;
  StopMatcher matcher_;
  std::deque<HeldToken> held_;
  std::string undelivered_;        // decoded text from delivered_text_.size() on
  std::size_t safe_bytes_ = 0;     // bytes of the whole text that the matcher has let go
  std::size_t decoded_bytes_ = 0;  // bytes of the whole text decoded so far
  std::size_t delivered_tokens_ = 0;
  std::string delivered_text_;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_OUTPUT_TEXT_H_

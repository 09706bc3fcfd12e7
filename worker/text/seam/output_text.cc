// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/output_text.h"

#include <utility>

#include "contract/check.h"
#include "contract/status_macros.h"

namespace pintle::text {

OutputText::OutputText(const TextModel& model, OutputTextOptions options)
    : model_(model),
      detokenizer_(model, {.skip_special = options.skip_special, .at_start = false}),
      matcher_(std::move(options.stop), options.include_stop_in_output) {}

absl::StatusOr<DeliveredText> OutputText::Push(TokenId id, TokenTreatment treatment) {
  PINTLE_CHECK(!stopped(), "a token after a stop string");
  HeldToken token{
      .id = id, .text_begin = decoded_bytes_, .text_end = decoded_bytes_, .complete = true};
  if (treatment != TokenTreatment::kSilent) {
    const std::string text = detokenizer_.Push(id);
    AppendDecoded(text);
    safe_bytes_ += treatment == TokenTreatment::kNormal ? matcher_.Push(text).size()
                                                        : matcher_.PushUnchecked(text).size();
    token.text_end = decoded_bytes_;
    token.complete = detokenizer_.pending_bytes() == 0;
    // Tokens that share a code point go together: delivering or cutting one alone would leave half
    // a character in the ids.
    for (auto it = held_.rbegin(); it != held_.rend() && !it->complete; ++it) {
      it->text_end = token.text_end;
      it->complete = token.complete;
    }
  }
  held_.push_back(token);
  if (stopped()) return DeliverStopped();
  std::size_t ready = 0;
  while (ready < held_.size() && held_[ready].complete && held_[ready].text_end <= safe_bytes_) {
    ++ready;
  }
  return Deliver(ready);
}

DeliveredText OutputText::Finish() {
  if (stopped()) return DeliveredText();
  AppendDecoded(detokenizer_.Flush());
  matcher_.Flush();
  safe_bytes_ = decoded_bytes_;
  for (HeldToken& token : held_) token.complete = true;
  if (!held_.empty()) held_.back().text_end = decoded_bytes_;
  return Deliver(held_.size());
}

void OutputText::AppendDecoded(const std::string& text) {
  undelivered_ += text;
  decoded_bytes_ += text.size();
}

DeliveredText OutputText::Deliver(std::size_t tokens) {
  DeliveredText delivered;
  if (tokens == 0) return delivered;
  delivered.text = undelivered_.substr(0, held_[tokens - 1].text_end - delivered_text_.size());
  undelivered_.erase(0, delivered.text.size());
  delivered_text_ += delivered.text;
  for (; delivered.sampled_tokens < tokens; ++delivered.sampled_tokens) {
    delivered.token_ids.push_back(held_.front().id);
    held_.pop_front();
  }
  delivered_tokens_ += tokens;
  return delivered;
}

absl::StatusOr<DeliveredText> OutputText::DeliverStopped() {
  std::size_t whole = 0;
  while (whole < held_.size() && held_[whole].text_end <= safe_bytes_) ++whole;
  // Tokens without text right before the stop string's own first token are kept: they carry
  // nothing of it. Those inside it go with it.
  DeliveredText delivered = Deliver(whole);
  const std::size_t cut_bytes = safe_bytes_ - delivered_text_.size();
  if (cut_bytes > 0) {
    const std::string part = undelivered_.substr(0, cut_bytes);
    PINTLE_ASSIGN_OR_RETURN(const std::vector<TokenId> spelled, model_.EncodeContinuation(part));
    delivered.token_ids.insert(delivered.token_ids.end(), spelled.begin(), spelled.end());
    delivered.text += part;
    delivered_text_ += part;
    delivered_tokens_ += spelled.size();
  }
  held_.clear();
  undelivered_.clear();
  return delivered;
}

}  // namespace pintle::text

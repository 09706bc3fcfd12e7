// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_record.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace pintle {

absl::Status TurnRecord::Add(const v1::GenerateResponse& response, absl::Duration now) {
  total_ = now - start_;
  switch (response.event_case()) {
    case v1::GenerateResponse::kStarted: started_ = response.started(); break;
    case v1::GenerateResponse::kChunk: return AddChunk(response.chunk(), now);
    case v1::GenerateResponse::kPrompt: prompt_.push_back(response.prompt()); break;
    case v1::GenerateResponse::kChoiceFinished: {
      ChoiceRecord& choice = choices_[response.choice_finished().choice()];
      choice.reason = response.choice_finished().reason();
      choice.stop = response.choice_finished().stop();
      break;
    }
    case v1::GenerateResponse::kFinished:
      finished_ = response.finished();
      has_finished_ = true;
      break;
    default: break;  // A newer server's event.
  }
  return absl::OkStatus();
}

absl::Status TurnRecord::AddChunk(const v1::Chunk& chunk, absl::Duration now) {
  ChoiceRecord& choice = choices_[chunk.choice()];
  if (static_cast<std::size_t>(chunk.first_index()) != choice.token_ids.size()) {
    return absl::InternalError(absl::StrCat("choice ", chunk.choice(), " goes on at index ",
                                            chunk.first_index(), " after ", choice.token_ids.size(),
                                            " tokens"));
  }
  if (!ttft_ && chunk.token_ids_size() > 0) ttft_ = now - start_;
  choice.text += chunk.text();
  choice.token_ids.insert(choice.token_ids.end(), chunk.token_ids().begin(),
                          chunk.token_ids().end());
  choice.logprobs.insert(choice.logprobs.end(), chunk.logprobs().begin(), chunk.logprobs().end());
  return absl::OkStatus();
}

absl::Status TurnRecord::Finish() const {
  if (has_finished_) return absl::OkStatus();
  return absl::InternalError("the answer's stream ended before it was finished");
}

std::optional<double> TurnRecord::TokensPerSecond() const {
  std::size_t tokens = 0;
  for (const auto& [index, choice] : choices_) tokens += choice.token_ids.size();
  if (tokens < 2 || !ttft_ || total_ <= *ttft_) return std::nullopt;
  return static_cast<double>(tokens - 1) / absl::ToDoubleSeconds(total_ - *ttft_);
}

}  // namespace pintle

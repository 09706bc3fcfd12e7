// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TURN_RECORD_H_
#define PINTLE_CLI_TURN_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pintle/v1/inference.pb.h"

namespace pintle {

struct ChoiceRecord {
  std::string text;
  std::vector<std::int32_t> token_ids;
  std::vector<v1::TokenLogprob> logprobs;
  v1::FinishReason reason = v1::FINISH_REASON_UNSPECIFIED;
  std::string stop;
};

// One turn as its client saw it: what came, and when by the client's clock.
// Thread: one. Owns what it collected.
// Fails: Add and Finish answer INTERNAL when the stream breaks the API's promises (a gap in the
// indices, an end without `finished`), so a lost token is never taken for an answer.
class TurnRecord {
 public:
  // `start` is the clock's reading just before the call.
  explicit TurnRecord(absl::Duration start) : start_(start) {}

  absl::Status Add(const v1::GenerateResponse& response, absl::Duration now);
  // To be called when the stream ended OK.
  absl::Status Finish() const;

  const v1::Started& started() const { return started_; }
  const v1::Finished& finished() const { return finished_; }
  // By choice; choice 0 is there as soon as anything came for it.
  const std::map<int, ChoiceRecord>& choices() const { return choices_; }
  const std::vector<v1::PromptChunk>& prompt() const { return prompt_; }
  // From the call's start to the first chunk with tokens; nullopt before.
  std::optional<absl::Duration> ttft() const { return ttft_; }
  // From the call's start to `finished`, or to the last event so far.
  absl::Duration total() const { return total_; }
  // Tokens after the first a second, over all choices; nullopt for fewer than two.
  std::optional<double> TokensPerSecond() const;

 private:
  absl::Status AddChunk(const v1::Chunk& chunk, absl::Duration now);

  const absl::Duration start_;
  v1::Started started_;
  v1::Finished finished_;
  bool has_finished_ = false;
  std::map<int, ChoiceRecord> choices_;
  std::vector<v1::PromptChunk> prompt_;
  std::optional<absl::Duration> ttft_;
  absl::Duration total_;
};

}  // namespace pintle

#endif  // PINTLE_CLI_TURN_RECORD_H_

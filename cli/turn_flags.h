// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TURN_FLAGS_H_
#define PINTLE_CLI_TURN_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pintle {

namespace v1 {
class GenerateRequest;
}

// How a turn is generated, as flags. What is not given is not sent, so the model's own defaults and
// the server's hold.
struct TurnFlags {
  std::string model;
  std::optional<std::int32_t> max_tokens;
  std::optional<std::int32_t> min_tokens;
  std::optional<float> temperature;
  std::optional<std::uint64_t> seed;
  std::optional<float> top_p;
  std::optional<std::int32_t> top_k;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
  std::optional<float> presence_penalty;
  std::optional<float> frequency_penalty;
  std::vector<std::string> stop;
  std::optional<std::int32_t> logprobs;
  std::optional<std::int32_t> priority;
  bool ignore_eos = false;
};

// `flags` outlives the app.
void AddTurnFlags(CLI::App& app, TurnFlags& flags);
void FillOptions(const TurnFlags& flags, v1::GenerateRequest& request);

}  // namespace pintle

#endif  // PINTLE_CLI_TURN_FLAGS_H_

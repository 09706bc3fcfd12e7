// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_flags.h"

#include <CLI/CLI.hpp>

#include "pintle/v1/inference.pb.h"

namespace pintle {

void AddTurnFlags(CLI::App& app, TurnFlags& flags) {
  app.add_option("--model", flags.model, "Needed only where several models are served")
      ->type_name("NAME");
  app.add_option("--max-tokens", flags.max_tokens, "Tokens generated at most");
  app.add_option("--min-tokens", flags.min_tokens, "Tokens before the answer may end");
  app.add_option("--temperature", flags.temperature, "0 is greedy; default: the model's own");
  app.add_option("--seed", flags.seed,
                 "Equal seeds draw equal tokens; default: drawn by the server")
      // Without it CLI11 takes -1 for the largest seed.
      ->check(CLI::NonNegativeNumber);
  app.add_option("--top-p", flags.top_p, "Nucleus sampling, in (0, 1]");
  app.add_option("--top-k", flags.top_k, "Only the k most likely tokens; 0 is off");
  app.add_option("--min-p", flags.min_p, "Drops tokens less likely than this share of the best");
  app.add_option("--repetition-penalty", flags.repetition_penalty,
                 "Over the whole context; 1 is off");
  app.add_option("--presence-penalty", flags.presence_penalty,
                 "Over this turn's output, in [-2, 2]");
  app.add_option("--frequency-penalty", flags.frequency_penalty,
                 "Over this turn's output, in [-2, 2]");
  app.add_option("--stop", flags.stop, "Text that ends the answer; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_option("--logprobs", flags.logprobs,
                 "Log-probabilities, each with this many alternatives (0 to 20), into the JSON");
  app.add_option("--priority", flags.priority, "0 to 100; larger goes first; default 50");
  app.add_flag("--ignore-eos", flags.ignore_eos, "Go on to --max-tokens");
}

void FillOptions(const TurnFlags& flags, v1::GenerateRequest& request) {
  request.set_model(flags.model);
  v1::SamplingOptions& sampling = *request.mutable_sampling();
  if (flags.temperature) sampling.set_temperature(*flags.temperature);
  if (flags.seed) sampling.set_seed(*flags.seed);
  if (flags.top_p) sampling.set_top_p(*flags.top_p);
  if (flags.top_k) sampling.set_top_k(*flags.top_k);
  if (flags.min_p) sampling.set_min_p(*flags.min_p);
  if (flags.repetition_penalty) sampling.set_repetition_penalty(*flags.repetition_penalty);
  if (flags.presence_penalty) sampling.set_presence_penalty(*flags.presence_penalty);
  if (flags.frequency_penalty) sampling.set_frequency_penalty(*flags.frequency_penalty);
  v1::StoppingOptions& stopping = *request.mutable_stopping();
  if (flags.max_tokens) stopping.set_max_tokens(*flags.max_tokens);
  if (flags.min_tokens) stopping.set_min_tokens(*flags.min_tokens);
  for (const std::string& stop : flags.stop) stopping.add_stop(stop);
  stopping.set_ignore_eos(flags.ignore_eos);
  if (flags.logprobs) {
    request.mutable_output()->set_logprobs(true);
    request.mutable_output()->set_top_logprobs(*flags.logprobs);
  }
  if (flags.priority) request.set_priority(*flags.priority);
}

}  // namespace pintle

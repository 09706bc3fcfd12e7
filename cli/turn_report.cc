// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_report.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/harmless_text.h"
#include "cli/table.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

using Json = nlohmann::ordered_json;

double SecondsOf(const google::protobuf::Duration& duration) {
  return absl::ToDoubleSeconds(FromProto(duration));
}

template <typename Logprobs>
Json LogprobsJson(const Logprobs& logprobs) {
  Json list = Json::array();
  for (const v1::TokenLogprob& token : logprobs) {
    Json top = Json::array();
    for (const v1::TopLogprob& other : token.top()) {
      top.push_back({{"token_id", other.token_id()}, {"logprob", other.logprob()}});
    }
    Json entry = {{"token_id", token.token_id()}, {"logprob", token.logprob()}};
    if (!top.empty()) entry["top"] = std::move(top);
    list.push_back(std::move(entry));
  }
  return list;
}

Json ChoiceJson(const ChoiceRecord& choice) {
  Json json = {{"text", choice.text},
               {"token_ids", choice.token_ids},
               {"finish_reason", ReasonWord(choice.reason)}};
  if (!choice.stop.empty()) json["stop"] = choice.stop;
  if (!choice.logprobs.empty()) json["logprobs"] = LogprobsJson(choice.logprobs);
  return json;
}

Json PromptJson(const std::vector<v1::PromptChunk>& chunks) {
  Json json = {{"text", ""}, {"token_ids", Json::array()}, {"logprobs", Json::array()}};
  std::string text;
  for (const v1::PromptChunk& chunk : chunks) {
    text += chunk.text();
    for (const std::int32_t id : chunk.token_ids()) json["token_ids"].push_back(id);
    for (Json& entry : LogprobsJson(chunk.logprobs())) json["logprobs"].push_back(entry);
  }
  json["text"] = text;
  return json;
}

Json TimingsJson(const TurnRecord& turn) {
  Json timings = {{"ttft_seconds", nullptr},
                  {"total_seconds", absl::ToDoubleSeconds(turn.total())},
                  {"tokens_per_second", nullptr}};
  if (turn.ttft()) timings["ttft_seconds"] = absl::ToDoubleSeconds(*turn.ttft());
  if (const auto rate = turn.TokensPerSecond()) timings["tokens_per_second"] = *rate;
  const v1::Timings& server = turn.finished().timings();
  timings["server"] = {{"queue_seconds", SecondsOf(server.queue())},
                       {"ttft_seconds", SecondsOf(server.time_to_first_token())},
                       {"total_seconds", SecondsOf(server.total())}};
  return timings;
}

void AddStarted(const v1::Started& started, Json& json) {
  json["worker"] = started.worker();
  json["incarnation"] = absl::StrFormat("%016x", started.incarnation());
  json["seed"] = started.seed();
  json["history"] = absl::AsciiStrToLower(v1::HistoryOutcome_Name(started.history()));
  json["dropped_tokens"] = started.dropped_tokens();
  const v1::CachedTokens& cached = started.cached_tokens();
  json["cached"] = {{"session", cached.session()},
                    {"prefix", cached.prefix()},
                    {"host", cached.host()},
                    {"disk", cached.disk()}};
}

// "990 session, 8 prefix"; empty when nothing was cached.
std::string CachedSources(const v1::CachedTokens& cached) {
  std::vector<std::string> sources;
  const std::pair<const char*, int> counts[] = {{"session", cached.session()},
                                                {"prefix", cached.prefix()},
                                                {"host", cached.host()},
                                                {"disk", cached.disk()}};
  for (const auto& [source, tokens] : counts) {
    if (tokens > 0) sources.push_back(absl::StrCat(Grouped(tokens), " ", source));
  }
  return absl::StrJoin(sources, ", ");
}

}  // namespace

std::string ReasonWord(v1::FinishReason reason) {
  const std::string& name = v1::FinishReason_Name(reason);
  if (name.empty() || reason == v1::FINISH_REASON_UNSPECIFIED) return "unknown";
  return absl::AsciiStrToLower(name);
}

std::string TurnJson(const TurnRecord& turn, absl::string_view session) {
  const auto first = turn.choices().find(0);
  Json json = ChoiceJson(first == turn.choices().end() ? ChoiceRecord() : first->second);
  const v1::Usage& usage = turn.finished().usage();
  json["usage"] = {{"prompt_tokens", usage.prompt_tokens()},
                   {"cached_tokens", usage.cached_tokens()},
                   {"completion_tokens", usage.completion_tokens()}};
  json["timings"] = TimingsJson(turn);
  json["session"] = std::string(session);
  AddStarted(turn.started(), json);
  if (!turn.prompt().empty()) json["prompt"] = PromptJson(turn.prompt());
  if (turn.choices().size() > 1) {
    json["choices"] = Json::array();
    for (const auto& [index, choice] : turn.choices())
      json["choices"].push_back(ChoiceJson(choice));
  }
  // A server's text is valid UTF-8; were it not, the JSON still has to be.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string TurnSummary(const TurnRecord& turn) {
  std::vector<std::string> facts;
  if (turn.ttft()) {
    facts.push_back(absl::StrFormat("TTFT %.0f ms", absl::ToDoubleMilliseconds(*turn.ttft())));
  }
  if (const auto rate = turn.TokensPerSecond()) {
    facts.push_back(absl::StrFormat("%.1f tokens/s", *rate));
  }
  const v1::Usage& usage = turn.finished().usage();
  const std::string sources = CachedSources(turn.started().cached_tokens());
  facts.push_back(absl::StrCat("prompt ", Grouped(usage.prompt_tokens()), " tokens, ",
                               Grouped(usage.cached_tokens()), " cached",
                               sources.empty() ? "" : absl::StrCat(" (", sources, ")")));
  facts.push_back(absl::StrCat(Grouped(usage.completion_tokens()), " generated"));
  std::vector<std::string> reasons;
  for (const auto& [index, choice] : turn.choices()) reasons.push_back(ReasonWord(choice.reason));
  facts.push_back(absl::StrCat("ended by ", absl::StrJoin(reasons, ", ")));
  if (turn.started().history() == v1::REWRITTEN) {
    facts.push_back(
        absl::StrCat("history rewritten, ", turn.started().dropped_tokens(), " tokens dropped"));
  }
  if (!turn.started().worker().empty()) {
    facts.push_back(absl::StrCat("worker ", HarmlessLine(turn.started().worker())));
  }
  return absl::StrJoin(facts, " | ");
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/turn_history.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/text/seam/history_planner.h"

namespace pintle::text {
namespace {

// A transcript of turns laid flat, owning what a TranscriptView borrows.
struct FlatTranscript {
  std::vector<Message> messages;
  std::vector<TokenId> token_ids;
  std::vector<OutputRange> outputs;
  Position chat_begin = 0;
  absl::string_view tools_json;
  absl::string_view template_arguments_json;

  explicit FlatTranscript(absl::Span<const TranscriptTurn> turns) {
    for (const TranscriptTurn& turn : turns) {
      token_ids.insert(token_ids.end(), turn.tokens.begin(), turn.tokens.end());
      const auto end = static_cast<Position>(token_ids.size());
      if (turn.messages.empty()) {
        messages.clear();
        outputs.clear();
        chat_begin = end;
        continue;
      }
      messages.insert(messages.end(), turn.messages.begin(), turn.messages.end());
      outputs.push_back({end - turn.output_tokens, end});
      tools_json = turn.tools_json;
      template_arguments_json = turn.template_arguments_json;
    }
  }

  TranscriptView view() const {
    return {.messages = messages,
            .token_ids = token_ids,
            .outputs = outputs,
            .chat_begin = chat_begin,
            .tools_json = tools_json,
            .template_arguments_json = template_arguments_json};
  }
};

HistoryOutcome OutcomeOf(const HistoryPlan& plan, bool new_transcript) {
  if (new_transcript) return HistoryOutcome::kNew;
  if (plan.rewritten) return HistoryOutcome::kRewritten;
  return plan.dropped_tokens > 0 ? HistoryOutcome::kReplaced : HistoryOutcome::kAppended;
}

bool StartsWith(absl::Span<const Message> messages, absl::Span<const Message> prefix) {
  return messages.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), messages.begin());
}

absl::StatusOr<TurnPrepared> PrepareChat(const TextModel& model,
                                         absl::Span<const TranscriptTurn> turns,
                                         const ChatInput& chat, absl::Time frozen_clock) {
  const FlatTranscript flat(turns);
  PINTLE_ASSIGN_OR_RETURN(HistoryPlan plan, PlanHistory(model, flat.view(), chat, frozen_clock));
  TurnPrepared prepared;
  prepared.dropped_tokens = plan.dropped_tokens;
  prepared.history = OutcomeOf(plan, turns.empty());
  prepared.tools_json = std::move(plan.tools_json);
  prepared.template_arguments_json = std::move(plan.template_arguments_json);
  // A turn stays whole when all its ids and all its messages do.
  Position end = 0;
  std::size_t messages = 0;
  for (const TranscriptTurn& turn : turns) {
    end += static_cast<Position>(turn.tokens.size());
    if (end > plan.truncated_to) break;
    // Messages up to the last raw turn are not in the plan; those turns are never touched.
    if (end > flat.chat_begin) {
      if (!StartsWith(absl::MakeConstSpan(plan.messages).subspan(messages), turn.messages)) break;
      messages += turn.messages.size();
    }
    prepared.truncated_to = end;
    ++prepared.kept_turns;
  }
  prepared.messages.assign(plan.messages.begin() + static_cast<std::ptrdiff_t>(messages),
                           plan.messages.end());
  // Ids kept beyond the whole turns begin the new turn's prompt part, as they are.
  prepared.appended.assign(flat.token_ids.begin() + prepared.truncated_to,
                           flat.token_ids.begin() + plan.truncated_to);
  prepared.appended.insert(prepared.appended.end(), plan.appended.begin(), plan.appended.end());
  return prepared;
}

absl::Status CheckTokens(const TextModel& model, absl::Span<const TokenId> tokens) {
  for (const TokenId id : tokens) {
    if (id < 0 || static_cast<std::size_t>(id) >= model.vocab_size()) {
      return InvalidField(
          "tokens", absl::StrCat("holds ", id, ", the vocabulary ends at ", model.vocab_size()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TurnPrepared> PrepareTurn(const TextModel& model,
                                         absl::Span<const TranscriptTurn> turns,
                                         const GenerationInput& input, absl::Time frozen_clock) {
  if (const auto* chat = std::get_if<ChatInput>(&input)) {
    return PrepareChat(model, turns, *chat, frozen_clock);
  }
  TurnPrepared prepared;
  prepared.kept_turns = static_cast<std::int32_t>(turns.size());
  for (const TranscriptTurn& turn : turns) {
    prepared.truncated_to += static_cast<Position>(turn.tokens.size());
  }
  prepared.history = turns.empty() ? HistoryOutcome::kNew : HistoryOutcome::kAppended;
  if (const auto* tokens = std::get_if<TokensInput>(&input)) {
    PINTLE_RETURN_IF_ERROR(CheckTokens(model, *tokens));
    prepared.appended = *tokens;
  } else {
    const auto& prompt = std::get<PromptInput>(input);
    PINTLE_ASSIGN_OR_RETURN(
        prepared.appended,
        model.Encode(prompt.text, {.add_special_tokens = prepared.truncated_to == 0,
                                   .parse_special = prompt.parse_special}));
  }
  if (prepared.truncated_to == 0 && prepared.appended.empty()) {
    return InvalidField("prompt", "yields no token");
  }
  return prepared;
}

}  // namespace pintle::text

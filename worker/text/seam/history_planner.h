// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_HISTORY_PLANNER_H_
#define PINTLE_WORKER_TEXT_SEAM_HISTORY_PLANNER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"
#include "worker/text/seam/text_model.h"

namespace pintle::text {

// Positions [begin, end) of a transcript that the model generated; all others were prompts.
struct OutputRange {
  Position begin = 0;
  Position end = 0;

  friend bool operator==(const OutputRange&, const OutputRange&) = default;
};

// A stored transcript as the planner sees it: all turns one after the other.
struct TranscriptView {
  // Every message of the chat turns, the assistant's answers included.
  absl::Span<const Message> messages = {};
  absl::Span<const TokenId> token_ids = {};
  // Ascending; one per committed turn (choice 0's output), clipped where a later turn truncated.
  absl::Span<const OutputRange> outputs = {};
  // Positions before it come from raw turns (prompt text or ids), which no message describes:
  // they are never rendered anew. `messages` holds only what follows.
  Position chat_begin = 0;
  // Tools and template arguments of the last chat turn: what the stored ids were rendered with.
  absl::string_view tools_json = {};
  absl::string_view template_arguments_json = {};
};

// What a turn does to the transcript before it generates.
struct HistoryPlan {
  // Positions kept; everything from here on is dropped. Equals the transcript's length on a plain
  // append.
  Position truncated_to = 0;
  // Ids to append there, ending with the generation prompt.
  std::vector<TokenId> appended;
  // Stored tokens dropped.
  Position dropped_tokens = 0;
  // Messages that were equal to stored ones could not keep all their ids, because the template now
  // writes them differently: started.history says REWRITTEN.
  bool rewritten = false;
  // What the transcript holds from now on, without the answer to come. An APPEND that names no
  // tools or template arguments goes on with the stored ones: it sends only what is new.
  std::vector<Message> messages;
  std::string tools_json;
  std::string template_arguments_json;
};

// Decides how a chat turn continues a transcript (design section 5): ids already in it are never
// tokenized again as long as the template still writes the same text for them.
// Thread: stateless, safe anywhere. Costs at most four renders plus tokenizing what is new.
// Fails: with RenderChat's errors; INVALID_FIELD for a chat without messages.
absl::StatusOr<HistoryPlan> PlanHistory(const TextModel& model, const TranscriptView& transcript,
                                        const ChatInput& chat, absl::Time frozen_clock);

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_HISTORY_PLANNER_H_

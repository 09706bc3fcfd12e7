// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/history_planner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle::text {
namespace {

// A control token that stands both in the stored text and in the stored ids: a place where text
// and ids are known to agree, so that ids may be cut there and text tokenized from there.
struct Anchor {
  std::size_t text_end = 0;  // just after the control token in the rendered text
  Position ids_end = 0;      // just after it in the transcript
};

struct Alignment {
  std::vector<Anchor> anchors;  // ascending in both
  // Every prompt-side control id found its place in the text.
  bool complete = true;
};

bool IsControlOf(const RenderedChat& chat, TokenId id) {
  return std::any_of(chat.controls.begin(), chat.controls.end(),
                     [id](const ControlToken& control) { return control.id == id; });
}

// The first ids of a transcript and a rendering may both be BOS; it occurs once.
std::size_t SkipRepeatedBos(const RenderedChat& chat, const TranscriptView& transcript) {
  const bool repeated = transcript.chat_begin > 0 && !transcript.token_ids.empty() &&
                        !chat.controls.empty() && chat.controls.front().begin == 0 &&
                        chat.controls.front().id == transcript.token_ids.front();
  return repeated ? chat.controls.front().end : 0;
}

// Pairs the control tokens of the stored text with those of the stored ids. Ids the model
// generated count only as the last of an output: control ids within it are no template's.
Alignment Align(const RenderedChat& old_chat, const TranscriptView& transcript) {
  Alignment alignment;
  std::size_t next = SkipRepeatedBos(old_chat, transcript) > 0 ? 1 : 0;
  auto output = transcript.outputs.begin();
  const auto size = static_cast<Position>(transcript.token_ids.size());
  for (Position at = transcript.chat_begin; at < size; ++at) {
    while (output != transcript.outputs.end() && output->end <= at) ++output;
    const bool generated = output != transcript.outputs.end() && output->begin <= at;
    if (generated && at + 1 < output->end) continue;
    const TokenId id = transcript.token_ids[static_cast<std::size_t>(at)];
    if (next < old_chat.controls.size() && old_chat.controls[next].id == id) {
      alignment.anchors.push_back({old_chat.controls[next].end, at + 1});
      ++next;
    } else if (!generated && IsControlOf(old_chat, id)) {
      alignment.complete = false;
      break;
    }
  }
  return alignment;
}

// How far two renderings agree, in characters and in what is control and what is not.
std::size_t CommonBytes(const RenderedChat& a, const RenderedChat& b) {
  const auto [end, unused] =
      std::mismatch(a.text.begin(), a.text.end(), b.text.begin(), b.text.end());
  auto common = static_cast<std::size_t>(end - a.text.begin());
  const auto [in_a, in_b] =
      std::mismatch(a.controls.begin(), a.controls.end(), b.controls.begin(), b.controls.end());
  if (in_a != a.controls.end()) common = std::min(common, in_a->begin);
  if (in_b != b.controls.end()) common = std::min(common, in_b->begin);
  return common;
}

Anchor LastAnchorWithin(const Alignment& alignment, std::size_t text_bytes, Anchor none) {
  for (auto it = alignment.anchors.rbegin(); it != alignment.anchors.rend(); ++it) {
    if (it->text_end <= text_bytes) return *it;
  }
  return none;
}

// Where the template's closing of the last answer begins: after the answer's text, or before the
// first control token behind it when the template does not write the answer as it was given.
std::size_t ClosingBegin(const RenderedChat& chat, std::size_t from, absl::string_view answer) {
  answer = absl::StripAsciiWhitespace(answer);
  std::vector<std::pair<std::size_t, std::size_t>> plain;  // texts between control tokens
  std::size_t begin = from;
  for (const ControlToken& control : chat.controls) {
    if (control.begin < from) continue;
    plain.emplace_back(begin, control.begin);
    begin = control.end;
  }
  plain.emplace_back(begin, chat.text.size());
  const absl::string_view text = chat.text;
  // A template may reshape what comes before (reasoning), so the last line alone will do.
  const std::size_t last_line = answer.rfind('\n');
  for (const absl::string_view wanted :
       {answer, last_line == answer.npos ? answer : answer.substr(last_line + 1)}) {
    if (wanted.empty()) break;
    for (auto it = plain.rbegin(); it != plain.rend(); ++it) {
      const std::size_t found = text.substr(it->first, it->second - it->first).rfind(wanted);
      if (found != text.npos) return it->first + found + wanted.size();
    }
  }
  return plain.front().second;
}

struct Continuation {
  std::size_t text_begin = 0;  // of the new rendering, what is tokenized
  Position keep = 0;           // of the transcript
};

// The stored text is a prefix of the new one, so every stored id stays. Nullopt when the
// transcript does not end with an answer, so that nobody can say what closes it.
std::optional<Continuation> AfterAnswer(const RenderedChat& old_chat, const Alignment& alignment,
                                        const TranscriptView& transcript) {
  const auto size = static_cast<Position>(transcript.token_ids.size());
  if (transcript.outputs.empty() || transcript.outputs.back().end != size ||
      transcript.messages.empty()) {
    return std::nullopt;
  }
  const Position answer_begin = transcript.outputs.back().begin;
  std::size_t header_end = 0;
  for (const Anchor& anchor : alignment.anchors) {
    if (anchor.ids_end <= answer_begin) header_end = anchor.text_end;
  }
  const std::size_t closing = ClosingBegin(old_chat, header_end, transcript.messages.back().text);
  // An answer that ended with the template's own closing token needs no other.
  const auto control =
      std::find_if(old_chat.controls.begin(), old_chat.controls.end(),
                   [closing](const ControlToken& c) { return c.begin >= closing; });
  const bool closed = control != old_chat.controls.end() && answer_begin < size &&
                      transcript.token_ids.back() == control->id;
  return Continuation{closed ? control->end : closing, size};
}

// The stored ids hold the last turn's own prompt and answer, whatever the template makes of that
// answer now (Qwen3 writes empty reasoning into a last answer that has none). If the new rendering
// begins with exactly these, every stored id stays as well.
std::optional<Continuation> AfterPromptAndAnswer(const TextModel& model,
                                                 const TranscriptView& transcript,
                                                 const RenderOptions& old_options,
                                                 const RenderedChat& new_chat) {
  const auto size = static_cast<Position>(transcript.token_ids.size());
  if (transcript.outputs.empty() || transcript.outputs.back().end != size ||
      transcript.messages.size() < 2 || transcript.outputs.back().begin == size) {
    return std::nullopt;
  }
  RenderOptions options = old_options;
  options.add_generation_prompt = true;
  absl::StatusOr<RenderedChat> chat =
      model.RenderChat(transcript.messages.subspan(0, transcript.messages.size() - 1), options);
  if (!chat.ok()) return std::nullopt;
  absl::StrAppend(&chat->text, absl::StripTrailingAsciiWhitespace(transcript.messages.back().text));
  const std::size_t end = chat->text.size();
  const auto control = std::find_if(new_chat.controls.begin(), new_chat.controls.end(),
                                    [end](const ControlToken& c) { return c.begin >= end; });
  // What closes the answer belongs to the new rendering alone; up to there both must agree.
  RenderedChat begun = new_chat;
  begun.controls.erase(begun.controls.begin() + (control - new_chat.controls.begin()),
                       begun.controls.end());
  if (!Align(*chat, transcript).complete || CommonBytes(*chat, begun) != end) return std::nullopt;
  const bool closed =
      control != new_chat.controls.end() && transcript.token_ids.back() == control->id;
  return Continuation{closed ? control->end : end, size};
}

// Whether stored ids of messages that stayed equal must go: the new text leaves the stored one
// before the first message that differs does.
bool EqualMessagesChanged(const TextModel& model, const TranscriptView& transcript,
                          std::size_t equal, const RenderOptions& old_options,
                          const RenderedChat& old_chat, const Alignment& alignment,
                          const Anchor& kept) {
  if (equal == 0) return false;
  if (equal == transcript.messages.size()) return true;
  const absl::StatusOr<RenderedChat> equal_chat =
      model.RenderChat(transcript.messages.subspan(0, equal), old_options);
  if (!equal_chat.ok()) return false;
  const Anchor possible = LastAnchorWithin(alignment, CommonBytes(*equal_chat, old_chat), Anchor());
  return kept.ids_end < possible.ids_end;
}

absl::string_view Effective(History history, absl::string_view given, absl::string_view stored) {
  return history == History::kAppend && given.empty() ? stored : given;
}

bool StartsWith(absl::Span<const Message> messages, absl::Span<const Message> prefix) {
  return messages.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), messages.begin());
}

std::size_t EqualMessages(absl::Span<const Message> a, absl::Span<const Message> b) {
  const auto [end, unused] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(end - a.begin());
}

}  // namespace

absl::StatusOr<HistoryPlan> PlanHistory(const TextModel& model, const TranscriptView& transcript,
                                        const ChatInput& chat, absl::Time frozen_clock) {
  if (chat.messages.empty()) return InvalidField("chat.messages", "is empty");
  const bool append = chat.history == History::kAppend;
  const absl::string_view tools = Effective(chat.history, chat.tools_json, transcript.tools_json);
  const absl::string_view arguments =
      Effective(chat.history, chat.template_arguments_json, transcript.template_arguments_json);
  HistoryPlan plan;
  plan.tools_json = std::string(tools);
  plan.template_arguments_json = std::string(arguments);
  if (append) plan.messages.assign(transcript.messages.begin(), transcript.messages.end());
  plan.messages.insert(plan.messages.end(), chat.messages.begin(), chat.messages.end());

  PINTLE_ASSIGN_OR_RETURN(const RenderedChat new_chat,
                          model.RenderChat(plan.messages, {.tools_json = tools,
                                                           .template_arguments_json = arguments,
                                                           .add_generation_prompt = true,
                                                           .now = frozen_clock}));
  const RenderOptions old_options = {.tools_json = transcript.tools_json,
                                     .template_arguments_json = transcript.template_arguments_json,
                                     .add_generation_prompt = false,
                                     .now = frozen_clock};
  const auto size = static_cast<Position>(transcript.token_ids.size());
  // A REPLACE describes the whole conversation; raw turns before it are none of it.
  const bool drop_all = !append && transcript.chat_begin > 0;
  RenderedChat old_chat;
  if (!drop_all && !transcript.messages.empty()) {
    // A template that refuses the stored messages alone leaves nothing to align with.
    if (auto rendered = model.RenderChat(transcript.messages, old_options); rendered.ok()) {
      old_chat = *std::move(rendered);
    }
  }
  const Alignment alignment = Align(old_chat, transcript);
  const std::size_t common = CommonBytes(old_chat, new_chat);

  std::optional<Continuation> next;
  if (alignment.complete && !old_chat.text.empty() && common == old_chat.text.size()) {
    next = AfterAnswer(old_chat, alignment, transcript);
  }
  if (!next.has_value() && !drop_all && StartsWith(plan.messages, transcript.messages)) {
    next = AfterPromptAndAnswer(model, transcript, old_options, new_chat);
  }
  if (!next.has_value()) {
    const Position floor = drop_all ? 0 : transcript.chat_begin;
    const Anchor kept = LastAnchorWithin(
        alignment, common, Anchor{drop_all ? 0 : SkipRepeatedBos(new_chat, transcript), floor});
    next = Continuation{kept.text_end, kept.ids_end};
    const std::size_t equal = drop_all ? 0 : EqualMessages(transcript.messages, plan.messages);
    plan.rewritten =
        kept.ids_end < size &&
        EqualMessagesChanged(model, transcript, equal, old_options, old_chat, alignment, kept);
  }
  plan.truncated_to = next->keep;
  plan.dropped_tokens = size - next->keep;
  PINTLE_ASSIGN_OR_RETURN(plan.appended, model.EncodeRendered(new_chat, next->text_begin));
  return plan;
}

}  // namespace pintle::text

// SPDX-License-Identifier: Apache-2.0
#include "services/wire/turn_conversion.h"

#include <utility>
#include <variant>
#include <vector>

#include "contract/errors.h"
#include "contract/status_macros.h"
#include "services/wire/generation_conversion.h"
#include "services/wire/message_conversion.h"
#include "services/wire/pin_conversion.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

v1::HistoryOutcome ToProto(HistoryOutcome outcome) {
  switch (outcome) {
    case HistoryOutcome::kNew: return v1::NEW;
    case HistoryOutcome::kAppended: return v1::APPENDED;
    case HistoryOutcome::kReplaced: return v1::REPLACED;
    case HistoryOutcome::kRewritten: return v1::REWRITTEN;
  }
  return v1::HISTORY_OUTCOME_UNSPECIFIED;
}

HistoryOutcome FromProto(v1::HistoryOutcome outcome) {
  switch (outcome) {
    case v1::APPENDED: return HistoryOutcome::kAppended;
    case v1::REPLACED: return HistoryOutcome::kReplaced;
    case v1::REWRITTEN: return HistoryOutcome::kRewritten;
    default: return HistoryOutcome::kNew;
  }
}

v1::FinishReason ToProto(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return v1::STOP;
    case FinishReason::kEos: return v1::EOS;
    case FinishReason::kLength: return v1::LENGTH;
    case FinishReason::kCancelled: return v1::CANCELLED;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

FinishReason FromProto(v1::FinishReason reason) {
  switch (reason) {
    case v1::STOP: return FinishReason::kStop;
    case v1::EOS: return FinishReason::kEos;
    case v1::CANCELLED: return FinishReason::kCancelled;
    default: return FinishReason::kLength;
  }
}

using LogprobField = google::protobuf::RepeatedPtrField<v1::TokenLogprob>;

void ToProto(const std::vector<TokenLogprob>& logprobs, LogprobField* out) {
  for (const TokenLogprob& logprob : logprobs) {
    v1::TokenLogprob* proto = out->Add();
    proto->set_token_id(logprob.token);
    proto->set_logprob(logprob.logprob);
    for (const auto& [token, value] : logprob.top) {
      v1::TopLogprob* top = proto->add_top();
      top->set_token_id(token);
      top->set_logprob(value);
    }
  }
}

std::vector<TokenLogprob> FromProto(const LogprobField& logprobs) {
  std::vector<TokenLogprob> out;
  out.reserve(static_cast<std::size_t>(logprobs.size()));
  for (const v1::TokenLogprob& proto : logprobs) {
    TokenLogprob logprob{proto.token_id(), proto.logprob(), {}};
    for (const v1::TopLogprob& top : proto.top()) {
      logprob.top.emplace_back(top.token_id(), top.logprob());
    }
    out.push_back(std::move(logprob));
  }
  return out;
}

void ToProto(const TurnStarted& started, v1::Started* out) {
  out->set_worker(started.worker.value());
  out->set_incarnation(started.incarnation);
  out->set_seed(started.seed);
  out->set_history(ToProto(started.history));
  out->set_dropped_tokens(started.dropped_tokens);
  out->set_prompt_tokens(started.prompt_tokens);
  v1::CachedTokens* cached = out->mutable_cached_tokens();
  cached->set_total(started.cached.Total());
  cached->set_session(started.cached.session);
  cached->set_prefix(started.cached.prefix);
  cached->set_host(started.cached.host);
  cached->set_disk(started.cached.disk);
  pintle::ToProto(started.queue, out->mutable_queue());
}

TurnStarted FromProto(const v1::Started& in) {
  TurnStarted out;
  out.worker = WorkerId(in.worker());
  out.incarnation = in.incarnation();
  out.seed = in.seed();
  out.history = FromProto(in.history());
  out.dropped_tokens = in.dropped_tokens();
  out.prompt_tokens = in.prompt_tokens();
  const v1::CachedTokens& cached = in.cached_tokens();
  out.cached = {cached.session(), cached.prefix(), cached.host(), cached.disk()};
  out.queue = pintle::FromProto(in.queue());
  return out;
}

void ToProto(const TurnFinished& finished, v1::Finished* out) {
  v1::Usage* usage = out->mutable_usage();
  usage->set_prompt_tokens(finished.usage.prompt_tokens);
  usage->set_cached_tokens(finished.usage.cached_tokens);
  usage->set_completion_tokens(finished.usage.completion_tokens);
  v1::Timings* timings = out->mutable_timings();
  pintle::ToProto(finished.timings.queue, timings->mutable_queue());
  pintle::ToProto(finished.timings.time_to_first_token, timings->mutable_time_to_first_token());
  pintle::ToProto(finished.timings.total, timings->mutable_total());
}

void FromProto(const v1::Finished& in, TurnFinished& out) {
  out.usage = {in.usage().prompt_tokens(), in.usage().cached_tokens(),
               in.usage().completion_tokens()};
  out.timings = {pintle::FromProto(in.timings().queue()),
                 pintle::FromProto(in.timings().time_to_first_token()),
                 pintle::FromProto(in.timings().total())};
}

void ToProto(const TurnPrepared& prepared, v1::Prepared* out) {
  out->set_truncated_to(prepared.truncated_to);
  pintle::ToProto(prepared.appended, out->mutable_appended_token_ids());
  out->set_kept_turns(prepared.kept_turns);
  for (const Message& message : prepared.messages) pintle::ToProto(message, out->add_messages());
  out->set_history(ToProto(prepared.history));
  out->set_dropped_tokens(prepared.dropped_tokens);
  out->set_tools(prepared.tools_json);
  out->set_template_arguments(prepared.template_arguments_json);
}

absl::StatusOr<TurnPrepared> FromProto(const v1::Prepared& in) {
  TurnPrepared out;
  out.truncated_to = in.truncated_to();
  out.appended = pintle::FromProto(in.appended_token_ids());
  out.kept_turns = in.kept_turns();
  for (const v1::Message& message : in.messages()) {
    PINTLE_ASSIGN_OR_RETURN(Message converted, pintle::FromProto(message, "prepared.messages"));
    out.messages.push_back(std::move(converted));
  }
  out.history = FromProto(in.history());
  out.dropped_tokens = in.dropped_tokens();
  out.tools_json = in.tools();
  out.template_arguments_json = in.template_arguments();
  return out;
}

// One member per event a client sees.
struct ClientView {
  v1::GenerateResponse* out;

  bool operator()(const TurnPrepared&) const { return false; }
  bool operator()(const TurnFailed&) const { return false; }
  bool operator()(const TurnStarted& started) const {
    ToProto(started, out->mutable_started());
    return true;
  }
  bool operator()(const TurnPromptChunk& prompt) const {
    v1::PromptChunk* proto = out->mutable_prompt();
    proto->set_first_position(prompt.first_position);
    pintle::ToProto(prompt.tokens, proto->mutable_token_ids());
    proto->set_text(prompt.text);
    ToProto(prompt.logprobs, proto->mutable_logprobs());
    return true;
  }
  bool operator()(const TurnChunk& chunk) const {
    v1::Chunk* proto = out->mutable_chunk();
    proto->Clear();
    proto->set_choice(chunk.choice);
    proto->set_first_index(chunk.first_index);
    pintle::ToProto(chunk.tokens, proto->mutable_token_ids());
    proto->set_text(chunk.text);
    ToProto(chunk.logprobs, proto->mutable_logprobs());
    return true;
  }
  bool operator()(const TurnChoiceFinished& finished) const {
    v1::ChoiceFinished* proto = out->mutable_choice_finished();
    proto->set_choice(finished.choice);
    proto->set_reason(ToProto(finished.reason));
    proto->set_stop(finished.stop);
    return true;
  }
  bool operator()(const TurnFinished& finished) const {
    ToProto(finished, out->mutable_finished());
    return true;
  }
};

absl::Status Unknown() {
  return MakeError(Reason::kModelFailed, "the worker sent an event this coordinator does not know");
}

absl::StatusOr<TurnEvent> FromProto(const v1::GenerateResponse& in) {
  switch (in.event_case()) {
    case v1::GenerateResponse::kStarted: return FromProto(in.started());
    case v1::GenerateResponse::kPrompt:
      return TurnPromptChunk{in.prompt().first_position(),
                             pintle::FromProto(in.prompt().token_ids()), in.prompt().text(),
                             FromProto(in.prompt().logprobs())};
    case v1::GenerateResponse::kChunk:
      return TurnChunk{in.chunk().choice(), in.chunk().first_index(),
                       pintle::FromProto(in.chunk().token_ids()), in.chunk().text(),
                       FromProto(in.chunk().logprobs())};
    case v1::GenerateResponse::kChoiceFinished:
      return TurnChoiceFinished{in.choice_finished().choice(),
                                FromProto(in.choice_finished().reason()),
                                in.choice_finished().stop()};
    default: return Unknown();
  }
}

}  // namespace

bool ToProto(const TurnEvent& event, v1::GenerateResponse* out) {
  return std::visit(ClientView{out}, event);
}

bool ToProto(const TurnEvent& event, v1::RunTurnResponse* out) {
  if (std::holds_alternative<TurnFailed>(event)) return false;
  if (const auto* prepared = std::get_if<TurnPrepared>(&event)) {
    ToProto(*prepared, out->mutable_prepared());
    return true;
  }
  if (const auto* finished = std::get_if<TurnFinished>(&event)) {
    v1::Committed* committed = out->mutable_committed();
    ToProto(finished->output, committed->mutable_output_token_ids());
    if (!finished->answer.role.empty()) ToProto(finished->answer, committed->mutable_answer());
    committed->set_closed(finished->closed);
    ToProto(*finished, committed->mutable_finished());
    return true;
  }
  return ToProto(event, out->mutable_response());
}

absl::StatusOr<TurnEvent> FromProto(const v1::RunTurnResponse& response) {
  switch (response.event_case()) {
    case v1::RunTurnResponse::kPrepared: {
      PINTLE_ASSIGN_OR_RETURN(TurnPrepared prepared, FromProto(response.prepared()));
      return prepared;
    }
    case v1::RunTurnResponse::kResponse: return FromProto(response.response());
    case v1::RunTurnResponse::kCommitted: {
      const v1::Committed& committed = response.committed();
      TurnFinished out;
      FromProto(committed.finished(), out);
      out.output = FromProto(committed.output_token_ids());
      if (committed.has_answer()) {
        PINTLE_ASSIGN_OR_RETURN(out.answer, FromProto(committed.answer(), "committed.answer"));
      }
      out.closed = committed.closed();
      return out;
    }
    default: return Unknown();
  }
}

void ToProto(const TurnRequest& turn, v1::RunTurnRequest* out) {
  out->set_tenant(turn.tenant.value());
  ToProto(turn.request, out->mutable_request());
  out->set_incarnation(turn.incarnation);
  out->set_epoch(turn.epoch);
  if (turn.template_clock != absl::UnixEpoch()) {
    ToProto(turn.template_clock, out->mutable_template_clock());
  }
  out->set_base_turns(turn.base_turns);
  out->set_base_position(turn.base_position);
  out->set_base_digest(turn.base_digest);
  for (const TranscriptTurn& missing : turn.missing_turns) {
    ToProto(missing, out->add_missing_turns());
  }
  if (turn.pin) {
    ToProto(*turn.pin, out->mutable_pin());
    ToProto(turn.lease, out->mutable_lease());
  }
}

absl::StatusOr<TurnRequest> FromProto(const v1::RunTurnRequest& request) {
  TurnRequest out;
  out.tenant = TenantId(request.tenant());
  PINTLE_ASSIGN_OR_RETURN(out.request, FromProto(request.request()));
  out.incarnation = request.incarnation();
  out.epoch = request.epoch();
  if (request.has_template_clock()) out.template_clock = FromProto(request.template_clock());
  out.base_turns = request.base_turns();
  out.base_position = request.base_position();
  out.base_digest = request.base_digest();
  for (const v1::TranscriptTurn& missing : request.missing_turns()) {
    PINTLE_ASSIGN_OR_RETURN(TranscriptTurn turn, FromProto(missing));
    out.missing_turns.push_back(std::move(turn));
  }
  if (request.has_pin()) {
    PINTLE_ASSIGN_OR_RETURN(out.pin, FromProto(request.pin()));
  }
  if (request.has_lease()) out.lease = FromProto(request.lease());
  return out;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/recording_sink.h"

#include <utility>
#include <variant>

#include "contract/check.h"

namespace pintle {
namespace {

// Adds one event to a record, or dies.
struct Recorder {
  SinkRecord& record;

  void operator()(const EngineStarted& event) const {
    PINTLE_CHECK(!record.started, "a turn starts once");
    record.started = event;
  }
  void operator()(const EnginePromptScores& event) const {
    PINTLE_CHECK(record.started && !event.scores.empty(), "scores follow the start");
    record.scores.push_back(event);
  }
  void operator()(const EngineToken& event) const {
    PINTLE_CHECK(record.started, "tokens follow the start");
    PINTLE_CHECK(!record.finished.contains(event.choice), "no token after a choice's end");
    std::vector<TokenId>& tokens = record.tokens[event.choice];
    PINTLE_CHECK(event.index == static_cast<std::int32_t>(tokens.size()), "indices have no gap");
    tokens.push_back(event.token);
    if (event.logprob) record.logprobs[event.choice].push_back(*event.logprob);
  }
  void operator()(const EngineChoiceEnded& event) const {
    PINTLE_CHECK(record.finished.emplace(event.choice, event.reason).second, "a choice ends once");
  }
  void operator()(const EngineEnded& event) const { record.ended = event; }
};

}  // namespace

void RecordingSink::Push(EngineEvent event) {
  {
    absl::MutexLock lock(&mutex_);
    PINTLE_CHECK(!record_.ended, "nothing follows the end");
    ++record_.events;
    std::visit(Recorder{record_}, event);
  }
  if (notice_) notice_(event);
}

SinkRecord RecordingSink::Record() const {
  absl::MutexLock lock(&mutex_);
  return record_;
}

bool RecordingSink::Ended() const {
  absl::MutexLock lock(&mutex_);
  return record_.ended.has_value();
}

bool RecordingSink::AwaitFinished(std::int32_t choices, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto finished = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return record_.ended || record_.finished.size() == static_cast<std::size_t>(choices);
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&finished), timeout);
}

bool RecordingSink::AwaitEnded(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto ended = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return record_.ended.has_value();
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&ended), timeout);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/held_tokens.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace pintle {
namespace {

// One question to several workers; it ends with the last answer or when its time is over. Lives as
// long as an answer or the alarm may come.
class Question : public std::enable_shared_from_this<Question> {
 public:
  Question(const SessionFront& sessions, std::vector<SessionView> views, std::size_t asked,
           HeldTokens::Done done)
      : sessions_(sessions), views_(std::move(views)), waiting_(asked), done_(std::move(done)) {}

  void StartTimer(absl::Duration bound) {
    // An alarm keeps its callback for ever, and must not keep itself alive by it.
    auto self = std::make_shared<std::shared_ptr<Question>>(shared_from_this());
    alarm_.Set(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(bound),
               [self](bool /*fired*/) { std::exchange(*self, nullptr)->End(); });
  }

  // What the sessions at these places of the views hold.
  void Answer(const std::vector<std::size_t>& places,
              const absl::StatusOr<std::vector<std::int64_t>>& held) {
    bool last = false;
    {
      absl::MutexLock lock(&mutex_);
      last = --waiting_ == 0;
      if (done_ != nullptr && held.ok() && held->size() == places.size()) {
        for (std::size_t i = 0; i < places.size(); ++i) {
          sessions_.SetHeld((*held)[i], &views_[places[i]]);
        }
      }
    }
    if (!last) return;
    End();
    alarm_.Cancel();
  }

 private:
  void End() {
    HeldTokens::Done done;
    std::vector<SessionView> views;
    {
      absl::MutexLock lock(&mutex_);
      done = std::exchange(done_, nullptr);
      views = std::move(views_);
    }
    if (done != nullptr) done(std::move(views));
  }

  const SessionFront& sessions_;
  grpc::Alarm alarm_;
  // Guards what answers and the alarm meet at.
  absl::Mutex mutex_;
  std::vector<SessionView> views_ ABSL_GUARDED_BY(mutex_);
  std::size_t waiting_ ABSL_GUARDED_BY(mutex_);
  HeldTokens::Done done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void HeldTokens::Complete(std::vector<SessionView> views, Done done) {
  std::map<WorkerId, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const SessionBinding& binding = views[i].session.binding;
    if (binding.incarnation == 0) continue;  // never ran: nothing is held
    places[binding.worker].push_back(i);
  }
  struct Ask {
    std::shared_ptr<SessionKvBackend> worker;
    std::vector<std::size_t> places;
    std::vector<SessionKey> keys;
  };
  std::vector<Ask> asks;
  for (auto& [name, at] : places) {
    // A worker that began anew may have read the session's KV from its disk.
    std::shared_ptr<SessionKvBackend> worker = directory_.KvOfName(name);
    if (worker == nullptr) {
      for (const std::size_t place : at) sessions_.SetHeld(0, &views[place]);
      continue;
    }
    Ask ask{std::move(worker), std::move(at), {}};
    for (const std::size_t place : ask.places) ask.keys.push_back(views[place].session.key);
    asks.push_back(std::move(ask));
  }
  if (asks.empty()) return done(std::move(views));
  auto question =
      std::make_shared<Question>(sessions_, std::move(views), asks.size(), std::move(done));
  question->StartTimer(bound_);
  for (Ask& ask : asks) {
    ask.worker->QueryHeld(
        std::move(ask.keys),
        [question, worker = ask.worker, at = std::move(ask.places)](
            const absl::StatusOr<std::vector<std::int64_t>>& held) { question->Answer(at, held); });
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/local_cache.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "services/turns/refused_call.h"
#include "services/wire/cache_event_conversion.h"

namespace pintle {
namespace {

// How long the thread sleeps through a quiet cache before it looks whether it is to end.
constexpr absl::Duration kLook = absl::Milliseconds(250);
// Events that come within it share a message: a busy engine publishes a thousand times a second.
constexpr absl::Duration kGather = absl::Milliseconds(5);

}  // namespace

LocalCache::LocalCache(CacheDesk& desk, std::size_t watchers_max)
    : desk_(desk), watchers_max_(watchers_max), thread_([this] { Run(); }) {}

LocalCache::~LocalCache() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

std::vector<std::shared_ptr<WatchCall>> LocalCache::Watchers() {
  std::vector<std::shared_ptr<WatchCall>> live;
  absl::MutexLock lock(&mutex_);
  std::erase_if(watchers_, [&live](const std::weak_ptr<WatchCall>& watcher) {
    if (auto call = watcher.lock()) {
      live.push_back(std::move(call));
      return false;
    }
    return true;
  });
  return live;
}

void LocalCache::Run() {
  bool more = true;
  while (more) {
    const std::uint64_t seen = desk_.LastSequence();
    for (const auto& call : Watchers()) call->Advance();
    {
      absl::MutexLock lock(&mutex_);
      // With nobody watching the thread sleeps, whatever happens in the cache.
      const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || watching_ > 0;
      };
      mutex_.AwaitWithTimeout(absl::Condition(&wanted), kLook);
      if (stopping_) return;
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kGather);
    }
    more = desk_.AwaitEvents(seen, kLook);
  }
  {
    absl::MutexLock lock(&mutex_);
    drained_ = true;
  }
  for (const auto& call : Watchers()) {
    call->Advance();
    call->End(MakeError(Reason::kDraining, "this worker is shutting down"));
  }
}

CacheOperations::WatchReactor* LocalCache::Watch(const CacheSight& sight,
                                                 const v1::WatchCacheEventsRequest& request) {
  std::shared_ptr<WatchCall> call;
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    if (drained_ || stopping_) {
      refused = MakeError(Reason::kDraining, "this worker is shutting down");
    } else if (watching_ >= watchers_max_) {
      refused = MakeError(Reason::kQueueFull,
                          absl::StrCat("watchers are ", watching_, ", limit ", watchers_max_));
    } else {
      ++watching_;
      call = std::make_shared<WatchCall>(desk_, sight, request, [this] {
        absl::MutexLock done(&mutex_);
        --watching_;
      });
      watchers_.push_back(call);
    }
  }
  if (call == nullptr) return new RefusedCall<WatchReactor>(refused);  // owns itself until OnDone
  call->Begin();
  return call.get();
}

void LocalCache::Explain(const CacheSight& sight, const v1::ExplainEvictionRequest& request,
                         v1::ExplainEvictionResponse* response, Done done) {
  desk_.ExplainEviction(request.tokens_needed(),
                        [sight, response, done = std::move(done)](
                            absl::StatusOr<EvictionExplanation> explanation) mutable {
                          if (explanation.ok()) ToProto(*explanation, sight, response);
                          done(explanation.status());
                        });
}

void LocalCache::SetPolicy(const v1::SetEvictionPolicyRequest& request,
                           v1::SetEvictionPolicyResponse* response, Done done) {
  desk_.SetEvictionPolicy(request.policy(), [response, done = std::move(done)](
                                                absl::StatusOr<std::string> previous) mutable {
    if (previous.ok()) response->set_previous_policy(*previous);
    done(previous.status());
  });
}

}  // namespace pintle

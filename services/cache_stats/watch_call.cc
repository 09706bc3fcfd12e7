// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/watch_call.h"

#include <utility>

#include "contract/limits.h"
#include "services/wire/cache_conversion.h"
#include "services/wire/cache_event_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {

WatchCall::WatchCall(const CacheDesk& desk, CacheSight sight,
                     const v1::WatchCacheEventsRequest& request, std::function<void()> gone)
    : desk_(desk),
      sight_(std::move(sight)),
      gone_(std::move(gone)),
      asked_epoch_(request.epoch()),
      place_(request.sequence()) {
  if (asked_epoch_ == 0) {
    next_ = Next::kSnapshot;
  } else if (asked_epoch_ != desk_.Epoch()) {
    next_ = Next::kGap;
  }
}

void WatchCall::Begin() {
  self_ = shared_from_this();
  Advance();
}

void WatchCall::ComposeGap() {
  v1::CacheGap* gap = response_.mutable_gap();
  std::uint64_t included = 0;
  if (asked_epoch_ == 0 || asked_epoch_ == desk_.Epoch()) {
    // Everything up to the snapshot that follows counts as missing.
    included = desk_.Moment().sequence;
    if (included > place_) {
      gap->set_first_missing(place_ + 1);
      gap->set_last_missing(included);
    }
  }
  response_.set_sequence(included);
  asked_epoch_ = 0;
  next_ = Next::kSnapshot;
}

bool WatchCall::Compose() {
  response_.Clear();
  response_.set_epoch(desk_.Epoch());
  if (next_ == Next::kEvents) {
    events_.clear();
    if (desk_.ReadEvents(place_, limits::kCacheEventsPerMessage, &events_)) {
      if (events_.empty()) return false;
      const auto wall = [this](absl::Duration at) { return desk_.WallTimeOf(at); };
      for (const CacheEvent& event : events_) {
        ToProto(event, sight_, wall, response_.mutable_events()->add_events());
      }
      place_ = events_.back().sequence;
      response_.set_sequence(place_);
      return true;
    }
    next_ = Next::kGap;
  }
  if (next_ == Next::kGap) {
    ComposeGap();
    return true;
  }
  const CacheMoment moment = desk_.Moment();
  ToProto(moment.report, response_.mutable_snapshot()->mutable_cache());
  KeepSeen(sight_, response_.mutable_snapshot()->mutable_cache());
  place_ = moment.sequence;
  response_.set_sequence(place_);
  next_ = Next::kEvents;
  return true;
}

void WatchCall::Advance() {
  absl::MutexLock lock(&mutex_);
  if (writing_ || ended_ || !Compose()) return;
  writing_ = true;
  StartWrite(&response_);
}

void WatchCall::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
  }
  if (ok) {
    Advance();
  } else {
    End(absl::CancelledError("the watcher is gone"));
  }
}

void WatchCall::OnCancel() { End(absl::CancelledError("the watcher is gone")); }

void WatchCall::End(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (std::exchange(ended_, true)) return;
  // Legal beside a write in flight: gRPC finishes after it.
  Finish(ToGrpcStatus(status));
}

void WatchCall::OnDone() {
  gone_();
  self_.reset();
}

}  // namespace pintle

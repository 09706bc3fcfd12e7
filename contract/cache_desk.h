// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CACHE_DESK_H_
#define PINTLE_CONTRACT_CACHE_DESK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/cache_event.h"
#include "contract/cache_report.h"
#include "contract/eviction_explanation.h"

namespace pintle {

// A worker's figures as they were after the event of this sequence.
struct CacheMoment {
  CacheReport report;
  std::uint64_t sequence = 0;
};

// One worker's cache as watchers and operators meet it.
// Thread: safe from any thread. Callbacks run once, on any thread, and must not wait.
class CacheDesk {
 public:
  virtual ~CacheDesk() = default;

  // Names the process; sequences of another epoch mean nothing.
  virtual std::uint64_t Epoch() const = 0;
  virtual CacheMoment Moment() const = 0;
  // Up to `max` events after `sequence`, oldest first. False when the next one is gone.
  virtual bool ReadEvents(std::uint64_t sequence, std::size_t max,
                          std::vector<CacheEvent>* events) const = 0;
  // Of the last event there is.
  virtual std::uint64_t LastSequence() const = 0;
  // Waits for an event after `sequence`, or `timeout`. False when there will be no more.
  virtual bool AwaitEvents(std::uint64_t sequence, absl::Duration timeout) const = 0;
  // The wall clock's time of an event.
  virtual absl::Time WallTimeOf(absl::Duration monotonic) const = 0;

  // INVALID_FIELD for tokens that no pool of this size could hold; QUEUE_FULL; DRAINING.
  virtual void ExplainEviction(
      std::int64_t tokens, absl::AnyInvocable<void(absl::StatusOr<EvictionExplanation>)> done) = 0;
  // Answers the previous policy's name. INVALID_FIELD for an unknown name; QUEUE_FULL; DRAINING.
  virtual void SetEvictionPolicy(std::string name,
                                 absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) = 0;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_CACHE_DESK_H_

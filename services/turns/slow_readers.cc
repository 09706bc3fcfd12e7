// SPDX-License-Identifier: Apache-2.0
#include "services/turns/slow_readers.h"

#include <optional>
#include <utility>

#include "contract/errors.h"

namespace pintle {

void SlowReaders::Watch(const std::shared_ptr<TurnPump>& pump) {
  absl::MutexLock lock(&mutex_);
  watched_.push_back({pump});
}

std::size_t SlowReaders::Sweep(absl::Duration now, absl::Duration limit) {
  std::vector<std::pair<std::shared_ptr<TurnPump>, std::uint64_t>> slow;
  {
    absl::MutexLock lock(&mutex_);
    std::erase_if(watched_, [](const Watched& watched) { return watched.pump.expired(); });
    for (Watched& watched : watched_) {
      const std::shared_ptr<TurnPump> pump = watched.pump.lock();
      const std::optional<std::uint64_t> event = pump ? pump->BusyWith() : std::nullopt;
      if (!event) {
        watched.since = absl::InfiniteDuration();
      } else if (watched.since == absl::InfiniteDuration() || watched.event != *event) {
        watched.event = *event;
        watched.since = now;
      } else if (now - watched.since >= limit) {
        slow.emplace_back(pump, *event);
      }
    }
  }
  std::size_t ended = 0;
  for (const auto& [pump, event] : slow) {
    // Outside the lock: ending a turn reaches far.
    ended += pump->Abandon(event, MakeError(Reason::kSlowReader,
                                            "the stream was not read for too long; the turn was "
                                            "rolled back"))
                 ? 1
                 : 0;
  }
  return ended;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_ROUTING_BOOKING_LEDGER_H_
#define PINTLE_COORDINATOR_ROUTING_BOOKING_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "contract/ids.h"

namespace pintle {

// Load that was sent to a worker and is not in its report yet.
struct BookedLoad {
  std::int64_t turns = 0;
  std::int64_t uncached_tokens = 0;
};

// What this coordinator has dispatched, so that a burst between two reports does not all go to the
// worker that looked idle in the last one.
// Thread: confined; the owner locks. Costs O(turns running) per Booked of one worker.
// Fails: never.
class BookingLedger {
 public:
  // A turn begun this long before a report may be missing in it: half a round trip and a step.
  static constexpr absl::Duration kReportLag = absl::Milliseconds(100);

  using Booking = std::uint64_t;

  Booking Add(Incarnation incarnation, std::int64_t uncached_tokens, absl::Duration now);
  // The turn has ended, or prefilled: the worker's own reports tell the rest.
  void Remove(Incarnation incarnation, Booking booking);
  // What a report that came at `report_at` cannot contain; everything when there was none.
  BookedLoad Booked(Incarnation incarnation, std::optional<absl::Duration> report_at) const;
  // Forgets a process that is gone.
  void Forget(Incarnation incarnation);

 private:
  struct Row {
    std::int64_t uncached_tokens = 0;
    absl::Duration at = absl::ZeroDuration();
  };
  std::map<Incarnation, std::map<Booking, Row>> rows_;
  Booking next_ = 1;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_ROUTING_BOOKING_LEDGER_H_

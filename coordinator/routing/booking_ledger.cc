// SPDX-License-Identifier: Apache-2.0
#include "coordinator/routing/booking_ledger.h"

namespace pintle {

BookingLedger::Booking BookingLedger::Add(Incarnation incarnation, std::int64_t uncached_tokens,
                                          absl::Duration now) {
  const Booking booking = next_++;
  rows_[incarnation].emplace(booking, Row{uncached_tokens, now});
  return booking;
}

void BookingLedger::Remove(Incarnation incarnation, Booking booking) {
  const auto it = rows_.find(incarnation);
  if (it == rows_.end()) return;
  it->second.erase(booking);
  if (it->second.empty()) rows_.erase(it);
}

BookedLoad BookingLedger::Booked(Incarnation incarnation,
                                 std::optional<absl::Duration> report_at) const {
  BookedLoad load;
  const auto it = rows_.find(incarnation);
  if (it == rows_.end()) return load;
  for (const auto& [booking, row] : it->second) {
    if (report_at && row.at < *report_at - kReportLag) continue;
    ++load.turns;
    load.uncached_tokens += row.uncached_tokens;
  }
  return load;
}

void BookingLedger::Forget(Incarnation incarnation) { rows_.erase(incarnation); }

}  // namespace pintle

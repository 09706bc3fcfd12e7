// SPDX-License-Identifier: Apache-2.0
#include "coordinator/routing/booking_ledger.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

const absl::Duration kNow = absl::Seconds(10);

TEST(BookingLedgerTest, WithoutAReportEverythingDispatchedCounts) {
  BookingLedger ledger;
  ledger.Add(1, 100, kNow);
  ledger.Add(1, 50, kNow + absl::Hours(1));
  ledger.Add(2, 7, kNow);
  const BookedLoad load = ledger.Booked(1, std::nullopt);
  EXPECT_EQ(load.turns, 2);
  EXPECT_EQ(load.uncached_tokens, 150);
}

TEST(BookingLedgerTest, ReportCoversWhatWasDispatchedALagBeforeIt) {
  BookingLedger ledger;
  ledger.Add(1, 100, kNow);
  EXPECT_EQ(ledger.Booked(1, kNow).turns, 1);
  EXPECT_EQ(ledger.Booked(1, kNow + BookingLedger::kReportLag).turns, 1);
  EXPECT_EQ(ledger.Booked(1, kNow + BookingLedger::kReportLag + absl::Nanoseconds(1)).turns, 0);
}

TEST(BookingLedgerTest, RemovedAndForgottenBookingsCountNoMore) {
  BookingLedger ledger;
  const auto booking = ledger.Add(1, 100, kNow);
  ledger.Add(1, 1, kNow);
  ledger.Remove(1, booking);
  ledger.Remove(1, booking);
  ledger.Remove(9, booking);
  EXPECT_EQ(ledger.Booked(1, std::nullopt).uncached_tokens, 1);
  ledger.Forget(1);
  EXPECT_EQ(ledger.Booked(1, std::nullopt).turns, 0);
}

}  // namespace
}  // namespace pintle

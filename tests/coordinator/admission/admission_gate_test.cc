// SPDX-License-Identifier: Apache-2.0
#include "coordinator/admission/admission_gate.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

const TenantId kA("a");
const TenantId kB("b");

AdmissionGate::Options Small() { return {2, 3, 4, absl::Seconds(7)}; }

TEST(AdmissionGateTest, TenantsWaitingBoundIsItsOwn) {
  AdmissionGate gate(Small());
  std::vector<std::unique_ptr<AdmissionTicket>> tickets;
  for (int i = 0; i < 3; ++i) tickets.push_back(*gate.Admit(kA, {}));
  const absl::Status refused = gate.Admit(kA, {}).status();
  ASSERT_TRUE(HasReason(refused, Reason::kTenantQuota)) << refused;
  EXPECT_EQ(DetailOf(refused)->retry_after, absl::Seconds(7));
  EXPECT_EQ(DetailOf(refused)->quotas.size(), 1U);
  EXPECT_TRUE(gate.Admit(kB, {}).ok());
}

TEST(AdmissionGateTest, EverybodysWaitingBoundIsQueueFull) {
  AdmissionGate gate(Small());
  std::vector<std::unique_ptr<AdmissionTicket>> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(*gate.Admit(i % 2 ? kA : kB, {}));
  EXPECT_TRUE(HasReason(gate.Admit(kA, {}).status(), Reason::kQueueFull));
}

TEST(AdmissionGateTest, StartedTurnsCountAsRunningOnce) {
  AdmissionGate gate(Small());
  auto one = *gate.Admit(kA, {});
  auto two = *gate.Admit(kA, {});
  one->Started();
  one->Started();
  EXPECT_EQ(gate.running(), 1);
  EXPECT_EQ(gate.waiting(), 1);
  two->Started();
  EXPECT_TRUE(HasReason(gate.Admit(kA, {}).status(), Reason::kTenantQuota));
  EXPECT_TRUE(gate.Admit(kB, {}).ok());
}

TEST(AdmissionGateTest, EndedTicketGivesItsPlaceBack) {
  AdmissionGate gate(Small());
  for (int i = 0; i < 100; ++i) {
    auto ticket = gate.Admit(kA, {});
    ASSERT_TRUE(ticket.ok());
    if (i % 2) (*ticket)->Started();
  }
  EXPECT_EQ(gate.running() + gate.waiting(), 0);
}

TEST(AdmissionGateTest, TicketMayOutliveItsGate) {
  std::unique_ptr<AdmissionTicket> ticket;
  {
    AdmissionGate gate(Small());
    ticket = *gate.Admit(kA, {});
  }
  ticket->Started();
  ticket.reset();
}

TEST(AdmissionGateTest, BoundHoldsAgainstManyThreads) {
  AdmissionGate gate({1000, 3, 1000, absl::Seconds(1)});
  std::atomic<int> inside = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto ticket = gate.Admit(kA, {});
        if (!ticket.ok()) continue;
        EXPECT_LE(++inside, 3);
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gate.waiting(), 0);
}

}  // namespace
}  // namespace pintle

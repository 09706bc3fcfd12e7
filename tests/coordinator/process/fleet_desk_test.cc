// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process/fleet_desk.h"

#include "gtest/gtest.h"
#include "sessions/memory_session_store.h"

namespace pintle {
namespace {

v1::WorkerHello Hello() {
  v1::WorkerHello hello;
  hello.set_protocol_version(1);
  hello.set_worker("w");
  hello.set_incarnation(7);
  hello.set_advertise("127.0.0.1:1");
  hello.mutable_model()->set_name("m");
  hello.mutable_model()->set_fingerprint("f");
  hello.set_kv_tokens_capacity(1000);
  return hello;
}

TEST(FleetDeskTest, UnsetTelemetryStaysUnknownOnItsWayThrough) {
  ManualClock clock;
  WorkerRegistry registry({});
  MemorySessionStore store(clock, [] { return std::uint64_t{1}; }, {});
  FleetDesk desk(registry, store, clock);
  const auto registration = desk.Join(Hello(), 1);
  ASSERT_TRUE(registration.ok()) << registration.status();
  v1::WorkerLoad load;
  load.set_turns_running(0);
  load.set_draining(true);
  clock.Advance(absl::Milliseconds(500));
  ASSERT_TRUE(desk.Report(*registration, 2, load).ok());
  clock.Advance(absl::Milliseconds(100));
  v1::ListWorkersResponse list;
  desk.ListWorkers(&list);
  ASSERT_EQ(list.workers_size(), 1);
  const v1::Worker& worker = list.workers(0);
  EXPECT_EQ(worker.id(), "w");
  EXPECT_TRUE(worker.has_turns_running());
  EXPECT_FALSE(worker.has_turns_waiting());
  EXPECT_FALSE(worker.has_prefill_tokens_per_second());
  EXPECT_EQ(worker.state(), v1::DRAINING);
  EXPECT_EQ(worker.since_report().nanos(), 100000000);
  desk.Leave(*registration);
  list.Clear();
  desk.ListWorkers(&list);
  EXPECT_EQ(list.workers_size(), 0);
}

}  // namespace
}  // namespace pintle

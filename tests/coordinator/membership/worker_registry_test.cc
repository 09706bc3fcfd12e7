// SPDX-License-Identifier: Apache-2.0
#include "coordinator/membership/worker_registry.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

const absl::Duration kStart = absl::Seconds(100);

WorkerHello Hello(const char* worker, Incarnation incarnation, const char* model = "m",
                  const char* fingerprint = "f") {
  WorkerHello hello;
  hello.worker = WorkerId(worker);
  hello.incarnation = incarnation;
  hello.advertise = std::string("host:1");
  hello.model.name = std::string(model);
  hello.model.fingerprint = std::string(fingerprint);
  return hello;
}

class Recorder final : public MembershipListener {
 public:
  void OnJoin(const WorkerHello& hello) override {
    absl::StrAppend(&heard, "+", hello.worker.value(), hello.incarnation);
  }
  void OnLeave(const WorkerId& worker, Incarnation incarnation) override {
    absl::StrAppend(&heard, "-", worker.value(), incarnation);
  }
  std::string heard;
};

class WorkerRegistryTest : public testing::Test {
 protected:
  WorkerRegistryTest() { registry_.AddListener(&recorder_); }

  Recorder recorder_;
  WorkerRegistry registry_{{3, absl::Seconds(3)}};
};

TEST_F(WorkerRegistryTest, JoinedWorkerIsInTheSnapshotWithNothingKnownOfItsLoad) {
  ASSERT_TRUE(registry_.Join(Hello("a", 1), 1, kStart).ok());
  const FleetSnapshot fleet = registry_.Snapshot();
  ASSERT_EQ(fleet.workers.size(), 1U);
  EXPECT_EQ(fleet.workers[0].joined_at, kStart);
  EXPECT_FALSE(fleet.workers[0].load_at.has_value());
  EXPECT_FALSE(fleet.workers[0].load.queued_uncached_tokens.has_value());
  EXPECT_EQ(recorder_.heard, "+a1");
}

TEST_F(WorkerRegistryTest, ReportReplacesTheLoadAndUnsetTelemetryBecomesUnknownAgain) {
  const RegistrationId a = *registry_.Join(Hello("a", 1), 1, kStart);
  WorkerLoad load;
  load.turns_running = 4;
  ASSERT_TRUE(registry_.Report(a, 2, load, kStart + absl::Seconds(1)).ok());
  EXPECT_EQ(registry_.Snapshot().workers[0].load.turns_running, 4);
  ASSERT_TRUE(registry_.Report(a, 3, {}, kStart + absl::Seconds(2)).ok());
  EXPECT_FALSE(registry_.Snapshot().workers[0].load.turns_running.has_value());
  EXPECT_EQ(registry_.Snapshot().workers[0].reported_at, kStart + absl::Seconds(2));
}

TEST_F(WorkerRegistryTest, EndedStreamTakesTheWorkerOutAtOnce) {
  const RegistrationId a = *registry_.Join(Hello("a", 1), 1, kStart);
  registry_.Leave(a);
  registry_.Leave(a);
  EXPECT_TRUE(registry_.Snapshot().workers.empty());
  EXPECT_EQ(recorder_.heard, "+a1-a1");
}

TEST_F(WorkerRegistryTest, SilentWorkerIsDroppedAtTheTimeoutAndMustRegisterAnew) {
  const RegistrationId a = *registry_.Join(Hello("a", 1), 1, kStart);
  const RegistrationId b = *registry_.Join(Hello("b", 2), 1, kStart);
  ASSERT_TRUE(registry_.Report(b, 2, {}, kStart + absl::Seconds(2)).ok());
  EXPECT_TRUE(registry_.DropSilent(kStart + absl::Seconds(3) - absl::Nanoseconds(1)).empty());
  EXPECT_EQ(registry_.DropSilent(kStart + absl::Seconds(3)), std::vector<WorkerId>{WorkerId("a")});
  EXPECT_TRUE(
      HasReason(registry_.Report(a, 2, {}, kStart + absl::Seconds(4)), Reason::kWorkerLost));
  EXPECT_EQ(recorder_.heard, "+a1+b2-a1");
  EXPECT_TRUE(registry_.Join(Hello("a", 1), 1, kStart + absl::Seconds(4)).ok());
}

TEST_F(WorkerRegistryTest, NewIncarnationReplacesTheOldOneWhoseStreamThenMeansNothing) {
  const RegistrationId old = *registry_.Join(Hello("a", 1), 1, kStart);
  ASSERT_TRUE(registry_.Join(Hello("a", 2), 1, kStart).ok());
  EXPECT_EQ(recorder_.heard, "+a1-a1+a2");
  registry_.Leave(old);
  ASSERT_EQ(registry_.Snapshot().workers.size(), 1U);
  EXPECT_EQ(registry_.Snapshot().workers[0].hello.incarnation, 2U);
}

TEST_F(WorkerRegistryTest, SameProcessOnANewStreamNeverLeft) {
  const RegistrationId old = *registry_.Join(Hello("a", 1), 1, kStart);
  ASSERT_TRUE(registry_.Join(Hello("a", 1), 1, kStart).ok());
  registry_.Leave(old);
  EXPECT_EQ(recorder_.heard, "+a1");
  EXPECT_EQ(registry_.Snapshot().workers.size(), 1U);
}

TEST_F(WorkerRegistryTest, GapInTheSequenceDropsTheWorker) {
  const RegistrationId a = *registry_.Join(Hello("a", 1), 1, kStart);
  const absl::Status gap = registry_.Report(a, 3, {}, kStart);
  ASSERT_TRUE(HasReason(gap, Reason::kInvalidField)) << gap;
  EXPECT_EQ(DetailOf(gap)->fields[0].field, "sequence");
  EXPECT_EQ(recorder_.heard, "+a1-a1");
}

TEST_F(WorkerRegistryTest, SameModelNameNeedsTheSameFingerprint) {
  ASSERT_TRUE(registry_.Join(Hello("a", 1, "m", "f"), 1, kStart).ok());
  EXPECT_TRUE(HasReason(registry_.Join(Hello("b", 2, "m", "g"), 1, kStart).status(),
                        Reason::kFingerprintMismatch));
  EXPECT_TRUE(registry_.Join(Hello("b", 2, "other", "g"), 1, kStart).ok());
  // Alone with its model it may come back with another one.
  EXPECT_TRUE(registry_.Join(Hello("a", 3, "m", "g"), 1, kStart).ok());
}

TEST_F(WorkerRegistryTest, FaultyHelloIsRefused) {
  EXPECT_TRUE(HasReason(registry_.Join(Hello("", 1), 1, kStart).status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(registry_.Join(Hello("a", 0), 1, kStart).status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(registry_.Join(Hello("a", 1), 2, kStart).status(), Reason::kInvalidField));
  WorkerHello hello = Hello("a", 1);
  hello.advertise.clear();
  EXPECT_TRUE(HasReason(registry_.Join(hello, 1, kStart).status(), Reason::kInvalidField));
  hello = Hello("a", 1, "");
  EXPECT_TRUE(HasReason(registry_.Join(hello, 1, kStart).status(), Reason::kInvalidField));
  hello = Hello("a", 1);
  hello.protocol_version = 2;
  EXPECT_EQ(registry_.Join(hello, 1, kStart).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(recorder_.heard, "");
}

TEST_F(WorkerRegistryTest, FleetIsBoundedButAReplacementAlwaysFits) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(registry_.Join(Hello(id, 1), 1, kStart).ok());
  EXPECT_EQ(registry_.Join(Hello("d", 1), 1, kStart).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(registry_.Join(Hello("c", 2), 1, kStart).ok());
}

TEST_F(WorkerRegistryTest, ModelsOnceServedStayKnown) {
  registry_.Leave(*registry_.Join(Hello("a", 1), 1, kStart));
  EXPECT_TRUE(registry_.Snapshot().models_known.contains("m"));
}

TEST_F(WorkerRegistryTest, ListenersHearEachWorkersChangesInOrderFromManyThreads) {
  class Checker final : public MembershipListener {
   public:
    void OnJoin(const WorkerHello& hello) override {
      EXPECT_FALSE(busy.exchange(true));
      EXPECT_TRUE(present.insert(hello.worker).second);
      busy = false;
    }
    void OnLeave(const WorkerId& worker, Incarnation) override {
      EXPECT_FALSE(busy.exchange(true));
      EXPECT_EQ(present.erase(worker), 1U);
      busy = false;
    }
    std::atomic<bool> busy = false;
    std::set<WorkerId> present;
  } checker;
  WorkerRegistry registry{{8, absl::Seconds(3)}};
  registry.AddListener(&checker);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&registry, t] {
      const std::string name = absl::StrCat("w", t);
      for (Incarnation i = 1; i <= 200; ++i) {
        const auto joined = registry.Join(Hello(name.c_str(), i), 1, kStart);
        ASSERT_TRUE(joined.ok());
        (void)registry.Report(*joined, 2, {}, kStart);
        if (i % 2) registry.Leave(*joined);
        (void)registry.Snapshot();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(checker.present.size(), 4U);
}

}  // namespace
}  // namespace pintle

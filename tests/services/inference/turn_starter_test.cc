// SPDX-License-Identifier: Apache-2.0
#include "services/inference/turn_starter.h"

#include <memory>
#include <string>
#include <utility>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "sessions/local_placer.h"
#include "sessions/memory_session_store.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {
namespace {

class TurnStarterTest : public ::testing::Test {
 protected:
  absl::Status Start(const v1::GenerateRequest& request, RequestRecord& record) {
    return starter_.Start(TenantId(std::string("alice")), request, absl::InfiniteDuration(), record)
        .status();
  }

  SystemClock clock_;
  FakeTurnBackend backend_;
  MemorySessionStore store_{clock_, [] { return std::uint64_t{1}; }, {}};
  LocalPlacer placer_{WorkerId(std::string("w")), 1, "fake", backend_};
  TurnFront front_{store_, placer_, nullptr, clock_};
  TurnStarter starter_{front_, {}, clock_};
};

TEST_F(TurnStarterTest, TheRecordNamesTheRequestEvenWhenItIsRefused) {
  v1::GenerateRequest request;
  request.set_session("s");
  request.set_request_id("r");
  request.set_model("m");
  RequestRecord record;
  EXPECT_TRUE(HasReason(Start(request, record), Reason::kInvalidField));
  EXPECT_EQ(record.tenant, "alice");
  EXPECT_EQ(record.session, "s");
  EXPECT_EQ(record.request_id, "r");
  EXPECT_EQ(record.model, "m");
}

TEST_F(TurnStarterTest, NamesThatBreakTheRulesStayOutOfTheRecord) {
  v1::GenerateRequest request;
  request.set_session("my secret prompt");
  request.set_request_id(std::string(100, 'x'));
  RequestRecord record;
  EXPECT_FALSE(Start(request, record).ok());
  EXPECT_EQ(record.session, "");
  EXPECT_EQ(record.request_id, "");
}

TEST_F(TurnStarterTest, AfterDrainNothingStarts) {
  v1::GenerateRequest request;
  request.mutable_tokens()->add_ids(1);
  RequestRecord record;
  EXPECT_TRUE(Start(request, record).ok());
  starter_.Drain();
  EXPECT_TRUE(HasReason(Start(request, record), Reason::kDraining));
  EXPECT_EQ(backend_.starts(), 1U);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/turn_recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "tests/worker/kv/kv_fixture.h"
#include "worker/laboratory/trace_reader.h"

namespace pintle::kv {
namespace {

// A cache of blocks of four tokens.
class TurnRecorderTest : public KvFixture {
 protected:
  TurnRecorderTest() { cache_->SetObserver(&recorder_); }

  std::string Taken() {
    std::string lines;
    recorder_.Take(lines);
    return lines;
  }

  TurnRecorder recorder_{{1, 2}, 4, 2000};
};

TEST_F(TurnRecorderTest, TheLaboratoryReadsWhatTurnsLookedFor) {
  Turn(Key("a"), Run(1, 10));
  Turn(Key("a"), Run(1, 18));
  Turn(Key("b"), Run(500, 8));
  std::istringstream lines(Taken());
  const auto trace = laboratory::ReadTrace(lines);
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_EQ(trace->requests(), 3);
  EXPECT_EQ(trace->sessions(), 2);
  EXPECT_EQ(trace->Session(0), trace->Session(1));
  EXPECT_NE(trace->Session(0), trace->Session(2));
  // Three blocks, then five that share the two full ones, then two of another prompt.
  ASSERT_EQ(trace->Path(0).size(), 3U);
  ASSERT_EQ(trace->Path(1).size(), 5U);
  EXPECT_EQ(trace->Path(0)[1], trace->Path(1)[1]);
  EXPECT_NE(trace->Path(0)[2], trace->Path(1)[2]);
  EXPECT_EQ(trace->unique_blocks(), 8);
}

TEST_F(TurnRecorderTest, NamesAndTokensCannotBeReadInIt) {
  Turn(Key("the-session"), Run(77001, 8));
  const std::string lines = Taken();
  EXPECT_EQ(lines.find("the-session"), std::string::npos);
  EXPECT_EQ(lines.find("77001"), std::string::npos);
  EXPECT_NE(lines.find("\"timestamp\": 0, \"input_length\": 8, \"session\": \""),
            std::string::npos);
}

TEST_F(TurnRecorderTest, OneShotsHaveNoSession) {
  Turn(SessionKey{TenantId("t"), SessionId()}, Run(1, 8));
  EXPECT_EQ(Taken().find("session"), std::string::npos);
}

TEST_F(TurnRecorderTest, TurnsWithoutRoomAreCountedAndWhatIsThereStaysWhole) {
  for (int i = 0; i < 40; ++i) Turn(Key("a"), Run(1 + 100 * i, 8));
  const std::string lines = Taken();
  EXPECT_GT(recorder_.Lost(), 0);
  EXPECT_LE(lines.size(), 2000U);
  EXPECT_EQ(lines.back(), '\n');
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n') + recorder_.Lost(), 40);
  Turn(Key("a"), Run(1, 8));
  EXPECT_EQ(Taken().find("{\"timestamp\""), 0U);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
// Turns cancelled at random moments leave nothing behind: ten thousand of them, or as many as
// PINTLE_CANCELS says.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

int Cancels() {
  const char* asked = std::getenv("PINTLE_CANCELS");
  int cancels = 0;
  return asked != nullptr && absl::SimpleAtoi(asked, &cancels) ? cancels : 10000;
}

struct Doomed {
  TestTurn test;
  int rounds_left = 0;
};

EngineTurn RandomTurn(std::mt19937& random) {
  const auto pick = [&random](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(static_cast<std::size_t>(pick(1, 200)),
                                                          static_cast<std::uint32_t>(pick(0, 9))),
                                      pick(1, 100));
  if (pick(0, 1) == 0) turn.key.session = SessionId(absl::StrCat("s", pick(0, 400)));
  turn.key.tenant = TenantId(absl::StrCat("t", pick(0, 2)));
  turn.n = pick(0, 4) == 0 ? pick(2, 4) : 1;
  turn.priority = pick(0, 100);
  turn.sampling.temperature = pick(0, 1) == 0 ? 0.0F : 1.0F;
  turn.prompt_logprobs = pick(0, 9) == 0;
  return turn;
}

TEST(EngineCancelsTest, ManyRandomCancelsLeaveNoBlockAndNoStreamBehind) {
  EngineBench::Setup setup;
  setup.blocks = 160;
  setup.rounds_per_check = 50;
  setup.engine.scheduler.prefill_chunk_max = 64;
  EngineBench bench(setup);
  std::mt19937 random(20261122);
  std::vector<Doomed> doomed;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  int cancelled = 0;
  std::size_t hanging = 0;
  const int cancels = Cancels();
  while (cancelled < cancels) {
    while (doomed.size() < 24) {
      EngineTurn turn = RandomTurn(random);
      auto sink = std::static_pointer_cast<RecordingSink>(turn.sink);
      const auto id = bench.engine().Submit(std::move(turn));
      if (!id.ok()) continue;  // its session is busy
      sinks.push_back(sink);
      // From "still in the mailbox" to "all choices ended long ago".
      doomed.push_back({{*id, sink}, std::uniform_int_distribution<int>(0, 120)(random)});
      if (random() % 8 == 0) sink->set_paused(true);
    }
    for (std::size_t i = 0; i < doomed.size();) {
      if (doomed[i].rounds_left-- > 0) {
        ++i;
        continue;
      }
      bench.engine().Cancel(doomed[i].test.id, absl::CancelledError("test"));
      ++cancelled;
      doomed[i] = doomed.back();
      doomed.pop_back();
    }
    bench.Round();
    // Those that have heard their end need not be kept.
    if (sinks.size() > 4096) {
      std::erase_if(sinks, [](const auto& sink) { return sink->Ended(); });
    }
  }
  for (const Doomed& rest : doomed) {
    bench.engine().Cancel(rest.test.id, absl::CancelledError("test"));
  }
  bench.Round();
  for (const auto& sink : sinks) hanging += sink->Ended() ? 0 : 1;
  const kv::KvStats stats = bench.engine().cache().Stats();
  const std::int64_t unused =
      stats.Blocks(kv::BlockState::kFree) + stats.Blocks(kv::BlockState::kEvictable);
  std::printf(
      "cancels %d, preemptions %lld, in use %lld, pinned %lld, reserved %lld, "
      "free + evictable %lld of %lld, streams hanging %zu\n",
      cancelled, static_cast<long long>(bench.engine().Snapshot().preemptions),
      static_cast<long long>(stats.Blocks(kv::BlockState::kInUse)),
      static_cast<long long>(stats.Blocks(kv::BlockState::kPinned)),
      static_cast<long long>(stats.blocks_reserved), static_cast<long long>(unused),
      static_cast<long long>(stats.blocks_total), hanging);
  bench.ExpectAllBlocksFree();
  EXPECT_EQ(hanging, 0U);
  EXPECT_TRUE(bench.engine().cache().CheckInvariants().ok());
  EXPECT_TRUE(bench.engine().AwaitIdle(absl::ZeroDuration()));
  EXPECT_FALSE(bench.Round());
}

}  // namespace
}  // namespace pintle

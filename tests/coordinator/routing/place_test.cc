// SPDX-License-Identifier: Apache-2.0
#include "coordinator/routing/place.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

constexpr absl::Duration kReported = absl::Seconds(50);

// A worker that reports 100 prefill and 10 decode tokens/s and 2 bytes a token.
FleetWorker Worker(const char* id, Incarnation incarnation, std::int64_t queued,
                   std::int64_t running, const char* model = "m") {
  FleetWorker worker;
  worker.hello.worker = WorkerId(id);
  worker.hello.incarnation = incarnation;
  worker.hello.model.name = std::string(model);
  worker.load.queued_uncached_tokens = queued;
  worker.load.turns_running = running;
  worker.load.turns_waiting = 0;
  worker.load.prefill_tokens_per_second = 100;
  worker.load.decode_tokens_per_second = 10;
  worker.load.bytes_per_token = 2;
  worker.load_at = kReported;
  return worker;
}

FleetSnapshot Fleet(std::vector<FleetWorker> workers) {
  FleetSnapshot fleet;
  fleet.workers = std::move(workers);
  for (const FleetWorker& worker : fleet.workers) {
    fleet.models_known.insert(worker.hello.model.name);
  }
  return fleet;
}

PlacementQuery Query() {
  PlacementQuery query;
  query.session = {TenantId("t"), SessionId("s")};
  query.model = std::string("m");
  query.new_bytes = 100;  // 50 tokens
  query.output_tokens = 20;
  return query;
}

PlacementQuery BoundTo(const char* worker, Incarnation incarnation, std::int64_t tokens) {
  PlacementQuery query = Query();
  query.bound_worker = WorkerId(worker);
  query.bound_incarnation = incarnation;
  query.transcript_tokens = tokens;
  return query;
}

TEST(PlaceTest, AllTermsAreSecondsAsTheDesignSays) {
  FleetWorker worker = Worker("a", 1, 150, 3);
  worker.load.kv_tokens_free = 100;
  worker.load.kv_tokens_evictable = 0;
  const auto decision = Place(Fleet({worker}), {}, BoundTo("b", 9, 400));
  ASSERT_TRUE(decision.ok());
  const PlacementTerms& terms = decision->chosen;
  EXPECT_DOUBLE_EQ(terms.queue, (150 + 50) / 100.0);
  EXPECT_DOUBLE_EQ(terms.decode, 20 * 3 / 10.0);
  EXPECT_DOUBLE_EQ(terms.bring, 400 / 100.0);
  // 50 + 400 + 20 needed, 100 free: 370 evicted, none of it evictable.
  EXPECT_DOUBLE_EQ(terms.pressure, 370 / 100.0 + 370 / 10.0);
  EXPECT_DOUBLE_EQ(terms.Total(), terms.queue + terms.decode + terms.bring + terms.pressure);
  EXPECT_EQ(decision->uncached_tokens, 450);
  EXPECT_FALSE(decision->resident);
}

TEST(PlaceTest, SessionWithATranscriptStaysWhereItsKvIsHoweverLongTheQueue) {
  for (const char* order : {"ab", "ba"}) {
    const FleetWorker busy = Worker("a", 1, 100000, 50);
    const FleetWorker idle = Worker("b", 2, 0, 0);
    const auto stays = Place(order[0] == 'a' ? Fleet({busy, idle}) : Fleet({idle, busy}), {},
                             BoundTo("a", 1, 400));
    EXPECT_EQ(stays->chosen.worker.value(), "a");
    EXPECT_TRUE(stays->resident);
    EXPECT_EQ(stays->uncached_tokens, 50);
  }
  // Nothing is left behind by a session that has no transcript yet.
  const auto moves =
      Place(Fleet({Worker("a", 1, 401, 0), Worker("b", 2, 0, 0)}), {}, BoundTo("a", 1, 0));
  EXPECT_EQ(moves->chosen.worker.value(), "b");
}

TEST(PlaceTest, RestartedWorkerHoldsNothing) {
  const auto decision = Place(Fleet({Worker("a", 2, 0, 0)}), {}, BoundTo("a", 1, 400));
  EXPECT_FALSE(decision->resident);
  EXPECT_DOUBLE_EQ(decision->chosen.bring, 4.0);
}

TEST(PlaceTest, LeastWaitWins) {
  const auto decision = Place(
      Fleet({Worker("a", 1, 100, 0), Worker("b", 2, 90, 0), Worker("c", 3, 0, 1)}), {}, Query());
  EXPECT_EQ(decision->chosen.worker.value(), "b");  // 0.9 s against 1.0 s and 2.0 s
  EXPECT_EQ(decision->candidates.size(), 3U);
}

TEST(PlaceTest, BookingsOfABurstSpreadIt) {
  const FleetSnapshot fleet = Fleet({Worker("a", 1, 0, 0), Worker("b", 2, 0, 0)});
  BookingLedger booked;
  std::map<std::string, int> placed;
  for (int i = 0; i < 10; ++i) {
    PlacementQuery query = Query();
    query.session.session = SessionId(absl::StrCat("s", i));
    const auto decision = Place(fleet, booked, query);
    ++placed[decision->chosen.worker.value()];
    booked.Add(decision->chosen.incarnation, decision->uncached_tokens, kReported);
  }
  EXPECT_EQ(placed["a"], 5);
  EXPECT_EQ(placed["b"], 5);
}

TEST(PlaceTest, TiesFollowTheRendezvousHashWhateverTheOrder) {
  std::map<std::string, int> placed;
  for (int i = 0; i < 300; ++i) {
    PlacementQuery query = Query();
    query.session.session = SessionId(absl::StrCat("s", i));
    const auto abc =
        Place(Fleet({Worker("a", 1, 0, 0), Worker("b", 2, 0, 0), Worker("c", 3, 0, 0)}), {}, query);
    const auto cba =
        Place(Fleet({Worker("c", 3, 0, 0), Worker("b", 2, 0, 0), Worker("a", 1, 0, 0)}), {}, query);
    const std::string chosen = abc->chosen.worker.value();
    EXPECT_EQ(chosen, cba->chosen.worker.value());
    ++placed[chosen];
    // A worker that leaves moves only its own sessions.
    if (chosen != "c") {
      const auto ab = Place(Fleet({Worker("a", 1, 0, 0), Worker("b", 2, 0, 0)}), {}, query);
      EXPECT_EQ(ab->chosen.worker.value(), chosen);
    }
  }
  for (const char* id : {"a", "b", "c"}) EXPECT_GT(placed[id], 60) << id;
}

TEST(PlaceTest, UnknownTelemetryNeverBeatsAPeerThatReported) {
  FleetWorker silent = Worker("a", 1, 0, 0);
  silent.load = WorkerLoad();
  silent.load_at.reset();
  FleetWorker busy = Worker("b", 2, 500, 4);
  busy.load.kv_tokens_free = 10;
  const auto decision = Place(Fleet({silent, busy}), {}, Query());
  EXPECT_DOUBLE_EQ(decision->candidates[0].Total(), decision->candidates[1].Total());
  const auto idle = Place(Fleet({silent, busy, Worker("c", 3, 400, 4)}), {}, Query());
  EXPECT_EQ(idle->chosen.worker.value(), "c");
}

TEST(PlaceTest, FleetThatKnowsNothingIsPlacedByHashAlone) {
  FleetWorker a = Worker("a", 1, 0, 0), b = Worker("b", 2, 0, 0);
  a.load = b.load = WorkerLoad();
  const auto decision = Place(Fleet({a, b}), {}, Query());
  ASSERT_TRUE(decision.ok());
  EXPECT_DOUBLE_EQ(decision->candidates[0].Total(), decision->candidates[1].Total());
}

TEST(PlaceTest, ZeroRatesAreNobodysMeasurement) {
  FleetWorker worker = Worker("a", 1, 10, 1);
  worker.load.prefill_tokens_per_second = 0;
  worker.load.decode_tokens_per_second = 0;
  worker.load.bytes_per_token = 0;
  const auto decision = Place(Fleet({worker}), {}, Query());
  ASSERT_TRUE(decision.ok());
  EXPECT_LT(decision->chosen.Total(), 10);
}

TEST(PlaceTest, DrainingWorkersTakeNothingAndAllDrainingIsSaid) {
  FleetWorker draining = Worker("a", 1, 0, 0);
  draining.load.draining = true;
  const auto decision = Place(Fleet({draining, Worker("b", 2, 900, 9)}), {}, Query());
  EXPECT_EQ(decision->chosen.worker.value(), "b");
  const absl::Status all = Place(Fleet({draining}), {}, Query()).status();
  EXPECT_TRUE(HasReason(all, Reason::kDraining));
  EXPECT_TRUE(DetailOf(all)->retry_after.has_value());
}

TEST(PlaceTest, ErrorsTellAnEmptyFleetFromAnUnknownAndFromALostModel) {
  EXPECT_TRUE(HasReason(Place({}, {}, Query()).status(), Reason::kNoWorker));
  FleetSnapshot fleet = Fleet({Worker("a", 1, 0, 0, "other")});
  EXPECT_TRUE(HasReason(Place(fleet, {}, Query()).status(), Reason::kModelNotFound));
  fleet.models_known.insert("m");
  EXPECT_TRUE(HasReason(Place(fleet, {}, Query()).status(), Reason::kNoWorker));
}

TEST(PlaceTest, EmptyModelMeansTheOnlyOne) {
  PlacementQuery query = Query();
  query.model.clear();
  EXPECT_EQ(Place(Fleet({Worker("a", 1, 0, 0), Worker("b", 2, 0, 0)}), {}, query)->model, "m");
  const absl::Status two =
      Place(Fleet({Worker("a", 1, 0, 0), Worker("b", 2, 0, 0, "n")}), {}, query).status();
  ASSERT_TRUE(HasReason(two, Reason::kInvalidField));
  EXPECT_EQ(DetailOf(two)->fields[0].field, "model");
}

TEST(PlaceTest, LogLineTellsTheDecisionAndItsTerms) {
  const auto decision =
      Place(Fleet({Worker("a", 1, 100, 0), Worker("b", 2, 0, 1)}), {}, BoundTo("a", 1, 300));
  EXPECT_EQ(LogLine(*decision, BoundTo("a", 1, 300)),
            "placement tenant=t session=s model=m worker=a resident=true uncached_tokens=50 "
            "a=1.500(queue=1.500,decode=0.000,pressure=0.000,bring=0.000) "
            "b=5.500(queue=0.500,decode=2.000,pressure=0.000,bring=3.000)");
}

}  // namespace
}  // namespace pintle

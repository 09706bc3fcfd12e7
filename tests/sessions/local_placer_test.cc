// SPDX-License-Identifier: Apache-2.0
#include "sessions/local_placer.h"

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {
namespace {

TEST(LocalPlacerTest, EveryTurnOfItsModelRunsHere) {
  FakeTurnBackend backend;
  LocalPlacer placer(WorkerId("w"), 7, "m", backend);
  for (const char* model : {"", "m"}) {
    PlacementQuery query;
    query.model = model;
    const auto placement = placer.Place(query);
    ASSERT_TRUE(placement.ok());
    EXPECT_EQ(placement->worker, WorkerId("w"));
    EXPECT_EQ(placement->incarnation, 7U);
    EXPECT_EQ(placement->model, "m");
    EXPECT_EQ(placement->backend.get(), &backend);
  }
}

TEST(LocalPlacerTest, OtherModelsAreNotFound) {
  FakeTurnBackend backend;
  LocalPlacer placer(WorkerId("w"), 7, "m", backend);
  PlacementQuery query;
  query.model = "x";
  EXPECT_TRUE(HasReason(placer.Place(query).status(), Reason::kModelNotFound));
}

TEST(LocalPlacerTest, OnlyThisProcessHoldsAnything) {
  FakeTurnBackend backend;
  LocalPlacer placer(WorkerId("w"), 7, "m", backend);
  EXPECT_EQ(placer.BackendOf(WorkerId("w"), 7).get(), &backend);
  EXPECT_EQ(placer.BackendOf(WorkerId("w"), 6), nullptr);
  EXPECT_EQ(placer.HeldTokens({}, WorkerId("w"), 6), 0);
  EXPECT_EQ(placer.HeldTokens({}, WorkerId("w"), 7), std::nullopt);
}

}  // namespace
}  // namespace pintle

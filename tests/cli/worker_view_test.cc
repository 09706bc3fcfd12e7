// SPDX-License-Identifier: Apache-2.0
#include "cli/worker_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;

v1::ListWorkersResponse Fleet() {
  v1::ListWorkersResponse response;
  v1::Worker& known = *response.add_workers();
  known.set_id("worker-1");
  known.set_state(v1::READY);
  known.set_turns_running(0);
  known.set_kv_tokens_capacity(11650);
  known.set_decode_tokens_per_second(42.25);
  v1::Worker& silent = *response.add_workers();
  silent.set_id("worker-2");
  silent.set_state(v1::DRAINING);
  return response;
}

TEST(WorkerViewTest, WhatAWorkerDidNotReportIsAQuestionMarkNotZero) {
  v1::ListWorkersResponse one;
  *one.add_workers() = Fleet().workers(0);
  const std::string known = WorkerTable(one);
  EXPECT_THAT(known, HasSubstr("11,650"));
  EXPECT_THAT(known, HasSubstr("42.2"));
  *one.mutable_workers(0) = Fleet().workers(1);
  const std::string silent = WorkerTable(one);
  EXPECT_THAT(silent, HasSubstr("draining"));
  EXPECT_THAT(silent, HasSubstr("?"));
}

TEST(WorkerViewTest, OnlyWorkersThatTakeTurnsAreReady) {
  EXPECT_EQ(ReadyWorkers(Fleet()), 1);
  EXPECT_EQ(ReadyWorkers(v1::ListWorkersResponse()), 0);
}

}  // namespace
}  // namespace pintle

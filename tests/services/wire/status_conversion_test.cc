// SPDX-License-Identifier: Apache-2.0
#include "services/wire/status_conversion.h"

#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

ErrorDetail FullDetail() {
  ErrorDetail detail;
  detail.reason = Reason::kPinBudget;
  detail.retry_after = absl::Milliseconds(1500);
  detail.fields = {{"pin.budget_tokens", "is 9, limit 4"}, {"pin", "is too large"}};
  detail.quotas = {{"pin budget", "4 tokens"}};
  detail.metadata = {{"a", "1"}, {"position", "17"}};
  return detail;
}

void ExpectFullDetail(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "the pin budget is 4 tokens");
  const auto detail = DetailOf(status);
  ASSERT_TRUE(detail.has_value());
  const ErrorDetail want = FullDetail();
  EXPECT_EQ(detail->reason, want.reason);
  EXPECT_EQ(detail->retry_after, want.retry_after);
  EXPECT_EQ(detail->fields, want.fields);
  EXPECT_EQ(detail->quotas, want.quotas);
  EXPECT_EQ(detail->metadata, want.metadata);
}

TEST(StatusConversionTest, GrpcRoundTripLosesNothing) {
  ExpectFullDetail(
      FromGrpcStatus(ToGrpcStatus(MakeError(FullDetail(), "the pin budget is 4 tokens"))));
}

TEST(StatusConversionTest, RpcMessageRoundTripLosesNothing) {
  ExpectFullDetail(
      FromRpcStatus(ToRpcStatus(MakeError(FullDetail(), "the pin budget is 4 tokens"))));
}

TEST(StatusConversionTest, DetailsAreTheWellKnownMessages) {
  google::rpc::Status rpc;
  ASSERT_TRUE(rpc.ParseFromString(ToGrpcStatus(MakeError(FullDetail(), "x")).error_details()));
  ASSERT_EQ(rpc.details_size(), 4);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(rpc.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "pintle");
  EXPECT_EQ(info.reason(), "PIN_BUDGET");
  google::rpc::BadRequest bad;
  ASSERT_TRUE(rpc.details(1).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "pin.budget_tokens");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(rpc.details(2).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500000000);
  google::rpc::QuotaFailure quota;
  ASSERT_TRUE(rpc.details(3).UnpackTo(&quota));
  EXPECT_EQ(quota.violations(0).subject(), "pin budget");
}

class EveryReason : public ::testing::TestWithParam<int> {};

TEST_P(EveryReason, KeepsItsCodeAndNameOnTheWire) {
  const auto reason = static_cast<Reason>(GetParam());
  const absl::Status sent = MakeError(reason, "why");
  const grpc::Status wire = ToGrpcStatus(sent);
  EXPECT_EQ(static_cast<int>(wire.error_code()), static_cast<int>(CodeOf(reason)));
  EXPECT_TRUE(HasReason(FromGrpcStatus(wire), reason)) << ReasonName(reason);
  const bool retried = CodeOf(reason) == absl::StatusCode::kUnavailable ||
                       CodeOf(reason) == absl::StatusCode::kResourceExhausted;
  EXPECT_EQ(DetailOf(FromGrpcStatus(wire))->retry_after.has_value(), retried);
}

INSTANTIATE_TEST_SUITE_P(All, EveryReason,
                         ::testing::Range(0, static_cast<int>(Reason::kModelFailed) + 1));

TEST(StatusConversionTest, CancelledAndDeadlineCarryNoDetail) {
  for (const absl::Status& status :
       {absl::CancelledError("bye"), absl::DeadlineExceededError("late")}) {
    const grpc::Status wire = ToGrpcStatus(status);
    EXPECT_EQ(wire.error_details(), "");
    EXPECT_EQ(FromGrpcStatus(wire), status);
  }
}

TEST(StatusConversionTest, AnErrorWithoutAReasonIsOurBug) {
  const absl::Status status = FromGrpcStatus(ToGrpcStatus(absl::NotFoundError("where")));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(HasReason(status, Reason::kModelFailed));
}

TEST(StatusConversionTest, ForeignDetailsAreDroppedAndTheCodeKept) {
  google::rpc::Status rpc;
  google::rpc::ErrorInfo info;
  info.set_domain("elsewhere");
  info.set_reason("SESSION_BUSY");
  rpc.add_details()->PackFrom(info);
  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::ABORTED, "m", rpc.SerializeAsString()));
  EXPECT_EQ(status, absl::AbortedError("m"));
  const absl::Status garbage =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::ABORTED, "m", "\xff\xff garbage"));
  EXPECT_EQ(garbage, absl::AbortedError("m"));
}

TEST(StatusConversionTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

}  // namespace
}  // namespace pintle

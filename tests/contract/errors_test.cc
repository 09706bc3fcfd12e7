// SPDX-License-Identifier: Apache-2.0
#include "contract/errors.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

struct ReasonCase {
  Reason reason;
  const char* name;
  absl::StatusCode code;
};

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

// The closed list of the design, written down a second time on purpose: clients rely on it.
const std::vector<ReasonCase>& AllReasons() {
  static const auto& cases = *new std::vector<ReasonCase>{
      {Reason::kInvalidField, "INVALID_FIELD", kInvalid},
      {Reason::kPromptTooLong, "PROMPT_TOO_LONG", kInvalid},
      {Reason::kTemplateFailed, "TEMPLATE_FAILED", kInvalid},
      {Reason::kUnsupportedOption, "UNSUPPORTED_OPTION", kInvalid},
      {Reason::kModelNotFound, "MODEL_NOT_FOUND", absl::StatusCode::kNotFound},
      {Reason::kSessionNotFound, "SESSION_NOT_FOUND", absl::StatusCode::kNotFound},
      {Reason::kSessionExists, "SESSION_EXISTS", absl::StatusCode::kAlreadyExists},
      {Reason::kRequestIdReused, "REQUEST_ID_REUSED", absl::StatusCode::kAlreadyExists},
      {Reason::kPositionMismatch, "POSITION_MISMATCH", kPrecondition},
      {Reason::kContextFull, "CONTEXT_FULL", kPrecondition},
      {Reason::kStaleEpoch, "STALE_EPOCH", kPrecondition},
      {Reason::kFingerprintMismatch, "FINGERPRINT_MISMATCH", kPrecondition},
      {Reason::kUseCoordinator, "USE_COORDINATOR", kPrecondition},
      {Reason::kSessionBusy, "SESSION_BUSY", absl::StatusCode::kAborted},
      {Reason::kSessionDeleted, "SESSION_DELETED", absl::StatusCode::kAborted},
      {Reason::kQueueFull, "QUEUE_FULL", kExhausted},
      {Reason::kPoolFull, "POOL_FULL", kExhausted},
      {Reason::kPinBudget, "PIN_BUDGET", kExhausted},
      {Reason::kSessionBudget, "SESSION_BUDGET", kExhausted},
      {Reason::kTenantQuota, "TENANT_QUOTA", kExhausted},
      {Reason::kSessionsMax, "SESSIONS_MAX", kExhausted},
      {Reason::kSlowReader, "SLOW_READER", kExhausted},
      {Reason::kNoWorker, "NO_WORKER", kUnavailable},
      {Reason::kWorkerLost, "WORKER_LOST", kUnavailable},
      {Reason::kDraining, "DRAINING", kUnavailable},
      {Reason::kLoading, "LOADING", kUnavailable},
      {Reason::kBadToken, "BAD_TOKEN", absl::StatusCode::kUnauthenticated},
      {Reason::kNotAdmin, "NOT_ADMIN", absl::StatusCode::kPermissionDenied},
      {Reason::kNotCluster, "NOT_CLUSTER", absl::StatusCode::kPermissionDenied},
      {Reason::kNotYet, "NOT_YET", absl::StatusCode::kUnimplemented},
      {Reason::kModelFailed, "MODEL_FAILED", absl::StatusCode::kInternal},
  };
  return cases;
}

class ReasonTest : public testing::TestWithParam<ReasonCase> {};

TEST_P(ReasonTest, HasItsNameAndCode) {
  EXPECT_EQ(ReasonName(GetParam().reason), GetParam().name);
  EXPECT_EQ(ReasonFromName(GetParam().name), GetParam().reason);
  EXPECT_EQ(CodeOf(GetParam().reason), GetParam().code);
}

TEST_P(ReasonTest, SurvivesTheStatusWithAllItsDetail) {
  ErrorDetail detail;
  detail.reason = GetParam().reason;
  detail.retry_after = absl::Milliseconds(2500);
  detail.fields = {{"sampling.temperature", "is 3:4, \n limit"}, {"", ""}};
  detail.quotas = {{"tenant:a", "12:34"}};
  detail.metadata = {{"position", "17"}, {"a:b", std::string("\0x", 2)}};
  const absl::Status status = MakeError(detail, "the message");
  EXPECT_EQ(status.code(), GetParam().code);
  EXPECT_EQ(status.message(), "the message");
  const std::optional<ErrorDetail> found = DetailOf(status);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->reason, detail.reason);
  EXPECT_EQ(found->retry_after, detail.retry_after);
  EXPECT_EQ(found->fields, detail.fields);
  EXPECT_EQ(found->quotas, detail.quotas);
  EXPECT_EQ(found->metadata, detail.metadata);
  EXPECT_TRUE(HasReason(status, GetParam().reason));
}

TEST_P(ReasonTest, TellsWhenToComeBackExactlyWhereARetryHelps) {
  const std::optional<ErrorDetail> detail = DetailOf(MakeError(GetParam().reason, "m"));
  ASSERT_TRUE(detail.has_value());
  const bool retryable = GetParam().code == kExhausted || GetParam().code == kUnavailable;
  EXPECT_EQ(detail->retry_after.has_value(), retryable);
}

INSTANTIATE_TEST_SUITE_P(All, ReasonTest, testing::ValuesIn(AllReasons()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(ErrorsTest, NamesAreDistinct) {
  std::set<absl::string_view> names;
  for (const ReasonCase& row : AllReasons()) names.insert(ReasonName(row.reason));
  EXPECT_EQ(names.size(), AllReasons().size());
}

TEST(ErrorsTest, UnknownNamesAreNoReason) {
  EXPECT_EQ(ReasonFromName(""), std::nullopt);
  EXPECT_EQ(ReasonFromName("invalid_field"), std::nullopt);
  EXPECT_EQ(ReasonFromName("INVALID_FIELD "), std::nullopt);
}

TEST(ErrorsTest, InvalidFieldNamesTheField) {
  const absl::Status status = InvalidField("n", "is 9, limit 1 to 8");
  EXPECT_EQ(status.message(), "n is 9, limit 1 to 8");
  EXPECT_TRUE(HasReason(status, Reason::kInvalidField));
  EXPECT_THAT(DetailOf(status)->fields,
              testing::ElementsAre(FieldViolation{"n", "is 9, limit 1 to 8"}));
}

TEST(ErrorsTest, StatusesOfOthersCarryNoDetail) {
  EXPECT_FALSE(DetailOf(absl::OkStatus()).has_value());
  EXPECT_FALSE(DetailOf(absl::InternalError("x")).has_value());
  EXPECT_FALSE(HasReason(absl::InternalError("x"), Reason::kModelFailed));
}

TEST(ErrorsTest, ADamagedDetailIsNoDetail) {
  const absl::Status good = InvalidField("field", "is bad");
  good.ForEachPayload([](absl::string_view url, const absl::Cord& payload) {
    const std::string text(payload);
    for (std::size_t length = 0; length < text.size(); ++length) {
      absl::Status cut = absl::InvalidArgumentError("m");
      cut.SetPayload(url, absl::Cord(text.substr(0, length)));
      EXPECT_FALSE(DetailOf(cut).has_value()) << "cut at " << length;
    }
  });
}

}  // namespace
}  // namespace pintle

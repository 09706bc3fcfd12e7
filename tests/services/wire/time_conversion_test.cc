// SPDX-License-Identifier: Apache-2.0
#include "services/wire/time_conversion.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(TimeConversionTest, DurationsKeepTheirSignAndNanoseconds) {
  for (const absl::Duration value :
       {absl::ZeroDuration(), absl::Nanoseconds(1), -absl::Nanoseconds(1500000001),
        absl::Hours(24) + absl::Milliseconds(3)}) {
    google::protobuf::Duration proto;
    ToProto(value, &proto);
    EXPECT_EQ(FromProto(proto), value);
  }
}

TEST(TimeConversionTest, InfiniteDurationsAreClippedToTheMessagesRange) {
  google::protobuf::Duration proto;
  ToProto(absl::InfiniteDuration(), &proto);
  EXPECT_EQ(proto.seconds(), 315576000000);
}

TEST(TimeConversionTest, TimesBeforeTheEpochHavePositiveNanoseconds) {
  const absl::Time time = absl::UnixEpoch() - absl::Milliseconds(1);
  google::protobuf::Timestamp proto;
  ToProto(time, &proto);
  EXPECT_EQ(proto.seconds(), -1);
  EXPECT_EQ(proto.nanos(), 999000000);
  EXPECT_EQ(FromProto(proto), time);
}

}  // namespace
}  // namespace pintle

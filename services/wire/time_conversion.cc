// SPDX-License-Identifier: Apache-2.0
#include "services/wire/time_conversion.h"

#include <algorithm>

namespace pintle {
namespace {

// The range that the well-known messages promise to their readers.
constexpr absl::Duration kLongest = absl::Seconds(315576000000);
const absl::Time kEarliest = absl::FromUnixSeconds(-62135596800);  // year 1
const absl::Time kLatest = absl::FromUnixSeconds(253402300799);    // year 9999

}  // namespace

void ToProto(absl::Duration duration, google::protobuf::Duration* out) {
  duration = std::clamp(duration, -kLongest, kLongest);
  out->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out->set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration)));
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void ToProto(absl::Time time, google::protobuf::Timestamp* out) {
  time = std::clamp(time, kEarliest, kLatest);
  // Rounds down, so the nanoseconds are never negative.
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace pintle

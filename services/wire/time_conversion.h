// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_TIME_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_TIME_CONVERSION_H_

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

// Durations and wall times to their well-known messages and back, to the nanosecond. Beyond the
// range of the messages (10,000 years) values are clipped.
// Thread: pure functions.
namespace pintle {

void ToProto(absl::Duration duration, google::protobuf::Duration* out);
absl::Duration FromProto(const google::protobuf::Duration& duration);
void ToProto(absl::Time time, google::protobuf::Timestamp* out);
absl::Time FromProto(const google::protobuf::Timestamp& time);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_TIME_CONVERSION_H_

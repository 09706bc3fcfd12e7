// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_READ_MASK_H_
#define PINTLE_SERVICES_WIRE_READ_MASK_H_

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"

// Read masks: which fields of a response are wanted. Paths go through repeated fields too
// ("workers.tiers"), which protobuf's own helper does not do.
// Thread: pure functions.
namespace pintle {

// INVALID_FIELD naming the first path that is no field of such a message.
absl::Status ValidateReadMask(const google::protobuf::FieldMask& mask,
                              const google::protobuf::Descriptor& message);
// Clears every field that no path names; an empty mask clears nothing. Requires: a valid mask.
void ApplyReadMask(const google::protobuf::FieldMask& mask, google::protobuf::Message* message);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_READ_MASK_H_

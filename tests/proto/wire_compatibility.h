// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_PROTO_WIRE_COMPATIBILITY_H_
#define PINTLE_TESTS_PROTO_WIRE_COMPATIBILITY_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.pb.h"

namespace pintle::testing {

// Everything in `now` that breaks a client built against `promised`, one sentence each; empty when
// they are compatible. Additions are never a break.
std::vector<std::string> WireBreaks(const google::protobuf::FileDescriptorSet& promised,
                                    const google::protobuf::FileDescriptorSet& now);

}  // namespace pintle::testing

#endif  // PINTLE_TESTS_PROTO_WIRE_COMPATIBILITY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_STATUS_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_STATUS_CONVERSION_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace google::rpc {
class Status;
}

// How an error travels: code and message as gRPC's own, the ErrorDetail as google.rpc details in
// grpc-status-details-bin: ErrorInfo (domain "pintle", reason, metadata) always, BadRequest for
// fields, RetryInfo, QuotaFailure. Both directions lose nothing that MakeError put in; metadata
// comes back sorted by key. CANCELLED and DEADLINE_EXCEEDED are gRPC's own and carry no detail.
// Thread: pure functions.
namespace pintle {

// An error without a detail is a bug of ours, since every error names its reason: it becomes
// INTERNAL, MODEL_FAILED.
grpc::Status ToGrpcStatus(const absl::Status& status);
// Details of another domain or an unknown reason are dropped; code and message stay.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The same as a message, for GenerateBatch.
google::rpc::Status ToRpcStatus(const absl::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_STATUS_CONVERSION_H_

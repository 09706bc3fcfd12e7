// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_SERVICES_HOST_HEALTH_CALL_H_
#define PINTLE_TESTS_SERVICES_HOST_HEALTH_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

namespace pintle::testing {

// A call of one request by its name, in bytes, as a client without our stubs makes it; with a
// bearer token unless that is empty.
grpc::Status RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& request, std::string* response,
                     const std::string& token = "");

// What grpc.health.v1.Health/Check says of a service: "SERVING", "NOT_SERVING", else the status
// code.
std::string HealthOf(const std::shared_ptr<grpc::Channel>& channel, const std::string& service);

}  // namespace pintle::testing

#endif  // PINTLE_TESTS_SERVICES_HOST_HEALTH_CALL_H_

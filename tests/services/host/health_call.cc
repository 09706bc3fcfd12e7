// SPDX-License-Identifier: Apache-2.0
#include "tests/services/host/health_call.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace pintle::testing {

grpc::Status RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& request, std::string* response, const std::string& token) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  const grpc::Slice slice(request);
  const grpc::ByteBuffer in(&slice, 1);
  grpc::ByteBuffer out;
  std::mutex mutex;
  std::condition_variable done;
  bool ended = false;
  grpc::Status status;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &in, &out, [&](grpc::Status result) {
    const std::lock_guard<std::mutex> lock(mutex);
    status = std::move(result);
    ended = true;
    done.notify_one();
  });
  std::unique_lock<std::mutex> lock(mutex);
  done.wait(lock, [&] { return ended; });
  std::vector<grpc::Slice> slices;
  response->clear();
  if (status.ok() && out.Dump(&slices).ok()) {
    for (const grpc::Slice& each : slices) {
      response->append(reinterpret_cast<const char*>(each.begin()), each.size());
    }
  }
  return status;
}

std::string HealthOf(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  // HealthCheckRequest {string service = 1}, HealthCheckResponse {ServingStatus status = 1}.
  std::string request;
  if (!service.empty()) {
    request = std::string("\x0a") + static_cast<char>(service.size()) + service;
  }
  std::string response;
  const grpc::Status status = RawCall(channel, "/grpc.health.v1.Health/Check", request, &response);
  if (!status.ok()) return std::to_string(static_cast<int>(status.error_code()));
  if (response == "\x08\x01") return "SERVING";
  if (response == "\x08\x02") return "NOT_SERVING";
  return "UNKNOWN";
}

}  // namespace pintle::testing

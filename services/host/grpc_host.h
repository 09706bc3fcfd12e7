// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_GRPC_HOST_H_
#define PINTLE_SERVICES_HOST_GRPC_HOST_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/host/transport_security.h"

namespace pintle {

struct GrpcHostOptions {
  // HOST:PORT; port 0 lets the system choose.
  std::string listen;
  // Another HOST:PORT that serves grpc.health.v1 alone, in plaintext, for kubelet; empty for none.
  std::string health_listen;
  bool allow_plaintext = false;
  bool reflection = true;
};

// What grpc.health.v1 is asked for. The empty service name answers like readiness.
enum class Probe { kLiveness, kReadiness, kStartup };

// A running gRPC server with the limits of contract/limits.h, health service and reflection.
// Thread: safe from any thread. Owns the servers, borrows the services, which outlive it.
// Fails: Start: INVALID_ARGUMENT (an address), FAILED_PRECONDITION (plaintext beyond loopback),
// UNAVAILABLE (the port is in use; the message names HOST:PORT and the system's reason).
class GrpcHost {
 public:
  // Serves from its return on; liveness answers SERVING, readiness and startup NOT_SERVING.
  static absl::StatusOr<std::unique_ptr<GrpcHost>> Start(
      const GrpcHostOptions& options, const TransportSecurity& security,
      const std::vector<grpc::Service*>& services);
  // Shuts down at once if nobody did before.
  ~GrpcHost();
  GrpcHost(const GrpcHost&) = delete;
  GrpcHost& operator=(const GrpcHost&) = delete;

  // HOST:PORT as bound, with the real port.
  const std::string& address() const { return address_; }
  // Empty without health_listen.
  const std::string& health_address() const { return health_address_; }

  void SetServing(Probe probe, bool serving);
  // Takes no new calls, lets running ones end for `grace`, then cancels them; returns when all are
  // gone. Streams without an end (Register, health Watch) last the whole grace, so wait for turns
  // to end before and keep the grace short.
  void Shutdown(absl::Duration grace);

 private:
  GrpcHost() = default;

  std::string address_;
  std::string health_address_;
  // Before the servers, which use them to their end.
  std::vector<std::unique_ptr<grpc::CallbackGenericService>> fallbacks_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::Server> health_server_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_GRPC_HOST_H_

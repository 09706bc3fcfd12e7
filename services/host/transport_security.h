// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_TRANSPORT_SECURITY_H_
#define PINTLE_SERVICES_HOST_TRANSPORT_SECURITY_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/host/listen_address.h"

namespace pintle {

// Paths as the flags gave them; empty for flags that were not given.
struct TlsFiles {
  std::string cert;
  std::string key;
  // The roots this process trusts when it dials others. Callers are known by their tokens, so no
  // client certificate is asked for.
  std::string ca;
};

// The certificates of a process, read once, for what it serves and for what it dials.
// Thread: immutable; safe from any thread.
// Fails: Load: INVALID_ARGUMENT or NOT_FOUND naming the flag.
class TransportSecurity {
 public:
  // Neither --tls-cert nor --tls-key: plaintext. One without the other is an error.
  static absl::StatusOr<TransportSecurity> Load(const TlsFiles& files);

  // FAILED_PRECONDITION, naming the flags, for plaintext beyond loopback unless it is allowed.
  absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(
      const ListenAddress& listen, bool allow_plaintext) const;

  // A channel to a process of the same cluster: TLS when this process has a certificate or roots.
  // Messages to limits::kReceiveBytes; no call is tried twice; pings find a peer that fell silent.
  std::shared_ptr<grpc::Channel> Dial(const std::string& target) const;

 private:
  std::string cert_;
  std::string key_;
  std::string ca_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_TRANSPORT_SECURITY_H_

// SPDX-License-Identifier: Apache-2.0
#include "services/host/transport_security.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/str_cat.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "services/host/callback_queue.h"
#include "services/identity/identity_files.h"

namespace pintle {
namespace {

constexpr std::size_t kPemBytes = 1 << 20;  // a bundle of every public root is about 200 KiB
// A peer that vanished is found after the sum of both; reports find a silent one earlier.
constexpr int kPingIntervalMs = 10000;
constexpr int kPingTimeoutMs = 5000;

}  // namespace

absl::StatusOr<TransportSecurity> TransportSecurity::Load(const TlsFiles& files) {
  TransportSecurity security;
  if (files.cert.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together: give both or neither");
  }
  if (!files.cert.empty()) {
    PINTLE_ASSIGN_OR_RETURN(security.cert_, ReadSecretFile("--tls-cert", files.cert, kPemBytes));
    PINTLE_ASSIGN_OR_RETURN(security.key_, ReadSecretFile("--tls-key", files.key, kPemBytes));
  }
  if (!files.ca.empty()) {
    PINTLE_ASSIGN_OR_RETURN(security.ca_, ReadSecretFile("--tls-ca", files.ca, kPemBytes));
  }
  return security;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> TransportSecurity::ServerCredentials(
    const ListenAddress& listen, bool allow_plaintext) const {
  if (cert_.empty()) {
    if (!listen.IsLoopback() && !allow_plaintext) {
      return absl::FailedPreconditionError(
          absl::StrCat("listening on ", listen.ToString(),
                       ", beyond loopback, without TLS: give --tls-cert "
                       "FILE and --tls-key FILE, or --allow-plaintext where a mesh encrypts"));
    }
    return grpc::InsecureServerCredentials();
  }
  grpc::SslServerCredentialsOptions options(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  options.pem_key_cert_pairs.push_back({key_, cert_});
  return grpc::SslServerCredentials(options);
}

std::shared_ptr<grpc::Channel> TransportSecurity::Dial(const std::string& target) const {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kReceiveBytes);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingIntervalMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A worker that restarts must be found again within a second, not after gRPC's two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A stream whose reader stops holds this much per hop and no more; the prober would grow it to
  // megabytes each.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Nobody here compresses; the filters that would look at every message of a few bytes stay out.
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 256 << 10);
  // Whoever called knows what a second try would mean, and none is made behind its back; the layer
  // that would make it looks at every message, too.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Two clients of one process must not share a connection by chance: each peer is its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!cert_.empty() || !ca_.empty()) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca_;
    credentials = grpc::SslCredentials(options);
  }
  KeepCallbackQueue();
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

}  // namespace pintle

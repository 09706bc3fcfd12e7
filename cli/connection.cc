// SPDX-License-Identifier: Apache-2.0
#include "cli/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_codes.h"
#include "cli/input_text.h"
#include "contract/limits.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// A server that vanished is noticed after the sum of both, also in the middle of a long stream.
constexpr int kPingIntervalMs = 20000;
constexpr int kPingTimeoutMs = 10000;
constexpr double kTimeoutSecondsMax = 365.0 * 24 * 3600;

absl::StatusOr<std::string> TokenOf(const ConnectionFlags& flags) {
  if (flags.token_file.empty()) return flags.token;
  PINTLE_ASSIGN_OR_RETURN(const std::string text, ReadInputFile("--token-file", flags.token_file));
  const std::string token(absl::StripAsciiWhitespace(text));
  if (token.empty()) return LocalError("--token-file: the file holds no token");
  return token;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(
    const ConnectionFlags& flags) {
  if (flags.tls_ca.empty() && !flags.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  if (!flags.tls_ca.empty()) {
    PINTLE_ASSIGN_OR_RETURN(options.pem_root_certs, ReadInputFile("--tls-ca", flags.tls_ca));
  }
  return grpc::SslCredentials(options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionFlags& flags,
                                                             Interrupt& interrupt) {
  if (flags.target.empty()) return UsageError("--target is empty; give HOST:PORT");
  auto connection = std::unique_ptr<Connection>(new Connection(interrupt, flags.target));
  PINTLE_ASSIGN_OR_RETURN(connection->token_, TokenOf(flags));
  const bool visible = std::all_of(connection->token_.begin(), connection->token_.end(),
                                   [](char c) { return c > ' ' && c < '\x7f'; });
  if (!visible) return UsageError("the token may only hold visible ASCII characters");
  PINTLE_ASSIGN_OR_RETURN(const auto credentials, CredentialsOf(flags));
  if (std::isnan(flags.timeout_seconds) || flags.timeout_seconds < 0) {
    return UsageError("--timeout must be a number of seconds, 0 for none");
  }
  // Beyond it system_clock overflows, and nobody waits.
  if (flags.timeout_seconds > kTimeoutSecondsMax) return UsageError("--timeout is above a year");
  if (flags.timeout_seconds > 0) connection->timeout_ = absl::Seconds(flags.timeout_seconds);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kReceiveBytes);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingIntervalMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  connection->channel_ = grpc::CreateCustomChannel(flags.target, credentials, arguments);
  return connection;
}

void Connection::Prepare(absl::Duration otherwise, grpc::ClientContext& context) const {
  if (!token_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  const absl::Duration limit = timeout_ == absl::InfiniteDuration() ? otherwise : timeout_;
  if (limit == absl::InfiniteDuration()) return;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(limit));
}

}  // namespace pintle

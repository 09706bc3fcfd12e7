// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CONNECTION_H_
#define PINTLE_CLI_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/interrupt.h"
#include "services/wire/status_conversion.h"

namespace pintle {

// How the server is reached; the initial values are the defaults that --help shows.
struct ConnectionFlags {
  std::string target = "127.0.0.1:50051";
  std::string token;
  std::string token_file;
  std::string tls_ca;
  bool tls = false;
  // 0: no limit for a generation, kShortCall for everything else.
  double timeout_seconds = 0;
};

// A server's channel and the caller's token.
// Thread: one call at a time. Owns the channel; borrows the interrupt, which cancels a running
// call. Fails: Open: a usage or local error. Calls answer the server's error with its reason.
class Connection {
 public:
  // Anything but a generation answers at once, so a longer silence is a broken server.
  static constexpr absl::Duration kShortCall = absl::Seconds(30);

  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionFlags& flags,
                                                          Interrupt& interrupt);

  // Calls a method of one request and one response: Call(&v1::Sessions::Stub::GetSession, ...).
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    Prepare(kShortCall, context);
    const Interrupt::Watch watch(interrupt_, [&context] { context.TryCancel(); });
    Stub stub(channel_);
    return FromGrpcStatus((stub.*method)(&context, request, response));
  }

  // Adds the token, and --timeout or else `otherwise` (InfiniteDuration for none) as the deadline.
  void Prepare(absl::Duration otherwise, grpc::ClientContext& context) const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  Interrupt& interrupt() { return interrupt_; }
  const std::string& target() const { return target_; }
  // --timeout; InfiniteDuration without it.
  absl::Duration timeout() const { return timeout_; }

 private:
  Connection(Interrupt& interrupt, std::string target)
      : interrupt_(interrupt), target_(std::move(target)) {}

  Interrupt& interrupt_;
  const std::string target_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string token_;
  absl::Duration timeout_ = absl::InfiniteDuration();
};

}  // namespace pintle

#endif  // PINTLE_CLI_CONNECTION_H_

// SPDX-License-Identifier: Apache-2.0
#include "services/host/grpc_host.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/host/listen_address.h"
#include "tests/services/host/health_call.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::HealthOf;
using ::testing::Not;
using testing::RawCall;

TlsFiles TestTls() {
  const std::string folder = PINTLE_SOURCE_DIR "/tests/data/tls/";
  return {folder + "localhost.crt", folder + "localhost.key", folder + "localhost.crt"};
}

TransportSecurity Security(const TlsFiles& files = {}) {
  absl::StatusOr<TransportSecurity> security = TransportSecurity::Load(files);
  EXPECT_TRUE(security.ok()) << security.status();
  return *std::move(security);
}

absl::StatusOr<std::unique_ptr<GrpcHost>> StartHost(GrpcHostOptions options) {
  return GrpcHost::Start(options, Security(), {});
}

GrpcHostOptions Listen(const std::string& address) {
  GrpcHostOptions options;
  options.listen = address;
  return options;
}

TEST(GrpcHostTest, PortZeroIsReplacedByTheRealPort) {
  const auto host = StartHost(Listen("127.0.0.1:0"));
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_THAT((*host)->address(), HasSubstr("127.0.0.1:"));
  EXPECT_THAT((*host)->address(), Not(HasSubstr(":0")));
  EXPECT_EQ(HealthOf(Security().Dial((*host)->address()), "liveness"), "SERVING");
}

TEST(GrpcHostTest, APortInUseIsNoticedAndNamed) {
  const auto first = StartHost(Listen("127.0.0.1:0"));
  ASSERT_TRUE(first.ok());
  const absl::Status second = StartHost(Listen((*first)->address())).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.message()), HasSubstr((*first)->address()));
  EXPECT_THAT(std::string(second.message()), HasSubstr("in use"));
}

TEST(GrpcHostTest, PlaintextBeyondLoopbackIsRefusedNamingTheFlags) {
  const absl::Status status = StartHost(Listen("0.0.0.0:0")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* flag : {"--tls-cert", "--tls-key", "--allow-plaintext"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(flag));
  }
}

TEST(GrpcHostTest, PlaintextBeyondLoopbackIsServedWhenAllowed) {
  GrpcHostOptions options = Listen("0.0.0.0:0");
  options.allow_plaintext = true;
  EXPECT_TRUE(StartHost(options).ok());
}

TEST(GrpcHostTest, AnAddressWithoutAPortNamesTheFlag) {
  const absl::Status status = StartHost(Listen("localhost")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--listen localhost"));
}

TEST(GrpcHostTest, HealthAnswersPerProbeAndTheEmptyNameLikeReadiness) {
  const auto host = StartHost(Listen("127.0.0.1:0"));
  ASSERT_TRUE(host.ok());
  const auto channel = Security().Dial((*host)->address());
  EXPECT_EQ(HealthOf(channel, "liveness"), "SERVING");
  EXPECT_EQ(HealthOf(channel, "readiness"), "NOT_SERVING");
  EXPECT_EQ(HealthOf(channel, "startup"), "NOT_SERVING");
  EXPECT_EQ(HealthOf(channel, ""), "NOT_SERVING");
  (*host)->SetServing(Probe::kStartup, true);
  (*host)->SetServing(Probe::kReadiness, true);
  EXPECT_EQ(HealthOf(channel, "startup"), "SERVING");
  EXPECT_EQ(HealthOf(channel, ""), "SERVING");
  (*host)->SetServing(Probe::kReadiness, false);
  EXPECT_EQ(HealthOf(channel, ""), "NOT_SERVING");
  EXPECT_EQ(HealthOf(channel, "liveness"), "SERVING");
  EXPECT_EQ(HealthOf(channel, "nothing"), "5");  // NOT_FOUND
}

TEST(GrpcHostTest, ClientsMayCompressTheirRequests) {
  const auto host = StartHost(Listen("127.0.0.1:0"));
  ASSERT_TRUE(host.ok());
  grpc::ChannelArguments arguments;
  arguments.SetCompressionAlgorithm(GRPC_COMPRESS_GZIP);
  const auto channel = grpc::CreateCustomChannel((*host)->address(),
                                                 grpc::InsecureChannelCredentials(), arguments);
  EXPECT_EQ(HealthOf(channel, "liveness"), "SERVING");
  EXPECT_EQ(HealthOf(channel, std::string(100, 'n')), "5");  // compressed indeed; NOT_FOUND
}

TEST(GrpcHostTest, TheHealthPortServesHealthAndNothingElse) {
  GrpcHostOptions options = Listen("127.0.0.1:0");
  options.health_listen = "127.0.0.1:0";
  const auto host = StartHost(options);
  ASSERT_TRUE(host.ok()) << host.status();
  const auto channel = Security().Dial((*host)->health_address());
  EXPECT_EQ(HealthOf(channel, "liveness"), "SERVING");
  (*host)->SetServing(Probe::kReadiness, true);
  EXPECT_EQ(HealthOf(channel, "readiness"), "SERVING");
  std::string response;
  EXPECT_EQ(RawCall(channel, "/pintle.v1.Inference/ListModels", "", &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

// ServerReflectionRequest {string list_services = 7}, one message of a bidi call.
grpc::StatusCode ReflectionOf(const GrpcHost& host) {
  std::string response;
  return RawCall(Security().Dial(host.address()),
                 "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*",
                 &response)
      .error_code();
}

TEST(GrpcHostTest, ReflectionIsThereUnlessItIsTurnedOff) {
  const auto with = StartHost(Listen("127.0.0.1:0"));
  GrpcHostOptions options = Listen("127.0.0.1:0");
  options.reflection = false;
  const auto without = StartHost(options);
  ASSERT_TRUE(with.ok() && without.ok());
  EXPECT_EQ(ReflectionOf(**with), grpc::StatusCode::OK);
  EXPECT_EQ(ReflectionOf(**without), grpc::StatusCode::UNIMPLEMENTED);
}

TEST(GrpcHostTest, TlsIsSpokenWithACertificate) {
  const TransportSecurity security = Security(TestTls());
  const auto host = GrpcHost::Start(Listen("localhost:0"), security, {});
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(HealthOf(security.Dial((*host)->address()), "liveness"), "SERVING");
  // A plaintext client gets nothing.
  EXPECT_EQ(HealthOf(Security().Dial((*host)->address()), "liveness"), "14");  // UNAVAILABLE
}

TEST(GrpcHostTest, TlsMakesItServeBeyondLoopback) {
  EXPECT_TRUE(GrpcHost::Start(Listen("0.0.0.0:0"), Security(TestTls()), {}).ok());
}

}  // namespace
}  // namespace pintle

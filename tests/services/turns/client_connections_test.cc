// SPDX-License-Identifier: Apache-2.0
#include "services/turns/client_connections.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/services/turns/tcp_pair.h"

namespace pintle {
namespace {

using Calls = std::vector<std::shared_ptr<ClientConnection>>;

Calls JoinTimes(ClientConnections& connections, const std::string& peer, std::size_t times) {
  Calls calls;
  for (std::size_t i = 0; i < times; ++i) calls.push_back(connections.Join(peer));
  return calls;
}

TEST(ClientConnectionsTest, CallsOfOnePeerShareAConnectionAndOthersDoNot) {
  ClientConnections connections;
  const auto first = connections.Join("ipv4:127.0.0.1:1");
  EXPECT_EQ(connections.Join("ipv4:127.0.0.1:1"), first);
  EXPECT_NE(connections.Join("ipv4:127.0.0.1:2"), first);
}

TEST(ClientConnectionsTest, EnoughCallsAtOnceAreHeldOnTheirOwnSocket) {
  ClientConnections connections;
  const TcpPair pair, other;
  const Calls calls = JoinTimes(connections, pair.peer(), ClientConnections::kCallsMin);
  calls.front()->Hold();
  EXPECT_TRUE(pair.Held());
  EXPECT_FALSE(other.Held());
  calls.back()->Release();
  EXPECT_FALSE(pair.Held());
}

TEST(ClientConnectionsTest, FewCallsAreNotHeldHoweverManyCameBefore) {
  ClientConnections connections;
  const TcpPair pair;
  for (int i = 0; i < 20; ++i) {
    const Calls calls = JoinTimes(connections, pair.peer(), ClientConnections::kCallsMin - 1);
    calls.front()->Hold();
    EXPECT_FALSE(pair.Held());
  }
}

TEST(ClientConnectionsTest, APeerThatIsNotFoundIsServedWithoutHolding) {
  ClientConnections connections;
  for (const char* peer : {"unix:/nowhere", "ipv6:%5B::1%5D:1", ""}) {
    const Calls calls = JoinTimes(connections, peer, ClientConnections::kCallsMin);
    calls.front()->Hold();
    calls.front()->Release();
  }
}

TEST(ClientConnectionsTest, AConnectionOutlivesTheSweepWhileACallHasIt) {
  ClientConnections connections;
  const auto kept = connections.Join("ipv4:10.0.0.1:1");
  for (int i = 0; i < 500; ++i) connections.Join(absl::StrCat("ipv4:10.0.0.2:", i));
  EXPECT_EQ(connections.Join("ipv4:10.0.0.1:1"), kept);
}

}  // namespace
}  // namespace pintle

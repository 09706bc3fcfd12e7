// SPDX-License-Identifier: Apache-2.0
#include "services/turns/client_connection.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "tests/services/turns/tcp_pair.h"

namespace pintle {
namespace {

struct Connected {
  TcpPair pair;
  std::shared_ptr<ClientConnection> connection = std::make_shared<ClientConnection>();

  Connected() { connection->Adopt(pair.Duplicate()); }
};

TEST(ClientConnectionTest, HoldsFromAWriteUntilOneIsDone) {
  Connected it;
  EXPECT_FALSE(it.pair.Held());
  it.connection->Hold();
  it.connection->Hold();
  EXPECT_TRUE(it.pair.Held());
  it.connection->Release();
  EXPECT_FALSE(it.pair.Held());
  it.connection->Release();
  it.connection->Hold();
  EXPECT_TRUE(it.pair.Held());
}

TEST(ClientConnectionTest, ABurstHoldsToItsEndWhateverIsDoneMeanwhile) {
  Connected it;
  ClientConnection::BeginBurst();
  it.connection->Hold();
  it.connection->Release();
  EXPECT_TRUE(it.pair.Held());
  it.connection->Hold();
  ClientConnection::EndBurst();
  EXPECT_FALSE(it.pair.Held());
}

TEST(ClientConnectionTest, ABurstTakesOverWhatWasHeldBefore) {
  Connected it;
  it.connection->Hold();
  ClientConnection::BeginBurst();
  it.connection->Hold();
  it.connection->Release();
  EXPECT_TRUE(it.pair.Held());
  ClientConnection::EndBurst();
  EXPECT_FALSE(it.pair.Held());
}

TEST(ClientConnectionTest, TheLastOfTwoThreadsBurstsSends) {
  Connected it;
  ClientConnection::BeginBurst();
  it.connection->Hold();
  std::thread([&] {
    ClientConnection::BeginBurst();
    it.connection->Hold();
    ClientConnection::EndBurst();
  }).join();
  EXPECT_TRUE(it.pair.Held());
  ClientConnection::EndBurst();
  EXPECT_FALSE(it.pair.Held());
}

TEST(ClientConnectionTest, ABurstHoldsOnlyWhatIsWrittenInIt) {
  Connected one, other;
  ClientConnection::BeginBurst();
  one.connection->Hold();
  EXPECT_FALSE(other.pair.Held());
  ClientConnection::EndBurst();
}

TEST(ClientConnectionTest, NothingStaysHeldByWhatIsGone) {
  Connected it;
  it.connection->Hold();
  it.connection.reset();
  EXPECT_FALSE(it.pair.Held());
}

TEST(ClientConnectionTest, WithoutASocketNothingIsHeld) {
  auto connection = std::make_shared<ClientConnection>();
  ClientConnection::BeginBurst();
  connection->Hold();
  connection->Release();
  ClientConnection::EndBurst();
  EXPECT_EQ(connection.use_count(), 1);
}

TEST(ClientConnectionTest, ThreadsThatHoldAndReleaseAtWillLeaveNothingHeld) {
  Connected it;
  const auto act = [&](bool burst) {
    for (int i = 0; i < 2000; ++i) {
      if (burst) ClientConnection::BeginBurst();
      it.connection->Hold();
      it.connection->Release();
      if (burst) ClientConnection::EndBurst();
    }
  };
  std::thread bursts(act, true), writes(act, false);
  bursts.join();
  writes.join();
  EXPECT_FALSE(it.pair.Held());
}

}  // namespace
}  // namespace pintle

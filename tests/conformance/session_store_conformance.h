// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_CONFORMANCE_SESSION_STORE_CONFORMANCE_H_
#define PINTLE_TESTS_CONFORMANCE_SESSION_STORE_CONFORMANCE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contract/clock.h"
#include "gtest/gtest.h"
#include "sessions/session_store.h"

namespace pintle {

// How a store under test is made: bounds as given, time from the clock.
struct SessionStoreFactory {
  std::string name;
  std::function<std::unique_ptr<SessionStore>(const Clock& clock, std::size_t sessions_max,
                                              absl::Duration ttl)>
      make;
};

// What every SessionStore keeps. An implementation's test adds session_store_conformance.cc to its
// sources and instantiates this suite.
class SessionStoreConformance : public testing::TestWithParam<SessionStoreFactory> {
 protected:
  static constexpr std::size_t kMax = 8;

  SessionStoreConformance() : store_(GetParam().make(clock_, kMax, absl::Hours(24))) {}

  StoredSession CreateNamed(const char* id);
  // Runs one turn of these prompt and output ids to its commit.
  absl::StatusOr<StoredSession> RunTurn(const SessionKey& key, std::vector<TokenId> prompt,
                                        std::vector<TokenId> output);

  const TenantId tenant_{"t"};
  ManualClock clock_;
  const std::unique_ptr<SessionStore> store_;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_CONFORMANCE_SESSION_STORE_CONFORMANCE_H_

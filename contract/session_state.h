// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_SESSION_STATE_H_
#define PINTLE_CONTRACT_SESSION_STATE_H_

#include <cstdint>

namespace pintle {

// What a session is doing. Design section 5.
enum class SessionState : std::uint8_t {
  kRunning,  // a turn runs
  kIdle,     // KV is held and the lease lasts
  kExpired,  // KV is held, the lease has ended
  kCold,     // no KV in any tier
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_SESSION_STATE_H_

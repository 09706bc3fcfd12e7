// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CHECK_H_
#define PINTLE_CONTRACT_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Stops the process on a programmer's error, in release builds too: going on with a broken
// invariant could hand one session's KV to another. Never use it for what a client, a file or
// the network can cause; those are absl::Status.
#define PINTLE_CHECK(condition, message)                                                        \
  do {                                                                                          \
    if (!(condition)) [[unlikely]] {                                                            \
      std::fprintf(stderr, "%s:%d: invariant broken: %s: %s\n", __FILE__, __LINE__, #condition, \
                   message);                                                                    \
      std::abort();                                                                             \
    }                                                                                           \
  } while (false)

#endif  // PINTLE_CONTRACT_CHECK_H_

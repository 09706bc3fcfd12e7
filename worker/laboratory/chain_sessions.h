// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_CHAIN_SESSIONS_H_
#define PINTLE_WORKER_LABORATORY_CHAIN_SESSIONS_H_

#include <cstdint>
#include <vector>

#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// One request as a turn of a session.
struct Turn {
  std::int32_t session = -1;
  std::int32_t number = 1;  // within its session, from 1
};

// Which session each request of a trace is a turn of. Where the trace names one, that. Otherwise
// the request is the next turn of the chain whose longest prefix it extends: it repeats all of a
// chain but perhaps its last block, which was only partly full when it was named and is another
// one once it is filled. A block that several chains already continue is a shared prompt and
// nobody's conversation: what parts from the others there is a new session.
// O(references), once for all policies and capacities.
std::vector<Turn> FindSessions(const Trace& trace);

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_CHAIN_SESSIONS_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/chain_sessions.h"

#include <cstddef>

#include "absl/types/span.h"

namespace pintle::laboratory {
namespace {

// A conversation's last block is rewritten when it is filled and perhaps once more when an answer
// is asked for again; more ways on from one block make it a shared prompt.
constexpr std::int32_t kContinuationsMax = 3;

// What is known of a place in the trie so far.
struct Seen {
  std::int32_t last_request = -1;  // the latest that went through it
  std::int32_t continuations = 0;  // different blocks that came after it
};

// The request whose session `path` continues, -1 for none.
std::int32_t Continued(const Trace& trace, absl::Span<const Node> path,
                       const std::vector<Seen>& seen) {
  std::size_t known = 0;
  while (known < path.size() && seen[static_cast<std::size_t>(path[known])].last_request != -1) {
    ++known;
  }
  if (known == 0) return -1;
  const Seen& deepest = seen[static_cast<std::size_t>(path[known - 1])];
  const std::size_t length = trace.Path(deepest.last_request).size();
  if (known == length) return deepest.last_request;
  if (known + 1 != length || deepest.continuations >= kContinuationsMax) return -1;
  return deepest.last_request;
}

}  // namespace

std::vector<Turn> FindSessions(const Trace& trace) {
  std::vector<Turn> turns(static_cast<std::size_t>(trace.requests()));
  std::vector<Seen> seen(static_cast<std::size_t>(trace.nodes()));
  std::vector<std::int32_t> named;   // turns so far of the sessions the trace names
  std::int32_t found = trace.sessions();
  named.resize(static_cast<std::size_t>(found), 0);
  for (std::int32_t r = 0; r < trace.requests(); ++r) {
    const absl::Span<const Node> path = trace.Path(r);
    Turn& turn = turns[static_cast<std::size_t>(r)];
    if (const std::int32_t name = trace.Session(r); name != -1) {
      turn = Turn{name, ++named[static_cast<std::size_t>(name)]};
    } else if (const std::int32_t before = Continued(trace, path, seen);
               before != -1 && trace.Session(before) == -1) {
      turn = turns[static_cast<std::size_t>(before)];
      ++turn.number;
    } else {
      turn.session = found++;
    }
    for (std::size_t i = 0; i < path.size(); ++i) {
      Seen& here = seen[static_cast<std::size_t>(path[i])];
      if (here.last_request == -1 && i > 0) {
        ++seen[static_cast<std::size_t>(path[i - 1])].continuations;
      }
      here.last_request = r;
    }
  }
  return turns;
}

}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_TRACE_H_
#define PINTLE_WORKER_LABORATORY_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace pintle::laboratory {

// A place in the trie of all prompts of a trace, from 0: two requests share a node exactly when
// their blocks are equal up to there.
using Node = std::int32_t;
inline constexpr Node kNoNode = -1;

// The requests of a trace in order of time. Each is the path of its blocks from a first block, so
// equal ids after unequal ones are different blocks.
// Thread: read-only once filled, then safe everywhere. Owns everything.
// Fails: does not; its reader checks what comes from outside.
class Trace {
 public:
  // Appends a request. An empty `session` names none. Requires: `at` not before the last one's,
  // at least one id.
  void Add(absl::Duration at, absl::Span<const std::int64_t> ids, absl::string_view session);

  std::int32_t requests() const { return static_cast<std::int32_t>(at_.size()); }
  absl::Duration At(std::int32_t request) const { return at_[static_cast<std::size_t>(request)]; }
  // The request's blocks, first to last.
  absl::Span<const Node> Path(std::int32_t request) const;
  // Number of the session the trace names for the request, -1 for none.
  std::int32_t Session(std::int32_t request) const {
    return session_[static_cast<std::size_t>(request)];
  }
  Node Parent(Node node) const { return parent_[static_cast<std::size_t>(node)]; }

  // Places in the trie; different ids (what capacities are fractions of); blocks referenced.
  std::int32_t nodes() const { return static_cast<std::int32_t>(parent_.size()); }
  std::int64_t unique_blocks() const { return static_cast<std::int64_t>(ids_.size()); }
  std::int64_t references() const { return static_cast<std::int64_t>(paths_.size()); }
  std::int32_t longest() const { return longest_; }  // blocks of the longest request
  // Sessions the trace names.
  std::int32_t sessions() const { return static_cast<std::int32_t>(sessions_.size()); }

 private:
  std::vector<absl::Duration> at_;
  std::vector<std::size_t> start_;  // of each request in paths_
  std::vector<std::int32_t> session_;
  std::vector<Node> paths_;
  std::vector<Node> parent_;
  absl::flat_hash_map<std::pair<Node, std::int64_t>, Node> children_;
  absl::flat_hash_set<std::int64_t> ids_;
  absl::flat_hash_map<std::string, std::int32_t> sessions_;
  std::int32_t longest_ = 0;
};

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_TRACE_H_

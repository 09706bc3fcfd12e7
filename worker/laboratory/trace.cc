// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/trace.h"

#include <algorithm>
#include <utility>

#include "contract/check.h"

namespace pintle::laboratory {

void Trace::Add(absl::Duration at, absl::Span<const std::int64_t> ids, absl::string_view session) {
  PINTLE_CHECK(!ids.empty() && (at_.empty() || at >= at_.back()), "requests come in order");
  at_.push_back(at);
  start_.push_back(paths_.size());
  std::int32_t number = -1;
  if (!session.empty()) {
    const auto next = static_cast<std::int32_t>(sessions_.size());
    number = sessions_.try_emplace(std::string(session), next).first->second;
  }
  session_.push_back(number);
  Node at_node = kNoNode;
  for (const std::int64_t id : ids) {
    ids_.insert(id);
    const auto [found, fresh] = children_.try_emplace({at_node, id}, nodes());
    if (fresh) parent_.push_back(at_node);
    at_node = found->second;
    paths_.push_back(at_node);
  }
  longest_ = std::max(longest_, static_cast<std::int32_t>(ids.size()));
}

absl::Span<const Node> Trace::Path(std::int32_t request) const {
  const auto at = static_cast<std::size_t>(request);
  const std::size_t end = at + 1 < start_.size() ? start_[at + 1] : paths_.size();
  return absl::MakeConstSpan(paths_).subspan(start_[at], end - start_[at]);
}

}  // namespace pintle::laboratory

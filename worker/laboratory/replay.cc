// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/replay.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "contract/status_macros.h"

namespace pintle::laboratory {
namespace {

// One cache's life. The order of events is the worker's (worker/kv/kv_cache_turns.cc).
class Run {
 public:
  Run(const Trace& trace, const std::vector<Turn>& turns, std::int32_t capacity)
      : trace_(trace), turns_(turns), capacity_(capacity), tree_(trace, turns, Blocks()) {}

  std::int32_t Blocks() const { return capacity_ + trace_.longest(); }

  absl::StatusOr<ReplayResult> Play(const PolicyMaker& make) {
    PINTLE_ASSIGN_OR_RETURN(policy_, make(Blocks(), tree_));
    result_.references = trace_.references();
    for (std::int32_t request = 0; request < trace_.requests(); ++request) {
      Serve(request);
      PINTLE_RETURN_IF_ERROR(Cut(trace_.At(request)));
    }
    return result_;
  }

 private:
  void Serve(std::int32_t request) {
    const absl::Duration now = trace_.At(request);
    const absl::Span<const Node> path = trace_.Path(request);
    std::size_t found = 0;
    while (found < path.size() && tree_.Find(path[found]) != kNoBlock) ++found;
    result_.hits += static_cast<std::int64_t>(found);
    // What is used again stops being evictable from the tail upwards, so that at no time a block
    // in use is under one that may go.
    for (std::size_t i = 0; i < found; ++i) policy_->Protected(tree_.Find(path[i]));
    for (std::size_t i = 0; i < found; ++i) {
      const BlockIndex block = tree_.Find(path[i]);
      tree_.CountReuse(block);
      policy_->Access(block, now);
    }
    for (std::size_t i = found; i < path.size(); ++i) policy_->Insert(tree_.Take(path[i]), now);
    const BlockIndex tail = tree_.Find(path.back());
    const BlockIndex old_tail = tree_.Hold(turns_[static_cast<std::size_t>(request)], tail);
    if (old_tail != kNoBlock && policy_->IsEvictable(old_tail)) policy_->Changed(old_tail, now);
    for (std::size_t i = path.size(); i-- > 0;) policy_->Evictable(tree_.Find(path[i]), now);
  }

  absl::Status Cut(absl::Duration now) {
    const std::int32_t over = tree_.resident() - capacity_;
    if (over <= 0) return absl::OkStatus();
    victims_.clear();
    policy_->Propose(over, now, kv::OfferAll, &victims_);
    if (static_cast<std::int32_t>(victims_.size()) != over) {
      return absl::InternalError(
          absl::StrCat(policy_->name(), " proposed ", victims_.size(), " of ", over, " blocks"));
    }
    policy_->Commit(victims_, now);
    for (const kv::Victim& victim : victims_) {
      if (tree_.Children(victim.block) != 0) {
        return absl::InternalError(
            absl::StrCat(policy_->name(), " proposed a block before its children"));
      }
      tree_.Recede(victim.block);
      policy_->Erase(victim.block);
      tree_.Free(victim.block);
    }
    return absl::OkStatus();
  }

  const Trace& trace_;
  const std::vector<Turn>& turns_;
  const std::int32_t capacity_;
  ReplayTree tree_;
  std::unique_ptr<kv::EvictionPolicy> policy_;
  std::vector<kv::Victim> victims_;
  ReplayResult result_;
};

}  // namespace

absl::StatusOr<ReplayResult> Replay(const Trace& trace, const std::vector<Turn>& turns,
                                    std::int32_t capacity, const PolicyMaker& make) {
  return Run(trace, turns, capacity).Play(make);
}

}  // namespace pintle::laboratory

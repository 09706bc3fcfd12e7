// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_CLASS_POLICY_H_
#define PINTLE_WORKER_KV_CLASS_POLICY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/kv/block_pool.h"
#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// Any policy, made to keep the classes apart: one instance orders best_effort blocks, another those
// some live pin keeps (Block::kept), and the second is asked only when the first has no more to
// give. Each counts the children of its own class alone, so that leaves agree with its events; a
// block that changes class is erased in one and inserted in the other.
// An offer that refuses a block must refuse its ancestors of the other class too (tenants' offers
// do: a chain has one tenant).
// Thread, failures: as any policy. Costs per access: one policy's; twice its memory.
class ClassPolicy : public EvictionPolicy {
 public:
  // INVALID_FIELD for an unknown name. `tree` gives the facts.
  static absl::StatusOr<std::unique_ptr<ClassPolicy>> Create(absl::string_view name,
                                                             const BlockPool& pool,
                                                             const BlockTree& tree);

  absl::string_view name() const override { return plain_->name(); }
  void Insert(BlockIndex block, absl::Duration now) override { Of(block).Insert(block, now); }
  void Access(BlockIndex block, absl::Duration now) override { Of(block).Access(block, now); }
  void Evictable(BlockIndex block, absl::Duration now) override { Of(block).Evictable(block, now); }
  void Protected(BlockIndex block) override { Of(block).Protected(block); }
  void Changed(BlockIndex block, absl::Duration now) override { Of(block).Changed(block, now); }
  void Erase(BlockIndex block) override { Of(block).Erase(block); }
  // All best_effort blocks on offer come before the first kept one.
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override;
  absl::Status CheckInvariants() const override;

 private:
  // The tree as far as it is of one class.
  class ClassTree : public BlockTree {
   public:
    ClassTree(const BlockPool& pool, const BlockTree& tree, bool kept)
        : pool_(pool), tree_(tree), kept_(kept) {}
    // Of whichever class: one that is of the other looks like one in use.
    BlockIndex Parent(BlockIndex block) const override { return tree_.Parent(block); }
    std::int32_t Children(BlockIndex block) const override;
    std::int32_t Depth(BlockIndex block) const override { return tree_.Depth(block); }
    BlockFacts Facts(BlockIndex block) const override { return tree_.Facts(block); }
    std::uint64_t Content(BlockIndex block) const override { return tree_.Content(block); }

   private:
    const BlockPool& pool_;
    const BlockTree& tree_;
    const bool kept_;
  };

  ClassPolicy(const BlockPool& pool, const BlockTree& tree)
      : pool_(pool), plain_tree_(pool, tree, false), kept_tree_(pool, tree, true) {}
  EvictionPolicy& Of(BlockIndex block) { return pool_[block].kept ? *kept_ : *plain_; }

  const BlockPool& pool_;
  const ClassTree plain_tree_;
  const ClassTree kept_tree_;
  std::unique_ptr<EvictionPolicy> plain_;
  std::unique_ptr<EvictionPolicy> kept_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_CLASS_POLICY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_TIER_LINK_H_
#define PINTLE_WORKER_ENGINE_TIER_LINK_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "worker/engine/active_turn.h"
#include "worker/engine/turn_table.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_demoter.h"
#include "worker/model/seam/decoder.h"
#include "worker/tier/block_store.h"
#include "worker/tier/lower_tier.h"
#include "worker/tier/tier_manifest.h"

namespace pintle {

// The tier below the device, as an engine is given it.
struct EngineTier {
  std::unique_ptr<tier::BlockStore> store;  // null: there is none
  // Where the manifest is kept; empty for a tier that ends with the process.
  std::string folder;
  // Sessions of an earlier process, from its manifest.
  std::vector<tier::TierManifest::SessionEnd> sessions;
  // What lay there was another model's, and was dropped.
  bool was_foreign = false;
  // The medium's speed is measured at the start, so that the first decisions are no guesses.
  bool probe = true;
  // False in tests, which carry the operations out when they like.
  bool threaded = true;
  std::int64_t staging_bytes = std::int64_t{64} << 20;
};

// Between an engine and the tier below its device: takes victims down when reading them back will
// be cheaper than computing them, and reads them back for the turn that needs them while others
// go on.
// Thread: confined to the engine thread. Borrows cache, decoder and clock; owns the tier.
// Fails: it does not; what the tier cannot give is computed.
class TierLink final : public kv::KvDemoter {
 public:
  // `wake` is called from the tier's thread when a round of the engine has something to do.
  TierLink(EngineTier tier, std::array<std::uint64_t, 2> hash_key, kv::KvCache& cache,
           Decoder& decoder, const Clock& clock, absl::AnyInvocable<void()> wake);

  // --- Down ---
  std::optional<kv::KvTier> Demote(const kv::DemotionOffer& offer, absl::Duration now) override;
  void Hold(const kv::Hash128& hash) override { tier_.Hold(hash); }
  void Release(const kv::Hash128& hash, std::int32_t blocks, kv::KvReason reason) override {
    tier_.Release(hash, blocks, reason);
  }
  void Forget(const kv::Hash128& hash, kv::KvReason reason) override { tier_.Forget(hash, reason); }
  void Guard(const kv::Hash128& hash) override;
  void Unguard(const kv::Hash128& hash) override;
  std::optional<kv::Hash128> Above(const kv::Hash128& hash, std::int32_t steps) const override {
    return tier_.Above(hash, steps);
  }

  // --- Up ---
  // Whether the turn, just seated, waits for blocks of the tier; it is `promoting` then.
  bool Begin(ActiveTurn& turn, absl::Duration now);
  // Reads what a session holds in the tier after the sequence's end into blocks of the sequence,
  // which is then handed back, as far as it came. Nobody waits for it but `done`.
  using Lifted = absl::AnyInvocable<void(kv::KvSequence sequence)>;
  void Lift(kv::KvSequence sequence, const kv::KvCache::LowerPart& part, absl::Duration now,
            Lifted done);
  // Hands all such sequences back as they are.
  void EndLifts();
  // One round: writes what was read into the device's blocks, for a few milliseconds at most, and
  // asks for more. Turns that wait no longer are announced. True if anything changed.
  bool Advance(TurnTable& table, absl::Duration now);
  // When the first waiting turn has waited long enough.
  absl::Duration NextTimer() const;

  // Measured; 0 while unknown.
  void set_prefill_rate(double tokens_per_second) { prefill_rate_ = tokens_per_second; }

  // At the end, no turn left: copies what sessions hold on the device until `deadline`, guaranteed
  // sessions first, then retained ones, each the latest used first, and writes the manifest.
  // `progress` is told of blocks written and to write.
  void Save(absl::Duration deadline,
            absl::FunctionRef<void(std::int64_t written, std::int64_t total)> progress);

  tier::TierStats Stats() const { return tier_.Stats(); }
  // For tests.
  tier::LowerTier& tier() { return tier_; }

 private:
  // One turn's way up.
  struct Promotion {
    std::vector<tier::LowerTier::Step> steps;
    std::size_t own = 0;  // the first so many are the session's KV
    std::vector<std::optional<tier::StoreDone>> read;  // by step
    std::size_t asked = 0;
    std::size_t written = 0;
    absl::Duration deadline;
    // No turn's but a lift's: where it goes, and what is written there.
    Lifted lifted;
    kv::KvSequence sequence;
    std::vector<TokenId> tokens;
  };
  struct Ticket {
    TurnId turn = 0;
    std::size_t step = 0;
  };

  bool IsWorth(std::int64_t tokens, std::int64_t blocks) const;
  void Lose(const tier::LowerTier::Lost& lost);
  void TakeRead();
  void Ask(TurnId id, Promotion& promotion);
  void Start(TurnId id, std::unique_ptr<Promotion> promotion, absl::Duration now);
  // Writes the next block into the device, as the sequence's along `tokens`; false when nothing
  // more comes from the tier.
  bool WriteNext(Promotion& promotion, kv::KvSequence& sequence, absl::Span<const TokenId> tokens,
                 absl::Duration now);
  // As many as are there, until `until`; whether the promotion goes on.
  bool WriteRead(TurnId id, Promotion& promotion, kv::KvSequence& sequence,
                 absl::Span<const TokenId> tokens, absl::Duration until, absl::Duration now);
  void EndLift(TurnId id);
  // Lets go of everything a promotion has asked for.
  void End(TurnId id);
  void KeepManifest(absl::Duration now);
  tier::TierManifest Manifest() const;
  bool KeepCopy(BlockIndex block, absl::Duration deadline);

  kv::KvCache& cache_;
  Decoder& decoder_;
  const Clock& clock_;
  const KvLayout layout_;
  const std::string folder_;
  const std::array<std::uint64_t, 2> hash_key_;
  tier::LowerTier tier_;
  double prefill_rate_ = 0;
  SessionKey beneficiary_;  // of the last demotion: on whose behalf the tier makes room
  absl::flat_hash_map<TurnId, std::unique_ptr<Promotion>> promotions_;
  std::vector<TurnId> order_;  // first come, first served
  absl::flat_hash_map<std::uint64_t, Ticket> tickets_;
  std::uint64_t next_ticket_ = 1;
  TurnId next_lift_ = TurnId{1} << 63;  // no turn's number
  std::vector<tier::StoreDone> read_;
  absl::Duration next_manifest_;
  std::shared_ptr<std::atomic<bool>> saving_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_TIER_LINK_H_

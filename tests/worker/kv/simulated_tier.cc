// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/kv/simulated_tier.h"

#include <cstring>
#include <memory>
#include <utility>

#include "tests/fakes/fake_block_store.h"

namespace pintle::kv {
namespace {

std::size_t BlockBytes(const SimulatedTier::Options& options) {
  return static_cast<std::size_t>(options.block_tokens) * sizeof(std::uint64_t);
}

tier::LowerTier::Options TierOptions(const SimulatedTier::Options& options,
                                     const KvCache& cache) {
  tier::LowerTier::Options tier;
  tier.block_tokens = options.block_tokens;
  tier.bytes_per_token = 10;
  tier.hash_key = options.hash_key;
  tier.staging_bytes = static_cast<std::int64_t>(6 * BlockBytes(options));
  tier.threaded = false;
  tier.observer = cache.observer();
  return tier;
}

}  // namespace

SimulatedTier::SimulatedTier(const Options& options, KvCache& cache,
                             std::vector<std::uint64_t>& device)
    : cache_(cache),
      device_(device),
      block_tokens_(options.block_tokens),
      failures_percent_(options.failures_percent),
      random_(options.seed),
      tier_(std::make_unique<tier::FakeBlockStore>(
                std::make_shared<tier::FakeMedium>(), options.slots, BlockBytes(options),
                tier::FakeBlockStore::Faults{
                    [this](std::int32_t) {
                      return Fails() ? absl::ResourceExhaustedError("full") : absl::OkStatus();
                    },
                    [this](std::int32_t) {
                      return Fails() ? absl::InternalError("unreadable") : absl::OkStatus();
                    },
                    [this](std::int32_t) { return Fails(); }}),
            TierOptions(options, cache), clock_, nullptr) {
  cache_.SetDemoter(this);
}

bool SimulatedTier::Fails() {
  return static_cast<std::int32_t>(random_() % 100) < failures_percent_;
}

std::optional<KvTier> SimulatedTier::Demote(const DemotionOffer& offer, absl::Duration) {
  // Sometimes it is not worth it; what is promised is taken all the same.
  if (!offer.guaranteed && random_() % 8 == 0) return std::nullopt;
  tier::BlockLabel label;
  label.hash = offer.hash;
  label.parent = offer.parent_hash;
  label.tenant = offer.record.tenant;
  label.first_position = offer.record.first_position;
  label.tokens.assign(offer.tokens.begin(), offer.tokens.end());
  const auto fill = [&](absl::Span<std::byte> bytes) {
    std::memcpy(bytes.data(), &device_[static_cast<std::size_t>(offer.record.block) *
                                       static_cast<std::size_t>(block_tokens_)],
                bytes.size());
    return absl::OkStatus();
  };
  const auto put = tier_.Keep(label, /*moved=*/true, offer.guaranteed, fill);
  if (put != tier::LowerTier::Put::kKept) return std::nullopt;
  return KvTier::kDisk;
}

void SimulatedTier::Lose(const tier::LowerTier::Lost& lost, absl::Duration now) {
  EvictionRecord record;
  record.at = now;
  record.tenant = lost.block.tenant;
  record.tokens = lost.block.tokens;
  record.bytes = lost.block.tokens * 10;
  record.first_position = lost.block.first_position;
  record.tier = KvTier::kDisk;
  record.reason = lost.reason;
  cache_.LowerLost(lost.block.hash, lost.block.parent, lost.block.first_position, lost.reason,
                   &record);
  if (IsEviction(lost.reason)) cache_.RecordLower(record);
}

void SimulatedTier::Work(std::int32_t operations, absl::Duration now) {
  for (; operations > 0 && tier_.RunIo(); --operations) {
  }
  tier_.Poll([&](const tier::LowerTier::Lost& lost) { Lose(lost, now); }, &read_);
}

bool SimulatedTier::PromoteBlock(KvSequence& sequence, const tier::LowerTier::Step& step,
                                 absl::Span<const TokenId> tokens, bool own,
                                 absl::Duration now) {
  if (!tier_.Read(1, step.slot)) return false;
  while (read_.empty()) Work(1, now);
  tier::StoreDone done = std::move(read_.back());
  read_.pop_back();
  const Position start = sequence.tokens();
  bool good = tier_.Verify(done, [&](const tier::LowerTier::Lost& lost) { Lose(lost, now); });
  good = good && done.label.hash == step.hash;
  good = good && cache_.Grow(sequence, start + step.tokens, now).ok();
  if (good) {
    const auto width = static_cast<std::size_t>(block_tokens_);
    const BlockIndex block = sequence.block_table()[static_cast<std::size_t>(start) / width];
    std::memcpy(&device_[static_cast<std::size_t>(block) * width], done.buffer.get(),
                width * sizeof(std::uint64_t));
    const std::int32_t moved = cache_.AppendMoved(
        sequence,
        tokens.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(step.tokens)),
        KvTier::kDisk, own, now);
    if (moved > 0) tier_.Promoted(step.slot, moved);
  }
  tier_.Finish(std::move(done));
  return good;
}

void SimulatedTier::Promote(KvSequence& sequence, absl::Span<const TokenId> tokens,
                            absl::Duration now) {
  const Position start = sequence.tokens();
  const auto rest = static_cast<std::int64_t>(tokens.size()) - 1 - start;
  if (start % block_tokens_ != 0 || rest <= 0) return;
  const auto steps = tier_.Find(
      cache_.ChainHash(sequence),
      tokens.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(rest)));
  std::vector<Hash128> blocks;
  for (const tier::LowerTier::Step& step : steps) {
    tier_.Pin(step.slot);
    blocks.push_back(step.hash);
  }
  const std::size_t own = cache_.OwnLower(sequence, blocks);
  bool good = true;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    good = good && PromoteBlock(sequence, steps[i], tokens, i < own, now);
    tier_.Unpin(steps[i].slot);
  }
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/lower_tier.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"

namespace pintle::tier {
namespace {

// Staging buffers in one direction: enough to keep a medium busy, and never very many.
constexpr std::int32_t kBuffersMin = 4;
constexpr std::int32_t kBuffersMax = 256;
// What is measured of a medium forgets half of itself after as many bytes.
constexpr double kRateMemoryBytes = 256.0 * (1 << 20);

std::int32_t Buffers(const LowerTier::Options& options, std::size_t block_bytes) {
  const std::int64_t fit = options.staging_bytes / static_cast<std::int64_t>(block_bytes);
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(fit, kBuffersMin, kBuffersMax));
}

StoreQueue::Options QueueOptions(const LowerTier::Options& options, std::size_t block_bytes) {
  const std::int32_t buffers = Buffers(options, block_bytes);
  return {buffers, buffers, options.threaded};
}

}  // namespace

void LowerTier::Rate::Add(double more_bytes, absl::Duration took) {
  bytes += more_bytes;
  seconds += std::max(absl::ToDoubleSeconds(took), 1e-9);
  if (bytes < kRateMemoryBytes) return;
  bytes /= 2;
  seconds /= 2;
}

LowerTier::LowerTier(std::unique_ptr<BlockStore> store, const Options& options,
                     const Clock& clock, absl::AnyInvocable<void()> ready)
    : options_(options),
      clock_(clock),
      hash_(options.hash_key),
      block_bytes_(store->block_bytes()),
      queue_(std::move(store), QueueOptions(options, block_bytes_), clock, std::move(ready)),
      index_(queue_.store().slots(), options.block_tokens),
      reserve_(std::clamp(queue_.store().slots() / 4, 1, Buffers(options, block_bytes_))) {
  stats_.tier = queue_.store().tier();
  stats_.blocks_total = queue_.store().slots();
  stats_.capacity_bytes =
      stats_.blocks_total * static_cast<std::int64_t>(queue_.store().slot_bytes());
}

void LowerTier::Scan() {
  struct Found {
    std::int32_t slot;
    BlockLabel label;
  };
  std::vector<Found> all;
  for (std::int32_t slot = 0; slot < index_.slots(); ++slot) {
    BlockLabel label;
    if (!queue_.store().ReadLabel(slot, &label).ok() || label.tokens.empty()) continue;
    all.push_back({slot, std::move(label)});
  }
  // Oldest first, and within a chain its end first: so they go in that order too.
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    if (a.label.used_at != b.label.used_at) return a.label.used_at < b.label.used_at;
    return a.label.first_position > b.label.first_position;
  });
  // Told as one for each tenant: a full tier has more blocks than there is room for events.
  std::map<TenantId, std::int64_t> tokens;
  for (const Found& found : all) {
    const BlockLabel& label = found.label;
    // The label's hash must be what its tokens make it, under this very key.
    if (label.hash != hash_.WideExtend(label.parent, label.tokens)) continue;
    if (index_.Find(label.hash) != -1) continue;
    TierBlock block;
    block.hash = label.hash;
    block.parent = label.parent;
    block.tenant = label.tenant;
    block.first_position = label.first_position;
    index_.AddAt(found.slot, std::move(block), label.tokens);
    Enter(found.slot, stats_.physical.added);
    tokens[label.tenant] += static_cast<std::int64_t>(label.tokens.size());
    ++stats_.blocks_found;
  }
  if (options_.observer == nullptr) return;
  for (const auto& [tenant, sum] : tokens) {
    options_.observer->StoredLower({stats_.tier, tenant, 0, sum}, clock_.Monotonic());
  }
}

void LowerTier::Probe() {
  // A slot that Scan found nothing in.
  std::int32_t slot = 0;
  while (slot < index_.slots() && index_[slot].used) ++slot;
  if (slot == index_.slots()) return;
  std::vector<std::byte> bytes(block_bytes_);
  BlockLabel label;
  label.tokens = {0};
  const auto timed = [this](Rate& rate, absl::FunctionRef<absl::Status()> operation) {
    const absl::Duration start = clock_.Monotonic();
    if (operation().ok()) rate.Add(static_cast<double>(block_bytes_), clock_.Monotonic() - start);
  };
  timed(write_rate_, [&] { return queue_.store().Write(slot, label, bytes); });
  timed(read_rate_, [&] { return queue_.store().Read(slot, &label, absl::MakeSpan(bytes)); });
  queue_.store().Erase(slot).IgnoreError();
}

void LowerTier::Enter(std::int32_t slot, std::int64_t& counter) {
  counter += index_[slot].tokens;
  stats_.physical.present += index_[slot].tokens;
}

void LowerTier::Leave(std::int32_t slot, std::int64_t& counter) {
  counter += index_[slot].tokens;
  stats_.physical.present -= index_[slot].tokens;
}

void LowerTier::Store(std::int32_t slot, std::int32_t tokens) {
  stats_.physical.added += tokens;
  stats_.physical.present += tokens;
  if (options_.observer == nullptr) return;
  const TierBlock& it = index_[slot];
  options_.observer->StoredLower({stats_.tier, it.tenant, it.first_position, tokens},
                                 clock_.Monotonic());
}

void LowerTier::LeaveFor(std::int32_t slot, kv::KvReason reason) {
  Leave(slot, stats_.physical.removed[kv::At(reason)]);
  // An eviction is told with its record.
  if (options_.observer == nullptr || kv::IsEviction(reason)) return;
  const TierBlock& it = index_[slot];
  options_.observer->RemovedLower({stats_.tier, it.tenant, it.first_position, it.tokens}, reason,
                                  clock_.Monotonic());
}

LowerTier::Put LowerTier::Keep(const BlockLabel& label, bool moved, bool urgent,
                               absl::FunctionRef<absl::Status(absl::Span<std::byte>)> fill) {
  const absl::Duration now = clock_.Monotonic();
  if (const std::int32_t known = index_.Find(label.hash); known != -1) {
    if (index_.TokensOf(known) != absl::MakeConstSpan(label.tokens)) return Put::kBusy;
    index_.Touch(known, now);
    if (moved) {
      // The copy that is here takes the place of the one that comes.
      Enter(known, stats_.physical.moved_in);
      LeaveFor(known, kv::KvReason::kOverwritten);
    }
    return Put::kKept;
  }
  if (index_.free_slots() == 0) return Put::kFull;
  BlockBuffer buffer = queue_.TakeBuffer(StoreOp::kWrite, urgent);
  if (buffer == nullptr) return Put::kBusy;
  if (!fill(absl::MakeSpan(buffer.get(), block_bytes_)).ok()) {
    queue_.GiveBack(StoreOp::kWrite, std::move(buffer));
    return Put::kBusy;
  }
  TierBlock block;
  block.hash = label.hash;
  block.parent = label.parent;
  block.tenant = label.tenant;
  block.first_position = label.first_position;
  block.stored_at = now;
  block.last_use = now;
  const std::int32_t slot = index_.Add(std::move(block), label.tokens);
  if (moved) {
    Enter(slot, stats_.physical.moved_in);
  } else {
    Store(slot, index_[slot].tokens);
  }
  index_.Occupy(slot);
  queue_.Write(0, slot, label, std::move(buffer));
  return Put::kKept;
}

std::vector<LowerTier::Step> LowerTier::Find(kv::Hash128 parent,
                                             absl::Span<const TokenId> rest) const {
  std::vector<Step> steps;
  const auto width = static_cast<std::size_t>(options_.block_tokens);
  while (!rest.empty()) {
    if (rest.size() >= width) {
      const kv::Hash128 hash = hash_.WideExtend(parent, rest.first(width));
      const std::int32_t slot = index_.Find(hash, rest.first(width));
      if (slot != -1) {
        steps.push_back({slot, options_.block_tokens, hash});
        parent = hash;
        rest.remove_prefix(width);
        continue;
      }
    }
    const TierIndex::Part part = index_.FindPart(parent, rest);
    if (part.slot != -1) steps.push_back({part.slot, part.tokens, index_[part.slot].hash});
    break;
  }
  return steps;
}

std::vector<LowerTier::Step> LowerTier::Chain(const kv::Hash128& tail, Position tokens,
                                              std::vector<TokenId>* ids) const {
  const std::int32_t width = options_.block_tokens;
  std::vector<Step> steps(static_cast<std::size_t>((tokens + width - 1) / width));
  kv::Hash128 at = tail;
  for (std::size_t i = steps.size(); i-- > 0;) {
    const std::int32_t slot = index_.Find(at);
    const std::int32_t want = std::min(width, tokens - static_cast<std::int32_t>(i) * width);
    if (slot == -1 || index_[slot].tokens < want) return {};
    steps[i] = {slot, want, at};
    at = index_[slot].parent;
  }
  for (const Step& step : steps) {
    const auto part = index_.TokensOf(step.slot).first(static_cast<std::size_t>(step.tokens));
    ids->insert(ids->end(), part.begin(), part.end());
  }
  return steps;
}

bool LowerTier::Read(std::uint64_t ticket, std::int32_t slot) {
  BlockBuffer buffer = queue_.TakeBuffer(StoreOp::kRead);
  if (buffer == nullptr) return false;
  index_.Occupy(slot);
  queue_.Read(ticket, slot, std::move(buffer));
  return true;
}

bool LowerTier::Verify(const StoreDone& done, LostSink lost) {
  if (!index_[done.slot].listed) return false;
  const TierBlock& it = index_[done.slot];
  const bool same = done.status.ok() && done.label.hash == it.hash &&
                    done.label.parent == it.parent &&
                    absl::MakeConstSpan(done.label.tokens) == index_.TokensOf(done.slot);
  if (same) return true;
  ++stats_.read_failures;
  if (done.status.ok() || absl::IsDataLoss(done.status) || absl::IsNotFound(done.status)) {
    ++stats_.damaged;
  }
  Drop(done.slot, kv::KvReason::kDamaged, lost);
  return false;
}

void LowerTier::Promoted(std::int32_t slot, std::int32_t tokens) {
  TierBlock& it = index_[slot];
  stats_.hit_tokens += tokens;
  ++it.reuse;
  const bool partial = it.tokens < options_.block_tokens && it.tokens == tokens;
  if (it.listed && partial && Unneeded(slot)) {
    Leave(slot, stats_.physical.moved_out);
    index_.Remove(slot);
    return;
  }
  // What moved is the copy's: another stays behind.
  stats_.physical.moved_out += tokens;
  stats_.physical.present -= tokens;
  Store(slot, tokens);
  if (it.listed) index_.Touch(slot, clock_.Monotonic());
}

void LowerTier::Finish(StoreDone done) {
  queue_.GiveBack(StoreOp::kRead, std::move(done.buffer));
  index_.Vacate(done.slot);
}

void LowerTier::Unpin(std::int32_t slot) { index_.Vacate(slot); }

void LowerTier::Hold(const kv::Hash128& hash) {
  if (const std::int32_t slot = index_.Find(hash); slot != -1) ++index_[slot].holders;
}

bool LowerTier::Unneeded(std::int32_t slot) const {
  return slot != -1 && index_[slot].holders == 0 && index_[slot].guards == 0 &&
         !index_.HasChildren(slot);
}

void LowerTier::Release(const kv::Hash128& hash, std::int32_t blocks, kv::KvReason reason) {
  std::int32_t slot = index_.Find(hash);
  if (slot == -1) return;
  PINTLE_CHECK(index_[slot].holders > 0, "a session lets go of a block once");
  --index_[slot].holders;
  if (kv::IsEviction(reason)) return;  // it may serve others until its turn comes
  for (; blocks > 0 && Unneeded(slot); --blocks) {
    const kv::Hash128 parent = index_[slot].parent;
    LeaveFor(slot, reason);
    Scrub(slot);
    slot = index_.Find(parent);
  }
}

void LowerTier::Forget(const kv::Hash128& hash, kv::KvReason reason) {
  const std::int32_t slot = index_.Find(hash);
  if (!Unneeded(slot)) return;
  LeaveFor(slot, reason);
  Scrub(slot);
}

void LowerTier::Guard(const kv::Hash128& hash) {
  if (const std::int32_t slot = index_.Find(hash); slot != -1) ++index_[slot].guards;
}

void LowerTier::Unguard(const kv::Hash128& hash) {
  const std::int32_t slot = index_.Find(hash);
  if (slot == -1) return;  // it was damaged
  PINTLE_CHECK(index_[slot].guards > 0, "a promise is taken back once");
  --index_[slot].guards;
}

void LowerTier::Scrub(std::int32_t slot) {
  index_.Occupy(slot);
  queue_.Erase(slot);
  index_.Remove(slot);
}

std::optional<kv::Hash128> LowerTier::Above(const kv::Hash128& hash, std::int32_t steps) const {
  kv::Hash128 at = hash;
  for (; steps > 0; --steps) {
    const std::int32_t slot = index_.Find(at);
    if (slot == -1) return std::nullopt;
    at = index_[slot].parent;
  }
  if (index_.Find(at) == -1) return std::nullopt;
  return at;
}

bool LowerTier::IsWhole(const kv::Hash128& hash, Position tokens) const {
  std::int32_t slot = index_.Find(hash);
  if (slot == -1) return false;
  const TierBlock& last = index_[slot];
  if (tokens <= last.first_position || tokens > last.first_position + last.tokens) return false;
  while (slot != -1 && index_[slot].first_position > 0) slot = index_.Find(index_[slot].parent);
  return slot != -1;
}

void LowerTier::Drop(std::int32_t slot, kv::KvReason reason, LostSink lost) {
  // Leaves first: a session then always ends in a block that is still there.
  std::vector<std::int32_t> order = {slot};
  for (std::size_t i = 0; i < order.size(); ++i) {
    index_.ForEachChild(order[i], [&](std::int32_t child) { order.push_back(child); });
  }
  for (std::size_t i = order.size(); i-- > 0;) {
    const std::int32_t at = order[i];
    LeaveFor(at, reason);
    if (kv::IsEviction(reason)) {
      ++stats_.evictions[kv::At(reason)];
      stats_.evicted_tokens[kv::At(reason)] += index_[at].tokens;
      stats_.evicted_bytes[kv::At(reason)] += index_[at].tokens * options_.bytes_per_token;
    }
    const Lost what{index_[at], reason};
    if (kv::IsEviction(reason)) {
      index_.Remove(at);  // the slot is written anew soon
    } else {
      Scrub(at);
    }
    lost(what);
  }
}

void LowerTier::MakeRoom(LostSink lost) {
  while (index_.free_slots() < reserve_) {
    const std::int32_t victim = index_.TakeVictim();
    if (victim == -1) return;
    Drop(victim, kv::KvReason::kCapacity, lost);
  }
}

void LowerTier::Poll(LostSink lost, std::vector<StoreDone>* read) {
  done_.clear();
  queue_.Poll(&done_);
  const auto bytes = static_cast<double>(block_bytes_);
  for (StoreDone& done : done_) {
    if (done.op == StoreOp::kRead) {
      ++stats_.blocks_read;
      if (done.status.ok()) read_rate_.Add(bytes, done.took);
      read->push_back(std::move(done));
      continue;
    }
    if (done.op == StoreOp::kWrite) {
      queue_.GiveBack(StoreOp::kWrite, std::move(done.buffer));
      ++stats_.blocks_written;
      if (done.status.ok()) write_rate_.Add(bytes, done.took);
      if (!done.status.ok()) {
        ++stats_.write_failures;
        if (index_[done.slot].listed) Drop(done.slot, kv::KvReason::kDamaged, lost);
      }
    }
    index_.Vacate(done.slot);
  }
  MakeRoom(lost);
}

TierStats LowerTier::Stats() const {
  TierStats stats = stats_;
  const std::int64_t busy_tokens = index_.busy_tokens();
  const std::int64_t busy = index_.busy_blocks();
  using kv::BlockState;
  stats.blocks[kv::At(BlockState::kFree)] = index_.free_slots();
  stats.blocks[kv::At(BlockState::kInUse)] = busy;
  stats.blocks[kv::At(BlockState::kEvictable)] = stats.blocks_total - index_.free_slots() - busy;
  stats.tokens[kv::At(BlockState::kInUse)] = busy_tokens;
  stats.tokens[kv::At(BlockState::kEvictable)] = stats.physical.present - busy_tokens;
  stats.read_bytes_per_second = read_rate_.PerSecond();
  stats.write_bytes_per_second = write_rate_.PerSecond();
  return stats;
}

absl::Status LowerTier::CheckInvariants() const {
  if (absl::Status status = index_.CheckInvariants(); !status.ok()) return status;
  const kv::KvLedger& ledger = stats_.physical;
  const std::int64_t removed =
      std::accumulate(ledger.removed.begin(), ledger.removed.end(), std::int64_t{0});
  std::int64_t present = 0;
  for (std::int32_t slot = 0; slot < index_.slots(); ++slot) {
    if (index_[slot].listed) present += index_[slot].tokens;
  }
  if (ledger.present != present) {
    return absl::InternalError(absl::StrCat("tier: ledger says ", ledger.present,
                                            " tokens, there are ", present));
  }
  if (ledger.added + ledger.moved_in - ledger.moved_out - removed != present) {
    return absl::InternalError("tier: the ledger does not balance");
  }
  return absl::OkStatus();
}

}  // namespace pintle::tier

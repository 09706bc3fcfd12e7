// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/tier_link.h"

#include <algorithm>
#include <utility>

#include "contract/check.h"

namespace pintle {
namespace {

// What one round may spend on writing into the device: less than a step of a small model takes, so
// that running streams do not notice.
constexpr absl::Duration kRoundTime = absl::Milliseconds(4);
// A turn waits for its reads as long as computing would take, within these bounds; the upper one
// also where the model's speed is unknown.
constexpr absl::Duration kPatienceMin = absl::Milliseconds(500);
constexpr absl::Duration kPatienceMax = absl::Seconds(10);
// A crash loses at most what sessions did in this time from the manifest; the blocks do not need
// it.
constexpr absl::Duration kManifestInterval = absl::Seconds(10);

tier::LowerTier::Options TierOptions(const EngineTier& given, const KvLayout& layout,
                                     const std::array<std::uint64_t, 2>& hash_key,
                                     kv::KvObserver* observer) {
  tier::LowerTier::Options options;
  options.block_tokens = layout.block_tokens;
  options.bytes_per_token = static_cast<std::int64_t>(layout.bytes_per_token);
  options.hash_key = hash_key;
  options.staging_bytes = given.staging_bytes;
  options.threaded = given.threaded;
  options.observer = observer;
  return options;
}

}  // namespace

TierLink::TierLink(EngineTier given, std::array<std::uint64_t, 2> hash_key, kv::KvCache& cache,
                   Decoder& decoder, const Clock& clock, absl::AnyInvocable<void()> wake)
    : cache_(cache),
      decoder_(decoder),
      clock_(clock),
      layout_(decoder.Layout()),
      folder_(given.folder),
      hash_key_(hash_key),
      tier_(std::move(given.store), TierOptions(given, layout_, hash_key, cache.observer()), clock,
            std::move(wake)),
      next_manifest_(clock.Monotonic()),
      saving_(std::make_shared<std::atomic<bool>>(false)) {
  if (given.was_foreign) ++tier_.stats().foreign_resets;
  tier_.Scan();
  if (given.probe) tier_.Probe();
  cache_.SetDemoter(this);
  for (const tier::TierManifest::SessionEnd& end : given.sessions) {
    if (!tier_.IsWhole(end.tail, end.tokens)) continue;
    const absl::Duration now = clock.Monotonic();
    kv::KvCache::SessionPlace place{end.key, end.tail, end.tokens, now};
    if (end.guarantee) {
      place.pin = PinKind::kGuaranteed;
      place.budget_tokens = end.guarantee->budget_tokens;
      place.resident = end.guarantee->resident;
      place.lease_until = now + (end.guarantee->lease_until - clock.Wall());
    }
    cache_.RestoreSession(place, now);
  }
}

bool TierLink::IsWorth(std::int64_t tokens, std::int64_t blocks) const {
  const double read_rate = tier_.read_bytes_per_second();
  if (read_rate <= 0 || prefill_rate_ <= 0) return true;
  const double bytes = static_cast<double>(layout_.block_bytes) * static_cast<double>(blocks);
  return bytes / read_rate < static_cast<double>(tokens) / prefill_rate_;
}

// --- Down ---

std::optional<kv::KvTier> TierLink::Demote(const kv::DemotionOffer& offer, absl::Duration now) {
  const kv::EvictionRecord& record = offer.record;
  beneficiary_ = record.on_behalf_of;
  tier::TierStats& stats = tier_.stats();
  if (!offer.guaranteed && !IsWorth(record.tokens, 1)) {
    ++stats.refused_dear;
    return std::nullopt;
  }
  // Content of no session that nobody has found twice is no reason to drop a session's.
  if (!offer.guaranteed && record.holders == 0 && record.reuse_count == 0 && tier_.IsFull()) {
    ++stats.refused_unwanted;
    return std::nullopt;
  }
  tier::BlockLabel label;
  label.hash = offer.hash;
  label.parent = offer.parent_hash;
  label.tenant = record.tenant;
  label.first_position = record.first_position;
  label.used_at = absl::ToUnixSeconds(clock_.Wall() - record.idle);
  label.tokens.assign(offer.tokens.begin(), offer.tokens.end());
  const auto fill = [&](absl::Span<std::byte> bytes) {
    return decoder_.ReadBlock(record.block, bytes);
  };
  const auto put = tier_.Keep(label, /*moved=*/true, offer.guaranteed, fill);
  if (put == tier::LowerTier::Put::kKept) {
    next_manifest_ = std::min(next_manifest_, now + kManifestInterval);
    return stats.tier;
  }
  ++stats.refused_busy;
  return std::nullopt;
}

void TierLink::Guard(const kv::Hash128& hash) {
  tier_.Guard(hash);
  next_manifest_ = std::min(next_manifest_, clock_.Monotonic() + kManifestInterval);
}

void TierLink::Unguard(const kv::Hash128& hash) {
  tier_.Unguard(hash);
  next_manifest_ = std::min(next_manifest_, clock_.Monotonic() + kManifestInterval);
}

void TierLink::Lose(const tier::LowerTier::Lost& lost) {
  const tier::TierBlock& block = lost.block;
  const absl::Duration now = clock_.Monotonic();
  kv::EvictionRecord record;
  record.at = now;
  record.tenant = block.tenant;
  record.hash = block.hash;
  record.parent_hash = block.parent;
  record.tokens = block.tokens;
  record.bytes = block.tokens * static_cast<std::int64_t>(layout_.bytes_per_token);
  record.first_position = block.first_position;
  record.tier = tier_.stats().tier;
  record.policy = "lru";
  record.score = absl::ToDoubleSeconds(block.last_use);
  record.reason = lost.reason;
  record.age = now - block.stored_at;
  record.idle = now - block.last_use;
  record.reuse_count = block.reuse;
  record.on_behalf_of = beneficiary_;
  cache_.LowerLost(block.hash, block.parent, block.first_position, lost.reason, &record);
  if (kv::IsEviction(lost.reason)) cache_.RecordLower(record);
}

// --- Up ---

bool TierLink::Begin(ActiveTurn& turn, absl::Duration now) {
  End(turn.id());
  const kv::KvSequence& sequence = turn.choice(0).kv;
  const absl::Span<const TokenId> tokens = turn.AdmissionTokens();
  const Position start = sequence.tokens();
  // The last token is computed in any case: its logits are wanted.
  const auto rest = static_cast<std::int64_t>(tokens.size()) - 1 - start;
  if (turn.NeedsScores() || start % layout_.block_tokens != 0 || rest <= 0) return false;
  auto promotion = std::make_unique<Promotion>();
  promotion->steps = tier_.Find(
      cache_.ChainHash(sequence),
      tokens.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(rest)));
  auto& steps = promotion->steps;
  if (!steps.empty() && !IsWorth(steps.back().tokens, 1)) steps.pop_back();
  if (steps.empty()) return false;
  std::vector<kv::Hash128> blocks;
  for (const tier::LowerTier::Step& step : steps) blocks.push_back(step.hash);
  promotion->own = cache_.OwnLower(sequence, blocks);
  Start(turn.id(), std::move(promotion), now);
  turn.promoting = true;
  return true;
}

void TierLink::Start(TurnId id, std::unique_ptr<Promotion> promotion, absl::Duration now) {
  std::int64_t found = 0;
  for (const tier::LowerTier::Step& step : promotion->steps) {
    tier_.Pin(step.slot);
    found += step.tokens;
  }
  promotion->read.resize(promotion->steps.size());
  const absl::Duration computing =
      prefill_rate_ > 0 ? absl::Seconds(static_cast<double>(found) / prefill_rate_) : kPatienceMax;
  promotion->deadline = now + std::clamp(computing, kPatienceMin, kPatienceMax);
  Ask(id, *promotion);
  promotions_[id] = std::move(promotion);
  order_.push_back(id);
}

void TierLink::Lift(kv::KvSequence sequence, const kv::KvCache::LowerPart& part,
                    absl::Duration now, Lifted done) {
  auto promotion = std::make_unique<Promotion>();
  cache_.ReadTokens(sequence, &promotion->tokens);
  promotion->steps = tier_.Chain(part.tail_hash, part.tokens, &promotion->tokens);
  if (promotion->steps.empty() || sequence.tokens() % layout_.block_tokens != 0) {
    return done(std::move(sequence));
  }
  promotion->sequence = std::move(sequence);
  promotion->lifted = std::move(done);
  Start(next_lift_++, std::move(promotion), now);
}

void TierLink::EndLift(TurnId id) {
  Promotion& promotion = *promotions_.find(id)->second;
  Lifted done = std::move(promotion.lifted);
  kv::KvSequence sequence = std::move(promotion.sequence);
  End(id);
  done(std::move(sequence));
}

void TierLink::EndLifts() {
  const std::vector<TurnId> order = order_;
  for (const TurnId id : order) {
    if (promotions_.find(id)->second->lifted) EndLift(id);
  }
}

void TierLink::Ask(TurnId id, Promotion& promotion) {
  for (; promotion.asked < promotion.steps.size(); ++promotion.asked) {
    const std::uint64_t ticket = next_ticket_;
    if (!tier_.Read(ticket, promotion.steps[promotion.asked].slot)) return;
    ++next_ticket_;
    tickets_[ticket] = {id, promotion.asked};
  }
}

void TierLink::TakeRead() {
  for (tier::StoreDone& done : read_) {
    const auto found = tickets_.find(done.ticket);
    if (found == tickets_.end()) {
      tier_.Finish(std::move(done));  // nobody waits for it any more
      continue;
    }
    const Ticket ticket = found->second;
    tickets_.erase(found);
    promotions_.find(ticket.turn)->second->read[ticket.step] = std::move(done);
  }
  read_.clear();
}

bool TierLink::WriteNext(Promotion& promotion, kv::KvSequence& sequence,
                         absl::Span<const TokenId> tokens, absl::Duration now) {
  const tier::LowerTier::Step step = promotion.steps[promotion.written];
  tier::StoreDone done = *std::exchange(promotion.read[promotion.written], std::nullopt);
  ++promotion.written;
  const auto lose = [this](const tier::LowerTier::Lost& lost) { Lose(lost); };
  const Position start = sequence.tokens();
  bool written = tier_.Verify(done, lose) && done.label.hash == step.hash;
  written = written && cache_.Grow(sequence, start + step.tokens, now).ok();
  if (written) {
    const auto place = static_cast<std::size_t>(start / layout_.block_tokens);
    const absl::Status status =
        decoder_.WriteBlock(sequence.block_table()[place],
                            absl::MakeConstSpan(done.buffer.get(), layout_.block_bytes));
    written = status.ok();
  }
  if (written) {
    const auto part = tokens.subspan(static_cast<std::size_t>(start),
                                     static_cast<std::size_t>(step.tokens));
    const bool own = promotion.written <= promotion.own;
    const std::int32_t moved = cache_.AppendMoved(sequence, part, tier_.stats().tier, own, now);
    if (moved > 0) tier_.Promoted(step.slot, moved);
  }
  tier_.Finish(std::move(done));
  tier_.Unpin(step.slot);
  return written;
}

void TierLink::End(TurnId id) {
  const auto found = promotions_.find(id);
  if (found == promotions_.end()) return;
  Promotion& promotion = *found->second;
  for (std::size_t i = promotion.written; i < promotion.steps.size(); ++i) {
    if (promotion.read[i]) tier_.Finish(*std::exchange(promotion.read[i], std::nullopt));
    tier_.Unpin(promotion.steps[i].slot);
  }
  absl::erase_if(tickets_, [id](const auto& ticket) { return ticket.second.turn == id; });
  promotions_.erase(found);
  order_.erase(std::find(order_.begin(), order_.end(), id));
}

bool TierLink::WriteRead(TurnId id, Promotion& promotion, kv::KvSequence& sequence,
                         absl::Span<const TokenId> tokens, absl::Duration until,
                         absl::Duration now) {
  bool going = true;
  while (going && promotion.written < promotion.steps.size() &&
         promotion.read[promotion.written] && clock_.Monotonic() <= until) {
    going = WriteNext(promotion, sequence, tokens, now);
    Ask(id, promotion);
  }
  Ask(id, promotion);
  const bool late = going && promotion.written < promotion.steps.size() &&
                    !promotion.read[promotion.written] && now >= promotion.deadline;
  if (late) ++tier_.stats().late;
  return going && !late && promotion.written < promotion.steps.size();
}

bool TierLink::Advance(TurnTable& table, absl::Duration now) {
  const auto lose = [this](const tier::LowerTier::Lost& lost) { Lose(lost); };
  tier_.Poll(lose, &read_);
  bool changed = !read_.empty();
  TakeRead();
  const absl::Duration until = clock_.Monotonic() + kRoundTime;
  const std::vector<TurnId> order = order_;
  for (const TurnId id : order) {
    const auto found = promotions_.find(id);
    if (found == promotions_.end()) continue;
    Promotion& promotion = *found->second;
    const std::size_t before = promotion.written;
    if (promotion.lifted) {
      if (!WriteRead(id, promotion, promotion.sequence, promotion.tokens, until, now)) {
        EndLift(id);
        changed = true;
        continue;
      }
      changed |= promotion.written != before;
      continue;
    }
    ActiveTurn* turn = table.Find(id);
    if (turn == nullptr || !turn->promoting) {
      End(id);
      continue;
    }
    kv::KvSequence& sequence = turn->choice(0).kv;
    const Position start = sequence.tokens();
    const bool going =
        WriteRead(id, promotion, sequence, turn->AdmissionTokens(), until, now);
    turn->promoted += sequence.tokens() - start;
    changed |= promotion.written != before;
    if (going) continue;
    End(id);
    turn->promoting = false;
    table.Announce(*turn);
    changed = true;
  }
  KeepManifest(now);
  return changed;
}

absl::Duration TierLink::NextTimer() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [id, promotion] : promotions_) next = std::min(next, promotion->deadline);
  return next;
}

// --- The manifest, and the end ---

tier::TierManifest TierLink::Manifest() const {
  tier::TierManifest manifest;
  manifest.hash_key = hash_key_;
  for (const kv::KvCache::SessionPlace& place : cache_.SessionPlaces()) {
    tier::TierManifest::SessionEnd end{place.key, place.tail_hash, place.tokens};
    if (place.pin == PinKind::kGuaranteed) {
      const absl::Duration left = place.lease_until - clock_.Monotonic();
      end.guarantee = {place.budget_tokens, place.resident, clock_.Wall() + left};
    }
    manifest.sessions.push_back(std::move(end));
  }
  return manifest;
}

void TierLink::KeepManifest(absl::Duration now) {
  if (folder_.empty() || now < next_manifest_ || saving_->load()) return;
  next_manifest_ = absl::InfiniteDuration();  // until something has moved
  saving_->store(true);
  tier_.queue().Run([folder = folder_, manifest = Manifest(), saving = saving_] {
    // Without it a restart finds the blocks all the same; it only does not know whose they were.
    tier::SaveManifest(folder, manifest).IgnoreError();
    saving->store(false);
  });
}

bool TierLink::KeepCopy(BlockIndex block, absl::Duration deadline) {
  const kv::KvCache::BlockContent content = cache_.Content(block);
  tier::BlockLabel label;
  label.hash = content.hash;
  label.parent = content.parent_hash;
  label.tenant = content.tenant;
  label.first_position = content.first_position;
  label.used_at = absl::ToUnixSeconds(clock_.Wall());
  label.tokens.assign(content.tokens.begin(), content.tokens.end());
  const auto lose = [this](const tier::LowerTier::Lost& lost) { Lose(lost); };
  while (clock_.Monotonic() < deadline) {
    const auto fill = [&](absl::Span<std::byte> bytes) {
      return decoder_.ReadBlock(block, bytes);
    };
    const auto put = tier_.Keep(label, /*moved=*/false, /*urgent=*/false, fill);
    if (put == tier::LowerTier::Put::kKept) return true;
    if (!tier_.queue().AwaitIdle(deadline - clock_.Monotonic())) return false;
    tier_.Poll(lose, &read_);
    TakeRead();
    // Nothing under way, and nothing that may go: waiting would not help.
    if (tier_.index().free_slots() == 0) return false;
  }
  return false;
}

void TierLink::Save(absl::Duration deadline,
                    absl::FunctionRef<void(std::int64_t written, std::int64_t total)> progress) {
  const std::vector<TurnId> order = order_;
  for (const TurnId id : order) End(id);
  std::vector<kv::KvCache::SessionPlace> places = cache_.SessionPlaces();
  std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
    return a.pin != b.pin ? a.pin > b.pin : a.last_use > b.last_use;
  });
  std::vector<BlockIndex> blocks;
  for (const kv::KvCache::SessionPlace& place : places) {
    for (const BlockIndex block : cache_.SessionChain(place.key)) blocks.push_back(block);
  }
  // More than the tier holds would push out what is worth most, which is written first.
  const auto total = std::min<std::int64_t>(static_cast<std::int64_t>(blocks.size()),
                                            tier_.most_blocks());
  std::int64_t written = 0;
  absl::Duration told = clock_.Monotonic();
  for (; written < total; ++written) {
    if (!KeepCopy(blocks[static_cast<std::size_t>(written)], deadline)) break;
    if (clock_.Monotonic() - told < absl::Seconds(1)) continue;
    told = clock_.Monotonic();
    progress(written, total);
  }
  // The manifest even when the time is over: it is small, and names only what can be found.
  tier_.queue().AwaitIdle(std::max(deadline - clock_.Monotonic(), absl::ZeroDuration()));
  if (!folder_.empty()) tier::SaveManifest(folder_, Manifest()).IgnoreError();
  progress(written, total);
}

}  // namespace pintle

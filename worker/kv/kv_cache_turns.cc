// SPDX-License-Identifier: Apache-2.0
// The life of a turn in the cache: matched, begun, grown and appended step by step, then committed,
// rolled back or preempted.
#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/kv/kv_cache.h"

namespace pintle::kv {

absl::Status KvCache::PoolFull(std::int32_t blocks, std::int64_t room) const {
  return MakeError(Reason::kPoolFull,
                   absl::StrCat("kv.blocks: ", blocks, " more are needed, ",
                                std::max<std::int64_t>(room, 0), " can be had, limit ",
                                options_.blocks));
}

std::int32_t KvCache::SlotOf(const KvSequence& sequence) const {
  PINTLE_CHECK(sequence.cache_ == this, "a sequence belongs to the cache that made it");
  return sequence.slot_;
}

const SessionKey& KvCache::Beneficiary(const Sequence& sequence) const {
  return sequence.session == -1 ? holdings_.spaces.Anonymous(sequence.space)
                                : holdings_.sessions[sequence.session].key;
}

void KvCache::ActFor(const SessionKey& key) const {
  if (holdings_.observer != nullptr) holdings_.observer->Acting(key);
}

MatchedChain KvCache::FindChain(const SessionKey& key, absl::Span<const TokenId> tokens) const {
  const std::int32_t session = key.session.empty() ? -1 : holdings_.sessions.Find(key);
  // A tenant nothing counts on has no blocks.
  const std::int32_t space = SpaceOf(session, key.tenant);
  if (space == -1) return MatchedChain{};
  const Session* own = session == -1 ? nullptr : &holdings_.sessions[session];
  MatchedChain chain = matcher_.Match(own, space, holdings_.spaces.Root(space), tokens);
  // A prompt that fills the pool has no block to spare for the source of a copy.
  const std::int32_t used = chain.Total() % options_.block_tokens;
  const bool full = BlocksFor(static_cast<Position>(tokens.size())) >= options_.blocks;
  if (full && used != 0 && IsCopied(chain)) DropPartial(&chain);
  return chain;
}

void KvCache::DropPartial(MatchedChain* chain) const {
  const std::int32_t used = chain->Total() % options_.block_tokens;
  std::int32_t& part = chain->session_tokens % options_.block_tokens == used &&
                               chain->prefix_tokens % options_.block_tokens == 0
                           ? chain->session_tokens
                           : chain->prefix_tokens;
  part -= used;
  chain->blocks.remove_suffix(1);
}

bool KvCache::IsCopied(const MatchedChain& chain) const {
  const std::int32_t used = chain.Total() % options_.block_tokens;
  if (used == 0) return false;
  const Block& last = holdings_.pool[chain.blocks.back()];
  return last.filled > used || last.table_refs > 0;
}

KvMatch KvCache::Assess(const MatchedChain& chain, const SessionKey& key, std::int32_t tokens,
                        KvTurnSize size) const {
  KvMatch match;
  match.session_tokens = chain.session_tokens;
  match.prefix_tokens = chain.prefix_tokens;
  const auto reused = static_cast<std::int32_t>(chain.blocks.size()) - (IsCopied(chain) ? 1 : 0);
  // The one beyond the prompt is for the first tokens of the answer; the largest prompts have
  // none and find their room in the prompt's last block.
  match.blocks_needed = std::min(BlocksFor(tokens) + 1, options_.blocks) - reused;
  const std::int32_t session = key.session.empty() ? -1 : holdings_.sessions.Find(key);
  const std::int32_t funder = Funder(session);
  match.funded = funder != -1;
  match.fits = sequences_.HasRoom() && match.blocks_needed >= 0 &&
               BlocksFor(tokens) <= sequences_.blocks_max();
  if (match.funded) {
    const SessionPins& pins = holdings_.sessions[funder].pins;
    match.fits = match.fits && TurnBlocks(funder, tokens, size) <= pins.granted_blocks;
  } else {
    match.fits = match.fits && Room(key.tenant) >= Newly(chain.blocks) + match.blocks_needed;
  }
  return match;
}

KvMatch KvCache::Match(const SessionKey& key, absl::Span<const TokenId> tokens,
                       KvTurnSize size) const {
  MatchedChain chain = FindChain(key, tokens);
  const std::int32_t session = key.session.empty() ? -1 : holdings_.sessions.Find(key);
  const auto prompt = static_cast<Position>(tokens.size());
  FitToBudget(Funder(session), prompt, size, &chain);
  return Assess(chain, key, prompt, size);
}

std::int32_t KvCache::SpaceOf(std::int32_t session, const TenantId& tenant) const {
  return session != -1 && KeepsSpace(session) ? holdings_.sessions[session].space
                                              : holdings_.spaces.Find(tenant);
}

bool KvCache::KeepsSpace(std::int32_t session) const {
  const Session& it = holdings_.sessions[session];
  return !holdings_.spaces.IsPrivate(it.space) || it.held + it.lower > 0 || it.running != -1;
}

std::int32_t KvCache::StartSequence(std::int32_t session, std::int32_t space) {
  const std::int32_t slot = sequences_.Take();
  Sequence& it = sequences_[slot];
  it.session = session;
  it.space = space;
  holdings_.spaces.UseAgain(space);
  if (session != -1) holdings_.sessions.SetRunning(session, slot);
  return slot;
}

absl::StatusOr<KvSequence> KvCache::Begin(const SessionKey& key, absl::Span<const TokenId> tokens,
                                          absl::Duration now, KvTurnSize size) {
  Notice(now);
  SessionTable& sessions = holdings_.sessions;
  std::int32_t session = key.session.empty() ? -1 : sessions.Find(key);
  if (session != -1 && sessions.Busy(session)) {
    return MakeError(Reason::kSessionBusy, "the session runs a turn");
  }
  if (!sequences_.HasRoom()) return PoolFull(1, 0);
  const bool is_new = session == -1 && !key.session.empty();
  if (is_new && !sessions.HasRoom()) {
    return MakeError(Reason::kSessionsMax,
                     absl::StrCat("sessions with KV: limit ", options_.sessions_max));
  }
  MatchedChain chain = FindChain(key, tokens);
  const std::int32_t funder = Funder(session);
  const auto prompt = static_cast<Position>(tokens.size());
  FitToBudget(funder, prompt, size, &chain);
  if (funder != -1) {
    PINTLE_RETURN_IF_ERROR(CheckBudget(funder, prompt, size));
  } else if (const std::int32_t newly = Newly(chain.blocks); Room(key.tenant) < newly) {
    return PoolFull(newly, Room(key.tenant));
  }
  if (is_new) session = FindOrCreate(key);
  if (session != -1 && !KeepsSpace(session)) {
    // What was imported is gone, and what the model computes itself may be shared.
    holdings_.spaces.Drop(sessions[session].space);
    sessions[session].space = holdings_.spaces.Use(key.tenant);
  }
  const std::int32_t space =
      session == -1 ? holdings_.spaces.Use(key.tenant) : sessions[session].space;
  const std::int32_t slot = StartSequence(session, space);
  if (session == -1) holdings_.spaces.Drop(space);
  Sequence& it = sequences_[slot];
  if (session != -1) {
    const std::int32_t kept = funder == -1 ? 0 : SharedWithOwn(session, chain);
    Fund(slot, funder, prompt, size);
    pins_.TurnBegan(session, funder == -1 ? 0 : it.funded_blocks + (IsCopied(chain) ? 1 : 0), kept,
                    now);
  }
  // Leaf first, as they came out of use: a policy sees equal orders both ways.
  it.blocks = static_cast<std::int32_t>(chain.blocks.size());
  std::copy(chain.blocks.begin(), chain.blocks.end(), sequences_.Table(slot));
  for (std::size_t i = chain.blocks.size(); i-- > 0;) {
    holdings_.Ref(chain.blocks[i], funder != -1);
    holdings_.Touch(chain.blocks[i], now);
  }
  if (funder != -1) it.reserved = std::max(it.blocks_cap - it.blocks, 0);
  it.tokens = chain.Total();
  it.own = chain.session_tokens;
  it.cached_session = chain.session_tokens;
  it.cached_prefix = chain.prefix_tokens;
  holdings_.Attach(session, chain.prefix_tokens);
  if (holdings_.observer != nullptr) {
    holdings_.observer->Began(KvLookup{key, holdings_.spaces.Root(it.space), tokens, chain.Total()},
                              now);
  }
  holdings_.stats.prefix_query_tokens += static_cast<std::int64_t>(tokens.size());
  holdings_.stats.hit_tokens_session += chain.session_tokens;
  holdings_.stats.hit_tokens_prefix += chain.prefix_tokens;
  if (session != -1) {
    sessions[session].hit_tokens_session += chain.session_tokens;
    sessions[session].hit_tokens_prefix += chain.prefix_tokens;
    sessions[session].last_use = now;
  }
  return KvSequence(this, slot);
}

absl::StatusOr<KvSequence> KvCache::Fork(const KvSequence& sequence, absl::Duration now) {
  Notice(now);
  const std::int32_t from = SlotOf(sequence);
  PINTLE_CHECK(sequences_[from].copy_stage == CopyStage::kNone,
               "a sequence is forked after the step that carried its copy");
  if (!sequences_.HasRoom()) return PoolFull(1, 0);
  const Sequence source = sequences_[from];
  const auto shared = sequences_.TableOf(from).first(
      static_cast<std::size_t>(BlocksFor(source.tokens)));
  const bool funded = source.funder != -1 && source.session != -1 &&
                      source.tokens >= source.prompt &&
                      holdings_.sessions[source.funder].pins.forks > 0;
  if (!funded && source.funder != -1 && RoomOf(source.space) < Newly(shared)) {
    return PoolFull(Newly(shared), RoomOf(source.space));
  }
  const std::int32_t slot = StartSequence(-1, source.space);
  Sequence& it = sequences_[slot];
  it.tokens = source.tokens;
  it.blocks = static_cast<std::int32_t>(shared.size());
  std::copy(shared.begin(), shared.end(), sequences_.Table(slot));
  if (funded) {
    SessionPins& pins = holdings_.sessions[source.funder].pins;
    --pins.forks;
    ++pins.funded;
    it.funder = source.funder;
    it.blocks_cap = source.blocks_cap;
    it.funded_blocks = source.funded_blocks;
    it.reserved = std::max(it.blocks_cap - it.blocks, 0);
  }
  for (const BlockIndex block : sequences_.TableOf(slot)) holdings_.Ref(block, funded);
  return KvSequence(this, slot);
}

absl::Status KvCache::Reserve(KvSequence& sequence, std::int32_t blocks) {
  Sequence& it = sequences_[SlotOf(sequence)];
  PINTLE_CHECK(blocks >= 0, "a reservation is no debt");
  if (it.funder != -1) return absl::OkStatus();
  const std::int32_t more = blocks - it.reserved;
  if (more > 0 && RoomOf(it.space) < more) return PoolFull(more, RoomOf(it.space));
  it.reserved = blocks;
  holdings_.budgets.Promise(holdings_.spaces.Limit(it.space), more);
  return absl::OkStatus();
}

bool KvCache::NeedsCopy(std::int32_t slot) const {
  const Sequence& it = sequences_[slot];
  const std::int32_t used = it.tokens % options_.block_tokens;
  if (used == 0) return false;
  const auto place = static_cast<std::size_t>(it.tokens / options_.block_tokens);
  const Block& tail = holdings_.pool[sequences_.TableOf(slot)[place]];
  return tail.filled > used || tail.table_refs > 1;
}

absl::Status KvCache::Grow(KvSequence& sequence, Position total_tokens, absl::Duration now) {
  Notice(now);
  const std::int32_t slot = SlotOf(sequence);
  Sequence& it = sequences_[slot];
  const std::int32_t want = BlocksFor(total_tokens);
  const bool copy = total_tokens > it.tokens && NeedsCopy(slot);
  const std::int32_t fresh = std::max(want - it.blocks, 0) + (copy ? 1 : 0);
  if (fresh == 0) return absl::OkStatus();
  const bool funded = it.funder != -1;
  const std::int32_t promised = std::min(fresh, it.reserved);
  const std::int64_t room = funded ? it.blocks_cap - it.blocks + (copy ? 1 : 0)
                                   : RoomOf(it.space) + promised;
  if (want > sequences_.blocks_max() || holdings_.available() < fresh || room < fresh) {
    return PoolFull(fresh, room);
  }
  PINTLE_RETURN_IF_ERROR(MakeRoom(it, fresh, now));
  it.reserved -= promised;
  if (!funded) holdings_.budgets.Promise(holdings_.spaces.Limit(it.space), -promised);
  if (copy) CopyTail(slot, now);
  BlockIndex* table = sequences_.Table(slot);
  for (; it.blocks < want; ++it.blocks) {
    const BlockIndex parent = it.blocks == 0 ? kNoBlock : table[it.blocks - 1];
    table[it.blocks] = holdings_.Take(parent, it.space, now, funded);
  }
  if (funded) it.reserved = it.blocks_cap - it.blocks;
  return absl::OkStatus();
}

void KvCache::ReplaceEntry(std::int32_t slot, std::int32_t place, BlockIndex block) {
  BlockIndex* table = sequences_.Table(slot);
  table[place] = block;
  if (place + 1 < sequences_[slot].blocks) holdings_.Relink(table[place + 1], block);
}

void KvCache::CopyTail(std::int32_t slot, absl::Duration now) {
  Sequence& it = sequences_[slot];
  PINTLE_CHECK(it.copy_stage == CopyStage::kNone, "a sequence copies one block at a time");
  const std::int32_t used = it.tokens % options_.block_tokens;
  const std::int32_t place = it.tokens / options_.block_tokens;
  const BlockIndex source = sequences_.Table(slot)[place];
  const BlockIndex parent = holdings_.pool[source].parent;
  const BlockIndex target = holdings_.Take(parent, it.space, now, it.funder != -1);
  const auto tokens = static_cast<const BlockPool&>(holdings_.pool).TokensOf(source);
  std::copy_n(tokens.begin(), used, holdings_.pool.TokensOf(target).begin());
  holdings_.Write(target, used, now);
  holdings_.RefSource(source, it.funder != -1);
  ReplaceEntry(slot, place, target);
  if (it.session != -1 && it.funder != -1 && holdings_.pool[source].general_refs > 0) {
    // Nobody reckoned with a choice beyond the budget: the session's last block stays with it.
    pins_.TurnRewound(it.session, it.funded_blocks, place, now);
  }
  holdings_.Deref(source, KvReason::kOverwritten, now, it.funder != -1);
  it.copy = BlockCopy{source, target, used};
  it.copy_stage = CopyStage::kPending;
  ++holdings_.stats.copies;
}

// A copy that no step has carried out holds nothing: the source takes its place again.
void KvCache::UndoCopy(std::int32_t slot, absl::Duration now) {
  Sequence& it = sequences_[slot];
  if (it.copy_stage == CopyStage::kNone) return;
  holdings_.Ref(it.copy.source, it.funder != -1);
  holdings_.DerefSource(it.copy.source, KvReason::kRolledBack, now, it.funder != -1);
  ReplaceEntry(slot, it.tokens / options_.block_tokens, it.copy.source);
  holdings_.Deref(it.copy.target, KvReason::kRolledBack, now, it.funder != -1);
  it.copy_stage = CopyStage::kNone;
}

std::optional<BlockCopy> KvCache::TakeCopy(KvSequence& sequence) {
  Sequence& it = sequences_[SlotOf(sequence)];
  if (it.copy_stage != CopyStage::kPending) return std::nullopt;
  it.copy_stage = CopyStage::kTaken;
  return it.copy;
}

void KvCache::Append(KvSequence& sequence, absl::Span<const TokenId> tokens, absl::Duration now) {
  Notice(now);
  if (tokens.empty()) return;
  const std::int32_t slot = SlotOf(sequence);
  Sequence& it = sequences_[slot];
  const std::int32_t width = options_.block_tokens;
  ActFor(Beneficiary(it));
  PINTLE_CHECK(it.tokens + static_cast<std::int64_t>(tokens.size()) <=
                   static_cast<std::int64_t>(it.blocks) * width,
               "only positions that Grow covered are written");
  PINTLE_CHECK(it.copy_stage != CopyStage::kPending, "a step carries a copy before it writes");
  if (it.copy_stage == CopyStage::kTaken) {
    it.copy_stage = CopyStage::kNone;
    holdings_.DerefSource(it.copy.source, KvReason::kOverwritten, now, it.funder != -1);
  }
  PINTLE_CHECK(!NeedsCopy(slot), "a shared block is copied before it is written");
  while (!tokens.empty()) {
    const auto room = static_cast<std::size_t>(width - it.tokens % width);
    const auto part = tokens.first(std::min(room, tokens.size()));
    FillBlock(slot, it.tokens / width, part, KvTier::kDevice, now);
    it.tokens += static_cast<Position>(part.size());
    holdings_.Attach(it.session, static_cast<std::int64_t>(part.size()));
    tokens.remove_prefix(part.size());
  }
}

Hash128 KvCache::ChainHash(const KvSequence& sequence) const {
  const std::int32_t slot = SlotOf(sequence);
  const Sequence& it = sequences_[slot];
  PINTLE_CHECK(it.tokens % options_.block_tokens == 0, "a chain's hash ends with a block");
  const std::int32_t full = it.tokens / options_.block_tokens;
  const BlockIndex last =
      full == 0 ? kNoBlock : sequences_.TableOf(slot)[static_cast<std::size_t>(full - 1)];
  return holdings_.WideHash(last, it.space);
}

std::int32_t KvCache::AppendMoved(KvSequence& sequence, absl::Span<const TokenId> tokens,
                                  KvTier from, bool own, absl::Duration now) {
  Notice(now);
  const std::int32_t slot = SlotOf(sequence);
  Sequence& it = sequences_[slot];
  const auto count = static_cast<std::int32_t>(tokens.size());
  PINTLE_CHECK(it.tokens % options_.block_tokens == 0 && count > 0 &&
                   count <= options_.block_tokens &&
                   it.tokens + count <= it.blocks * options_.block_tokens,
               "one block is moved in as a whole");
  PINTLE_CHECK(it.copy_stage == CopyStage::kNone, "nothing is copied where a block begins");
  const std::int64_t before = holdings_.stats.physical.moved_in;
  const std::int32_t place = it.tokens / options_.block_tokens;
  FillBlock(slot, place, tokens, from, now);
  it.tokens += count;
  const std::int32_t back =
      own ? Reclaim(slot, sequences_.Table(slot)[place], count, now) : 0;
  holdings_.Attach(it.session, count - back);
  return static_cast<std::int32_t>(holdings_.stats.physical.moved_in - before);
}

std::size_t KvCache::OwnLower(const KvSequence& sequence,
                              absl::Span<const Hash128> blocks) const {
  const Sequence& it = sequences_[SlotOf(sequence)];
  if (it.session == -1 || holdings_.demoter == nullptr) return 0;
  const Session& session = holdings_.sessions[it.session];
  if (session.lower == 0 || session.held != it.tokens || it.own != it.tokens) return 0;
  // From its end up to where it begins: only the way up is known.
  const auto all = static_cast<std::size_t>(BlocksFor(session.held + session.lower) -
                                            BlocksFor(session.held));
  std::size_t common = std::min(all, blocks.size());
  std::optional<Hash128> at = session.lower_tail;
  for (std::size_t place = all; place-- > 0 && at.has_value();) {
    if (place < common && blocks[place] != *at) common = place;
    if (place > 0) at = holdings_.demoter->Above(*at, 1);
  }
  return at.has_value() ? common : 0;
}

std::int32_t KvCache::Reclaim(std::int32_t slot, BlockIndex block, std::int32_t tokens,
                              absl::Duration now) {
  Sequence& it = sequences_[slot];
  if (it.session == -1) return 0;
  const Session& session = holdings_.sessions[it.session];
  const Position start = it.tokens - tokens;
  if (session.lower == 0 || session.held != start || it.own != start) return 0;
  const Position back = std::min(session.lower, tokens);
  it.own += back;
  holdings_.HoldLower(it.session, session.lower_tail, session.lower - back, KvReason::kCapacity);
  holdings_.sessions.Hold(it.session, block, start + back);
  pins_.Replace(it.session, now);
  return back;
}

void KvCache::FillBlock(std::int32_t slot, std::int32_t place, absl::Span<const TokenId> tokens,
                        KvTier from, absl::Duration now) {
  BlockPool& pool = holdings_.pool;
  const Sequence& it = sequences_[slot];
  const BlockIndex block = sequences_.Table(slot)[place];
  const std::int32_t filled = pool[block].filled;
  const auto count = static_cast<std::int32_t>(tokens.size());
  const absl::Span<TokenId> ids = pool.TokensOf(block);
  std::copy(tokens.begin(), tokens.end(), ids.begin() + filled);
  if (filled + count < options_.block_tokens) {
    Enter(block, count, from, now);
    return;
  }
  const BlockIndex parent = pool[block].parent;
  const Hash128& before = parent == kNoBlock ? holdings_.spaces.Root(it.space) : pool[parent].hash;
  const Hash128 hash = hash_.Extend(before, ids);
  const BlockIndex equal = holdings_.index.Find(parent, it.space, hash, ids);
  if (equal == kNoBlock) {
    Enter(block, count, from, now);
    holdings_.index.Insert(block, hash);
    return;
  }
  // Somebody else computed the same block: keep one, so that equal content is one block always.
  holdings_.Ref(equal, it.funder != -1);
  holdings_.Touch(equal, now);
  ReplaceEntry(slot, place, equal);
  if (it.session != -1 && it.funder != -1) {
    // The session's block, if it was one, is beside the turn's now and no longer one with it.
    pins_.TurnRewound(it.session, it.funded_blocks, place, now);
  }
  holdings_.Deref(block, KvReason::kOverwritten, now, it.funder != -1);
  ++holdings_.stats.deduplicated_blocks;
}

void KvCache::Enter(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now) {
  if (from == KvTier::kDevice) {
    holdings_.Write(block, count, now);
  } else {
    holdings_.MoveIn(block, count, from, now);
  }
}

void KvCache::DropTable(std::int32_t slot, std::int32_t keep, KvReason reason, absl::Duration now) {
  Sequence& it = sequences_[slot];
  while (it.blocks > keep) {
    holdings_.Deref(sequences_.Table(slot)[--it.blocks], reason, now, it.funder != -1);
  }
  if (it.funder != -1) it.reserved = std::max(it.blocks_cap - it.blocks, 0);
}

void KvCache::RewindSlot(std::int32_t slot, Position total_tokens, absl::Duration now) {
  Sequence& it = sequences_[slot];
  PINTLE_CHECK(total_tokens >= 0 && total_tokens <= it.tokens, "rewinding goes backwards");
  ActFor(Beneficiary(it));
  UndoCopy(slot, now);
  DropTable(slot, BlocksFor(total_tokens), KvReason::kRolledBack, now);
  const std::int32_t used = total_tokens % options_.block_tokens;
  if (used != 0) {
    const BlockIndex tail = sequences_.Table(slot)[it.blocks - 1];
    const Block& block = holdings_.pool[tail];
    const bool alone = block.table_refs == 1 && block.source_refs == 0 && block.children == 0;
    if (alone && !block.cached && block.filled > used) {
      const std::int32_t keep = std::max(used, holdings_.sessions.LongestUse(tail));
      holdings_.Trim(tail, std::min(block.filled, keep), KvReason::kRolledBack);
    }
  }
  const Position own = std::min(it.own, total_tokens);
  holdings_.Detach(it.session, (it.tokens - it.own) - (total_tokens - own), KvReason::kRolledBack);
  it.own = own;
  it.tokens = total_tokens;
  if (it.session != -1 && it.funder != -1) {
    pins_.TurnRewound(it.session, it.funded_blocks + 1, total_tokens / options_.block_tokens, now);
  }
}

void KvCache::Rewind(KvSequence& sequence, Position total_tokens, absl::Duration now) {
  Notice(now);
  RewindSlot(SlotOf(sequence), total_tokens, now);
}

void KvCache::EndSequence(std::int32_t slot, absl::Duration now) {
  const Sequence it = sequences_[slot];
  PINTLE_CHECK(it.blocks == 0, "a sequence ends without blocks");
  if (it.funder == -1) holdings_.budgets.Promise(holdings_.spaces.Limit(it.space), -it.reserved);
  sequences_.GiveBack(slot);
  if (it.session != -1) {
    holdings_.sessions[it.session].last_use = now;
    holdings_.sessions.SetRunning(it.session, -1);
    pins_.TurnEnded(it.session, now);
  }
  if (it.funder != -1) pins_.FundedEnded(it.funder, now);
  holdings_.spaces.Drop(it.space);
}

void KvCache::CommitTurn(KvSequence sequence, Position total_tokens, absl::Duration now) {
  Notice(now);
  const std::int32_t slot = SlotOf(sequence);
  sequence.Release();
  Sequence& it = sequences_[slot];
  RewindSlot(slot, std::min(total_tokens, it.tokens), now);
  const BlockIndex tail = it.blocks == 0 ? kNoBlock : sequences_.Table(slot)[it.blocks - 1];
  if (it.session != -1) {
    const Session& session = holdings_.sessions[it.session];
    const BlockIndex old_tail = session.tail;
    holdings_.DetachLower(it.session, KvReason::kOverwritten);
    // An eviction during the turn may have taken even what the turn had begun from.
    const Position lost = std::max(session.held - it.own, 0);
    const Position regained = std::max(it.own - session.held, 0);
    holdings_.Attach(it.session, regained);
    holdings_.Detach(it.session, lost, KvReason::kOverwritten);
    holdings_.sessions.Hold(it.session, tail, it.tokens);
    pins_.Replace(it.session, now);
    if (old_tail != tail) holdings_.Settle(old_tail, KvReason::kOverwritten, now);
    ++holdings_.sessions[it.session].turns;
  } else {
    for (const BlockIndex block : sequences_.TableOf(slot)) {
      if (holdings_.pool[block].indexed) holdings_.pool[block].cached = true;
    }
  }
  // Only a one-shot's partial tail is nobody's now: it could never be found.
  DropTable(slot, 0, it.session == -1 ? KvReason::kTruncated : KvReason::kOverwritten, now);
  EndSequence(slot, now);
}

void KvCache::RollbackSlot(std::int32_t slot, absl::Duration now) {
  Sequence& it = sequences_[slot];
  ActFor(Beneficiary(it));
  UndoCopy(slot, now);
  holdings_.Detach(it.session, it.tokens - it.own, KvReason::kRolledBack);
  DropTable(slot, 0, KvReason::kRolledBack, now);
  EndSequence(slot, now);
}

void KvCache::Rollback(KvSequence sequence, absl::Duration now) {
  Notice(now);
  const std::int32_t slot = SlotOf(sequence);
  sequence.Release();
  RollbackSlot(slot, now);
}

void KvCache::MarkPreempted(std::int32_t slot) {
  bool child_is_ours = false;
  const auto table = sequences_.TableOf(slot);
  for (std::size_t i = table.size(); i-- > 0;) {
    Block& block = holdings_.pool[table[i]];
    // From here on up others keep the chain anyway, and losing it is no fault of this preemption.
    if (block.tails > 0 || block.table_refs > 1 || block.cached) return;
    if (block.children > (child_is_ours ? 1 : 0)) return;
    child_is_ours = true;
    if (!block.indexed) continue;
    block.cached = true;
    block.preempted = true;
  }
}

void KvCache::Preempt(KvSequence sequence, absl::Duration now) {
  Notice(now);
  const std::int32_t slot = SlotOf(sequence);
  sequence.Release();
  Sequence& it = sequences_[slot];
  ActFor(Beneficiary(it));
  UndoCopy(slot, now);
  holdings_.Detach(it.session, it.tokens - it.own, KvReason::kPreempted);
  DropTable(slot, BlocksFor(it.tokens), KvReason::kPreempted, now);
  MarkPreempted(slot);
  DropTable(slot, 0, KvReason::kPreempted, now);
  EndSequence(slot, now);
  ++holdings_.stats.preemptions;
}

}  // namespace pintle::kv

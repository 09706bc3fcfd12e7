// SPDX-License-Identifier: Apache-2.0
// Sessions as wholes: forked at a position, read out for an export, filled by an import.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/kv/kv_cache.h"

namespace pintle::kv {

BlockIndex KvCache::TailFor(const Session& session, Position keep) const {
  const std::int32_t last = BlocksFor(keep) - 1;
  BlockIndex tail = session.tail;
  while (tail != kNoBlock && holdings_.pool[tail].depth > last) tail = holdings_.pool[tail].parent;
  return tail;
}

absl::StatusOr<std::int32_t> KvCache::EmptySession(const SessionKey& key, absl::Duration now) {
  SessionTable& sessions = holdings_.sessions;
  const std::int32_t session = sessions.Find(key);
  if (session == -1) {
    if (!sessions.HasRoom()) {
      return MakeError(Reason::kSessionsMax,
                       absl::StrCat("sessions with KV: limit ", options_.sessions_max));
    }
    return FindOrCreate(key);
  }
  Session& it = sessions[session];
  if (sessions.Busy(session)) return MakeError(Reason::kSessionBusy, "the session runs a turn");
  const BlockIndex tail = it.tail;
  holdings_.DetachLower(session, KvReason::kOverwritten);
  holdings_.Detach(session, it.held, KvReason::kOverwritten);
  sessions.Hold(session, kNoBlock, 0);
  pins_.Replace(session, now);
  holdings_.ForgetCopies(tail, kNoBlock, KvReason::kOverwritten);
  holdings_.Settle(tail, KvReason::kOverwritten, now);
  return session;
}

absl::StatusOr<Position> KvCache::ForkSession(const SessionKey& from, const SessionKey& to,
                                              Position tokens, absl::Duration now) {
  Notice(now);
  PINTLE_CHECK(from.tenant == to.tenant && from.session != to.session,
               "a session is forked into another one of its tenant");
  SessionTable& sessions = holdings_.sessions;
  const std::int32_t source = sessions.Find(from);
  // A cold source could be the very session that a new one's place is taken from.
  if (source == -1 || sessions[source].held + sessions[source].lower == 0) {
    PINTLE_RETURN_IF_ERROR(DropSession(to, KvReason::kOverwritten, now));
    return 0;
  }
  PINTLE_ASSIGN_OR_RETURN(const std::int32_t target, EmptySession(to, now));
  const Session& it = sessions[source];
  if (sessions[target].space != it.space) {
    holdings_.spaces.UseAgain(it.space);
    holdings_.spaces.Drop(sessions[target].space);
    sessions[target].space = it.space;
  }
  const Position keep = std::clamp<Position>(tokens, 0, it.held);
  sessions[target].last_use = now;
  holdings_.Attach(target, keep);
  sessions.Hold(target, keep == 0 ? kNoBlock : TailFor(it, keep), keep);
  pins_.Replace(target, now);
  if (it.lower > 0 && tokens >= it.held + it.lower) {
    holdings_.Attach(target, it.lower);
    holdings_.HoldLower(target, it.lower_tail, it.lower, KvReason::kOverwritten);
  }
  ++holdings_.version;
  const BlockIndex tail = sessions[target].tail;
  if (keep > 0 && holdings_.pool[tail].state == BlockState::kEvictable) {
    holdings_.policy->Changed(tail, now);
  }
  return keep + sessions[target].lower;
}

absl::StatusOr<KvSequence> KvCache::Borrow(const SessionKey& key, Position tokens,
                                           absl::Duration now) {
  Notice(now);
  if (!sequences_.HasRoom()) return PoolFull(1, 0);
  const std::int32_t session = holdings_.sessions.Find(key);
  const Position keep =
      session == -1 ? 0 : std::clamp<Position>(tokens, 0, holdings_.sessions[session].held);
  std::int32_t newly = 0;
  BlockIndex at = keep == 0 ? kNoBlock : TailFor(holdings_.sessions[session], keep);
  for (BlockIndex b = at; b != kNoBlock; b = holdings_.pool[b].parent) {
    if (holdings_.pool[b].general_refs == 0) ++newly;
  }
  if (Room(key.tenant) < newly || BlocksFor(keep) > sequences_.blocks_max()) {
    return PoolFull(newly, Room(key.tenant));
  }
  const std::int32_t space = session == -1 ? holdings_.spaces.Use(key.tenant)
                                           : holdings_.sessions[session].space;
  const std::int32_t slot = StartSequence(-1, space);
  if (session == -1) holdings_.spaces.Drop(space);
  Sequence& it = sequences_[slot];
  it.tokens = keep;
  it.blocks = BlocksFor(keep);
  BlockIndex* table = sequences_.Table(slot);
  for (std::int32_t place = it.blocks; place-- > 0; at = holdings_.pool[at].parent) {
    table[place] = at;
    holdings_.Ref(at);
  }
  return KvSequence(this, slot);
}

void KvCache::ReadTokens(const KvSequence& sequence, std::vector<TokenId>* ids) const {
  const std::int32_t slot = SlotOf(sequence);
  Position left = sequences_[slot].tokens;
  for (const BlockIndex block : sequences_.TableOf(slot)) {
    const auto part = holdings_.pool.TokensOf(block).first(
        static_cast<std::size_t>(std::min<Position>(left, options_.block_tokens)));
    ids->insert(ids->end(), part.begin(), part.end());
    left -= static_cast<Position>(part.size());
  }
}

absl::StatusOr<KvSequence> KvCache::BeginImport(const SessionKey& key, std::uint64_t secret,
                                                absl::Duration now) {
  Notice(now);
  PINTLE_CHECK(!key.session.empty(), "an import is a session's");
  if (!sequences_.HasRoom()) return PoolFull(1, 0);
  PINTLE_ASSIGN_OR_RETURN(const std::int32_t session, EmptySession(key, now));
  Session& it = holdings_.sessions[session];
  const std::int32_t space = secret == 0 ? holdings_.spaces.Use(key.tenant)
                                         : holdings_.spaces.UsePrivate(key.tenant, secret);
  holdings_.spaces.Drop(it.space);
  it.space = space;
  it.last_use = now;
  const std::int32_t slot = StartSequence(session, space);
  pins_.TurnBegan(session, 0, 0, now);
  return KvSequence(this, slot);
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/session_aware_policy.h"

#include <algorithm>
#include <cmath>

#include "contract/check.h"

namespace pintle::kv {
namespace {

// Candidates of one proposal for which room is kept: groups of leaves alike. More only allocate.
constexpr std::size_t kCandidates = 4096;
constexpr std::int32_t kIntervals = 31;  // what five bits hold
// A block nobody asked for yet may still be a prompt's beginning: one in fifty, at the rate at
// which the unknown fades, 1 / age.
constexpr double kContentChance = 0.02;
// Above any block that nobody claims, below all others.
constexpr double kNobodysScore = 1e-9;
// Clients who say when they come back mostly do.
constexpr double kHintChance = 0.8;
// A hint still counts for a quarter of the time that was to pass, at least for some seconds.
constexpr double kHintGrace = 0.25;
constexpr absl::Duration kHintGraceMin = absl::Seconds(5);
// Distances below a second are equal: hints and clocks are not better than that.
constexpr double kNearSeconds = 1;
// Tails are taken to be continued until seen otherwise: two observations' weight.
constexpr double kTailPrior = 2;

}  // namespace

std::uint32_t SessionAwarePolicy::Group::Pack() const {
  return static_cast<std::uint32_t>(claim) << 30 | static_cast<std::uint32_t>(priority) << 26 |
         static_cast<std::uint32_t>(interval) << 16 | static_cast<std::uint32_t>(kind) << 1 |
         (tail ? 1U : 0U);
}

SessionAwarePolicy::Group SessionAwarePolicy::Group::Unpack(std::uint32_t packed) {
  Group group;
  group.claim = static_cast<Claim>(packed >> 30);
  group.priority = static_cast<std::int32_t>(packed >> 26 & 15);
  group.interval = static_cast<std::int32_t>(packed >> 16 & 31);
  group.kind = static_cast<std::int32_t>(packed >> 1 & 0x7FFF);
  group.tail = (packed & 1) != 0;
  return group;
}

SessionAwarePolicy::SessionAwarePolicy(std::int32_t blocks, const BlockTree& tree)
    : tree_(tree),
      entries_(static_cast<std::size_t>(blocks)),
      leaves_(blocks),
      losses_(static_cast<std::size_t>(blocks)) {
  heap_.reserve(kCandidates);
}

void SessionAwarePolicy::Insert(BlockIndex block, absl::Duration now) {
  At(block) = Entry{};
  At(block).inserted = now;
  At(block).last_shared = now;
}

void SessionAwarePolicy::Access(BlockIndex block, absl::Duration now) {
  At(block).last_access = now;
  At(block).accessed = true;
}

std::int32_t SessionAwarePolicy::IntervalOf(BlockIndex block) const {
  const Entry& it = At(block);
  if (it.shared == 0) return 0;
  const absl::Duration mean = (it.last_shared - it.inserted) / it.shared;
  return 1 + std::min(ReturnForecast::AgeOf(mean) / 2, kIntervals - 1);
}

SessionAwarePolicy::Listing SessionAwarePolicy::Inherited(BlockIndex parent,
                                                          const Listing& child) const {
  Listing heir = child;
  heir.group.tail = false;
  heir.group.interval = IntervalOf(parent);
  if (heir.group.claim != Claim::kHinted) heir.time = At(parent).since;
  return heir;
}

SessionAwarePolicy::Listing SessionAwarePolicy::Better(const Listing& a, const Listing& b,
                                                       absl::Duration now) const {
  return SessionScore(b, now) > SessionScore(a, now) ? b : a;
}

SessionAwarePolicy::Listing SessionAwarePolicy::ListingOf(BlockIndex block, const Listing* heir,
                                                          absl::Duration now) const {
  const BlockFacts facts = tree_.Facts(block);
  const Entry& it = At(block);
  Listing own;
  own.time = it.since;
  own.group.interval = IntervalOf(block);
  own.group.priority = std::clamp(facts.priority / 10, 0, 10);
  if (facts.sessions == 0) {
    // What is nobody's tail any more is rarely found again; nor is the inside of a chain but
    // through what continued it.
    own.group.claim = it.was_tail ? Claim::kNone : Claim::kContent;
    return heir != nullptr ? *heir : own;
  }
  if (facts.outlook == SessionOutlook::kClosed) {
    own.group.claim = Claim::kNone;
  } else {
    const ReturnForecast::Observed last = forecast_.Last(facts.session);
    own.group.claim = Claim::kSession;
    own.group.kind = last.kind;
    own.group.tail = last.known && last.tail == block;
    if (facts.expected_return < absl::InfiniteDuration()) {
      const absl::Duration wait = facts.expected_return - it.since;
      const absl::Duration end =
          facts.expected_return + std::max(wait * kHintGrace, kHintGraceMin);
      if (end > now) {
        own.group = Group{Claim::kHinted, 0, false, 0, own.group.priority};
        own.time = -end;
      }
    }
  }
  return heir != nullptr ? Better(own, *heir, now) : own;
}

void SessionAwarePolicy::List(BlockIndex block, absl::Duration now) {
  const Entry& it = At(block);
  const Listing listing = ListingOf(block, it.has_heir ? &it.heir : nullptr, now);
  leaves_.Add(block, listing.group.Pack(), listing.time);
}

void SessionAwarePolicy::Unlist(BlockIndex block) {
  if (leaves_.Holds(block)) leaves_.Remove(block);
}

void SessionAwarePolicy::ExpireHints(absl::Duration now) {
  last_event_ = now;
  Group hinted;
  hinted.claim = Claim::kHinted;
  for (hinted.priority = 0; hinted.priority <= 10; ++hinted.priority) {
    BlockIndex block = leaves_.FirstFrom(hinted.Pack());
    if (block == kNoBlock) return;
    hinted.priority = Group::Unpack(leaves_.GroupOf(block)).priority;
    const std::uint32_t group = hinted.Pack();
    for (block = leaves_.FirstAfter(group, -now - absl::Nanoseconds(1));
         block != kNoBlock && leaves_.GroupOf(block) == group;
         block = leaves_.FirstAfter(group, -now - absl::Nanoseconds(1))) {
      Unlist(block);
      At(block).has_heir = false;
      List(block, now);
    }
  }
}

void SessionAwarePolicy::Learn(BlockIndex tail, const BlockFacts& facts, absl::Duration now) {
  const ReturnForecast::Observed last = forecast_.Last(facts.session);
  if (last.known && facts.turns <= last.turns) return;  // a turn that came to nothing
  if (last.known) {
    const Entry& before = At(last.tail);
    if (before.was_tail && before.inserted <= last.at) {  // it is still that block
      tails_ += 1;
      if (before.last_access > last.at) tails_used_ += 1;
      if (leaves_.Holds(last.tail)) Changed(last.tail, now);
    }
  }
  forecast_.TurnEnded(facts.session, facts.turns, tree_.Depth(tail) + 1,
                      facts.outlook == SessionOutlook::kAwaitingTool, tail, now);
  At(tail).was_tail = true;
}

void SessionAwarePolicy::Evictable(BlockIndex block, absl::Duration now) {
  ExpireHints(now);
  Entry& it = At(block);
  PINTLE_CHECK(!it.evictable, "Evictable and Protected alternate");
  if (block != path_next_) {
    const BlockFacts facts = tree_.Facts(block);
    path_fresh_ = facts.turns <= 1;
    if (facts.session != 0) Learn(block, facts, now);
  }
  path_next_ = tree_.Parent(block);
  if (it.accessed && path_fresh_) {
    ++it.shared;
    it.last_shared = now;
  }
  it.accessed = false;
  it.has_heir = false;
  it.evictable = true;
  it.since = now;
  if (tree_.Children(block) == 0) List(block, now);
}

void SessionAwarePolicy::Protected(BlockIndex block) {
  PINTLE_CHECK(At(block).evictable, "Evictable and Protected alternate");
  Unlist(block);
  At(block).evictable = false;
}

void SessionAwarePolicy::Changed(BlockIndex block, absl::Duration now) {
  ExpireHints(now);
  const BlockFacts facts = tree_.Facts(block);
  if (facts.session != 0) {
    forecast_.Retell(facts.session, facts.outlook == SessionOutlook::kAwaitingTool);
  }
  At(block).has_heir = false;  // the cache knows by now whose the block is
  if (!leaves_.Holds(block)) return;
  Unlist(block);
  List(block, now);
}

void SessionAwarePolicy::Erase(BlockIndex block) {
  const BlockIndex parent = tree_.Parent(block);
  if (parent != kNoBlock && At(parent).evictable) {
    Entry& it = At(parent);
    if (leaves_.Holds(block)) {
      const Listing left = Inherited(parent, Listed(block));
      it.heir = it.has_heir ? Better(it.heir, left, last_event_) : left;
      it.has_heir = true;
    }
    if (tree_.Children(parent) == 1 && !leaves_.Holds(parent)) List(parent, last_event_);
  }
  Unlist(block);
  At(block) = Entry{};
}

SessionAwarePolicy::Listing SessionAwarePolicy::Listed(BlockIndex block) const {
  return Listing{Group::Unpack(leaves_.GroupOf(block)), leaves_.TimeOf(block)};
}

double SessionAwarePolicy::SessionScore(const Listing& listing, absl::Duration now) const {
  const Group& group = listing.group;
  const bool hinted = group.claim == Claim::kHinted;
  const int age = ReturnForecast::AgeOf((hinted ? -now : now) - listing.time);
  const double seconds = absl::ToDoubleSeconds(ReturnForecast::YoungestOf(age));
  double score = 0;
  switch (group.claim) {
    case Claim::kNone:
      return kNobodysScore / (kNearSeconds + seconds);
    case Claim::kContent:
      score = kContentChance / (kNearSeconds + seconds);
      break;
    case Claim::kSession:
      score = forecast_.Worth(group.kind, age) *
              (group.tail ? (tails_used_ + kTailPrior) / (tails_ + kTailPrior) : 1);
      break;
    case Claim::kHinted:
      score = kHintChance / (kNearSeconds + seconds);
      break;
  }
  return score * std::exp2((group.priority - 5) * 0.8);
}

double SessionAwarePolicy::Score(const Listing& listing, absl::Duration now) const {
  const double session = SessionScore(listing, now);
  const std::int32_t interval = listing.group.interval;
  if (interval == 0) return session;
  const int age = ReturnForecast::AgeOf(now - listing.time);
  const double mean = absl::ToDoubleSeconds(ReturnForecast::YoungestOf((interval - 1) * 2));
  return session + 1 / (kNearSeconds + mean +
                        absl::ToDoubleSeconds(ReturnForecast::YoungestOf(age)));
}

bool SessionAwarePolicy::Later(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.group != b.group) return a.group > b.group;
  if (a.time != b.time) return a.time > b.time;
  return a.block > b.block;
}

SessionAwarePolicy::Candidate SessionAwarePolicy::CandidateOf(BlockIndex block,
                                                              const Listing& listing,
                                                              absl::Duration now) const {
  return Candidate{Score(listing, now), listing.group.Pack(), listing.time, block, listing, false};
}

void SessionAwarePolicy::Push(const Candidate& candidate) const {
  heap_.push_back(candidate);
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

BlockIndex SessionAwarePolicy::FirstOffered(BlockIndex block, std::uint32_t group, int age,
                                            absl::Duration now, Offer offer) const {
  const bool hinted = Group::Unpack(group).claim == Claim::kHinted;
  for (; block != kNoBlock && leaves_.GroupOf(block) == group; block = leaves_.Next(block)) {
    if (ReturnForecast::AgeOf((hinted ? -now : now) - leaves_.TimeOf(block)) != age) break;
    if (offer(block)) return block;
  }
  return kNoBlock;
}

void SessionAwarePolicy::PushLeaves(absl::Duration now, Offer offer) const {
  for (BlockIndex block = leaves_.FirstFrom(0); block != kNoBlock;) {
    const std::uint32_t group = leaves_.GroupOf(block);
    const absl::Duration origin = Group::Unpack(group).claim == Claim::kHinted ? -now : now;
    const absl::Duration distance = origin - leaves_.TimeOf(block);
    if (origin < absl::ZeroDuration() && distance <= absl::ZeroDuration()) {
      // A hint that ended since the last event is what it will be listed as.
      if (offer(block)) {
        Candidate it = CandidateOf(block, ListingOf(block, nullptr, now), now);
        it.alone = true;
        Push(it);
      }
      block = leaves_.Next(block);
      continue;
    }
    const int age = ReturnForecast::AgeOf(distance);
    const BlockIndex first = FirstOffered(block, group, age, now, offer);
    if (first != kNoBlock) Push(CandidateOf(first, Listed(first), now));
    // Past all of this age: what is younger, or nearer, starts just below its youngest.
    absl::Duration last = origin - ReturnForecast::YoungestOf(age);
    if (origin < absl::ZeroDuration() && age == 0) last -= absl::Nanoseconds(1);
    block = leaves_.FirstAfter(group, last);
  }
}

void SessionAwarePolicy::JoinParent(const Candidate& gone, absl::Duration now,
                                    Offer offer) const {
  const BlockIndex parent = tree_.Parent(gone.block);
  if (parent == kNoBlock) return;
  Loss& loss = losses_[static_cast<std::size_t>(parent)];
  const Entry& it = At(parent);
  if (loss.children == 0 && it.has_heir) {
    loss.heir = it.heir;
    loss.has_heir = true;
  }
  const Listing left = Inherited(parent, gone.listing);
  loss.heir = loss.has_heir ? Better(loss.heir, left, now) : left;
  loss.has_heir = true;
  if (++loss.children < tree_.Children(parent) || !it.evictable || !offer(parent)) return;
  Candidate candidate = CandidateOf(parent, ListingOf(parent, &loss.heir, now), now);
  candidate.alone = true;
  Push(candidate);
}

void SessionAwarePolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                                 std::vector<Victim>* victims) const {
  if (n <= 0) return;
  const std::size_t before = victims->size();
  heap_.clear();
  PushLeaves(now, offer);
  for (; n > 0 && !heap_.empty(); --n) {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Candidate it = heap_.back();
    heap_.pop_back();
    victims->push_back(Victim{it.block, it.score});
    if (!it.alone) {
      const absl::Duration origin = it.listing.group.claim == Claim::kHinted ? -now : now;
      const BlockIndex next =
          FirstOffered(leaves_.Next(it.block), it.group, ReturnForecast::AgeOf(origin - it.time),
                       now, offer);
      if (next != kNoBlock) Push(CandidateOf(next, Listed(next), now));
    }
    JoinParent(it, now, offer);
  }
  for (std::size_t i = before; i < victims->size(); ++i) {
    const BlockIndex parent = tree_.Parent((*victims)[i].block);
    if (parent != kNoBlock) losses_[static_cast<std::size_t>(parent)] = Loss{};
  }
}

void SessionAwarePolicy::Commit(absl::Span<const Victim> /*victims*/, absl::Duration now) {
  ExpireHints(now);
}

absl::Status SessionAwarePolicy::CheckInvariants() const {
  if (!leaves_.Sound()) return absl::InternalError("session_aware: the order is broken");
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto block = static_cast<BlockIndex>(i);
    const bool leaf = entries_[i].evictable && tree_.Children(block) == 0;
    if (leaves_.Holds(block) != leaf) {
      return absl::InternalError("session_aware: a leaf is not listed, or what is no leaf is");
    }
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

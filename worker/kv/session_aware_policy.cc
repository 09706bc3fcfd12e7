// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/session_aware_policy.h"

#include <algorithm>
#include <cmath>

#include "contract/check.h"

namespace pintle::kv {
namespace {

constexpr std::int32_t kIntervals = 31;

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
      children_gone_(static_cast<std::size_t>(blocks), 0),
      inherited_(static_cast<std::size_t>(blocks), 0) {
  heap_.reserve(4096);
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
  const double mean = absl::ToDoubleSeconds(it.last_shared - it.inserted) / it.shared;
  return 1 + std::min(ReturnForecast::AgeOf(absl::Seconds(mean)) / 2 * 1, kIntervals - 1);
}

SessionAwarePolicy::Group SessionAwarePolicy::GroupOf(BlockIndex block,
                                                      absl::Duration* time) const {
  const BlockFacts facts = tree_.Facts(block);
  const Entry& it = At(block);
  Group group;
  group.interval = IntervalOf(block);
  group.priority = std::clamp(facts.priority / 10, 0, 10);
  *time = it.since;
  if (facts.sessions == 0) {
    group.claim = it.was_tail ? Claim::kNone : Claim::kContent;
  } else if (facts.outlook == SessionOutlook::kClosed) {
    group.claim = Claim::kNone;
  } else {
    const ReturnForecast::Observed last = forecast_.Last(facts.session);
    group.claim = Claim::kSession;
    group.kind = last.kind;
    group.tail = last.known && last.tail == block;
    if (facts.expected_return < absl::InfiniteDuration() ) {
      group.claim = Claim::kHinted;
      group.tail = false;
      *time = -facts.expected_return;
    }
  }
  return group;
}

void SessionAwarePolicy::List(BlockIndex block) {
  absl::Duration time;
  const Group group = GroupOf(block, &time);
  leaves_.Add(block, group.Pack(), time);
}

void SessionAwarePolicy::Unlist(BlockIndex block) {
  if (leaves_.Holds(block)) leaves_.Remove(block);
}

void SessionAwarePolicy::Learn(BlockIndex tail, const BlockFacts& facts, absl::Duration now) {
  const ReturnForecast::Observed last = forecast_.Last(facts.session);
  if (last.known && facts.turns <= last.turns) return;  // a turn that came to nothing
  if (last.known && last.tail != kNoBlock) {
    // The old tail, if the block still is one.
    const Entry& it = At(last.tail);
    if (it.was_tail && it.inserted <= last.at) {
      tails_ += 1;
      if (it.last_access > last.at) tails_used_ += 1;
      if (leaves_.Holds(last.tail)) {
        Unlist(last.tail);
        List(last.tail);
      }
    }
  }
  forecast_.TurnEnded(facts.session, facts.turns, tree_.Depth(tail) + 1,
                      facts.outlook == SessionOutlook::kAwaitingTool, tail, now);
  At(tail).was_tail = true;
}

void SessionAwarePolicy::Evictable(BlockIndex block, absl::Duration now) {
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
  it.evictable = true;
  it.since = now;
  if (tree_.Children(block) == 0) List(block);
}

void SessionAwarePolicy::Protected(BlockIndex block) {
  PINTLE_CHECK(At(block).evictable, "Evictable and Protected alternate");
  Unlist(block);
  At(block).evictable = false;
}

void SessionAwarePolicy::Changed(BlockIndex block, absl::Duration /*now*/) {
  if (!leaves_.Holds(block)) return;
  Unlist(block);
  List(block);
}

void SessionAwarePolicy::Erase(BlockIndex block) {
  Unlist(block);
  At(block) = Entry{};
  const BlockIndex parent = tree_.Parent(block);
  if (parent == kNoBlock || !At(parent).evictable) return;
  if (tree_.Children(parent) == 1 && !leaves_.Holds(parent)) List(parent);
}

double SessionAwarePolicy::SessionScore(const Group& group, int age) const {
  double score = 1e-9;
  switch (group.claim) {
    case Claim::kNone:
      return score / (1 + age);
    case Claim::kContent:
      score = 0.02 / (1 + absl::ToDoubleSeconds(ReturnForecast::YoungestOf(age)));
      break;
    case Claim::kSession:
      score = forecast_.Worth(group.kind, age);
      break;
    case Claim::kHinted:
      score = 0.8 / (1 + absl::ToDoubleSeconds(ReturnForecast::YoungestOf(age)));
      break;
  }
  return score * std::exp2((group.priority - 5) / 1.25);
}

double SessionAwarePolicy::ContentScore(std::int32_t interval, absl::Duration idle) const {
  if (interval == 0) return 0;
  const double mean = absl::ToDoubleSeconds(ReturnForecast::YoungestOf((interval - 1) * 2));
  return 1 / (0.5 + mean + absl::ToDoubleSeconds(idle));
}

void SessionAwarePolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                                 std::vector<Victim>* victims) const {
  const auto later = [](const Candidate& a, const Candidate& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.block > b.block;
  };
  const auto push = [&](const Candidate& candidate) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(), later);
  };
  const double tail_factor = TailFactor();
  // The leaf `block` as candidate, speaking for the rest of its group and age.
  const auto leaf = [&](BlockIndex block) {
    const Group group = Group::Unpack(leaves_.GroupOf(block));
    const bool hinted = group.claim == Claim::kHinted;
    const absl::Duration idle = (hinted ? -now : now) - leaves_.TimeOf(block);
    const int age = ReturnForecast::AgeOf(idle);
    const double session = SessionScore(group, age);
    const double content = ContentScore(group.interval, ReturnForecast::YoungestOf(age));
    return Candidate{session * (group.tail ? tail_factor : 1) + content, block, age, session};
  };
  const auto same = [&](BlockIndex block, BlockIndex next, int age) {
    if (next == kNoBlock || leaves_.GroupOf(next) != leaves_.GroupOf(block)) return false;
    const bool hinted = Group::Unpack(leaves_.GroupOf(block)).claim == Claim::kHinted;
    return ReturnForecast::AgeOf((hinted ? -now : now) - leaves_.TimeOf(next)) == age;
  };
  const auto next_offered = [&](BlockIndex block, int age) {
    // The first on offer of the same group and age.
    BlockIndex next = leaves_.Next(block);
    while (same(block, next, age) && !offer(next)) next = leaves_.Next(next);
    return same(block, next, age) ? next : kNoBlock;
  };
  const std::size_t before = victims->size();
  for (BlockIndex block = leaves_.FirstFrom(0); block != kNoBlock;) {
    const Candidate it = leaf(block);
    if (offer(block)) {
      push(it);
    } else if (const BlockIndex next = next_offered(block, it.age); next != kNoBlock) {
      push(leaf(next));
    }
    const std::uint32_t packed = leaves_.GroupOf(block);
    const bool hinted = Group::Unpack(packed).claim == Claim::kHinted;
    block = leaves_.FirstAfter(packed, (hinted ? -now : now) - ReturnForecast::YoungestOf(it.age));
  }
  while (n > 0 && !heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Candidate it = heap_.back();
    heap_.pop_back();
    victims->push_back(Victim{it.block, it.score});
    --n;
    const BlockIndex parent = tree_.Parent(it.block);
    if (parent != kNoBlock) {
      const auto p = static_cast<std::size_t>(parent);
      inherited_[p] = std::max(inherited_[p], it.session_score);
      if (++children_gone_[p] == tree_.Children(parent) && At(parent).evictable && offer(parent)) {
        absl::Duration time;
        const Group group = GroupOf(parent, &time);
        double session = inherited_[p];
        if (group.claim == Claim::kSession) {
          session = std::max(session, SessionScore(group, ReturnForecast::AgeOf(now - time)));
        }
        const double content = ContentScore(group.interval, now - At(parent).since);
        push(Candidate{std::max(it.score, session + content), parent, -1, session});
      }
    }
    if (it.age >= 0) {
      const BlockIndex next = next_offered(it.block, it.age);
      if (next != kNoBlock) push(leaf(next));
    }
  }
  heap_.clear();
  for (std::size_t i = before; i < victims->size(); ++i) {
    const BlockIndex parent = tree_.Parent((*victims)[i].block);
    if (parent == kNoBlock) continue;
    children_gone_[static_cast<std::size_t>(parent)] = 0;
    inherited_[static_cast<std::size_t>(parent)] = 0;
  }
}

void SessionAwarePolicy::Commit(absl::Span<const Victim> /*victims*/, absl::Duration /*now*/) {}

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

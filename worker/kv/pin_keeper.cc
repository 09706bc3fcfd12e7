// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/pin_keeper.h"

#include <algorithm>
#include <utility>

#include "contract/check.h"

namespace pintle::kv {
namespace {

// Whether `pin` had to be cut to what the contract allows.
bool Clip(Pin* pin, absl::Duration* lease) {
  bool clipped = false;
  const auto cut = [&clipped](absl::Duration* time) {
    if (*time <= limits::kLeaseMax || *time == absl::InfiniteDuration()) return;
    *time = limits::kLeaseMax;
    clipped = true;
  };
  cut(lease);
  cut(&pin->ttl);
  for (PinRange& range : pin->ranges) cut(&range.ttl);
  if (pin->ranges.size() > limits::kPinRanges) {
    pin->ranges.resize(limits::kPinRanges);
    clipped = true;
  }
  return clipped;
}

}  // namespace

std::int32_t PinKeeper::BlocksFor(std::int64_t tokens) const {
  const std::int64_t width = holdings_.pool.block_tokens();
  return static_cast<std::int32_t>((tokens + width - 1) / width);
}

PinAnswer PinKeeper::Set(std::int32_t session, Pin pin, absl::Duration lease, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  PinAnswer answer;
  if (Clip(&pin, &lease)) answer.verdict = PinVerdict::kClipped;
  const bool guaranteed = pin.kind == PinKind::kGuaranteed;
  const std::int32_t blocks = guaranteed ? BlocksFor(pin.budget_tokens) : 0;
  const Position tokens = guaranteed ? pin.budget_tokens : 0;
  if (pins.funded > 0 && (!guaranteed || tokens < pins.budget_tokens)) {
    // The running turn was promised what it draws from.
    pins.next = std::move(pin);
    pins.lease = lease;
    return {PinVerdict::kDeferred, absl::OkStatus()};
  }
  answer.why = holdings_.budgets.Admit(LimitOf(session), tokens - pins.budget_tokens,
                                       blocks - pins.budget_blocks);
  if (!answer.why.ok()) {
    ++holdings_.stats.pin_rejections;
    answer.verdict = PinVerdict::kRejected;
    return answer;
  }
  pins.lease = lease;
  pins.next.reset();
  Apply(session, pin, now);
  if (pins.granted_blocks < blocks) {
    answer.verdict = PinVerdict::kDeferred;
  } else if (guaranteed && holdings_.sessions[session].held > tokens) {
    answer.verdict = PinVerdict::kClipped;
  }
  return answer;
}

PinAnswer PinKeeper::Renew(std::int32_t session, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  return Set(session, pins.next.value_or(pins.asked), pins.lease, now);
}

void PinKeeper::SetAside(std::int32_t session, Position tokens, std::int32_t blocks) {
  SessionPins& pins = PinsOf(session);
  holdings_.budgets.Guarantee(LimitOf(session), tokens - pins.budget_tokens,
                              blocks - pins.budget_blocks);
  pins.budget_tokens = tokens;
  pins.budget_blocks = blocks;
  pins.granted_blocks = std::min(pins.granted_blocks, blocks);
}

void PinKeeper::Apply(std::int32_t session, const Pin& pin, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  const bool guaranteed = pin.kind == PinKind::kGuaranteed;
  const std::int32_t blocks = guaranteed ? BlocksFor(pin.budget_tokens) : 0;
  SetAside(session, guaranteed ? pin.budget_tokens : 0, blocks);
  pins.asked = pin;
  pins.kind = pin.kind;
  pins.lapsed = KvReason::kCapacity;
  // Old marks leave only when the new ones weigh, so that nothing changes class in between.
  std::vector<PinMark> before = std::exchange(pins.marks, {});
  if (guaranteed) {
    pins.marks.push_back({.kind = PinKind::kGuaranteed,
                          .from = 0,
                          .to = blocks * holdings_.pool.block_tokens()});
    if (pins.granted_blocks < blocks) waiting_.push_back(session);
  }
  if (pin.kind == PinKind::kRetained) {
    std::vector<PinRange> ranges = pin.ranges;
    if (ranges.empty()) ranges.push_back({.priority = pin.priority, .ttl = pin.ttl});
    for (const PinRange& range : ranges) {
      pins.marks.push_back({.kind = PinKind::kRetained,
                            .from = range.from,
                            .to = range.to,
                            .priority = range.priority,
                            .ttl = range.ttl});
    }
  }
  StartTimers(session, now);
  Activate(now);
  holdings_.PlaceMarks(session, now);
  for (const PinMark& mark : before) {
    if (mark.block != kNoBlock) holdings_.DropMark(mark.block, mark.kind, now);
  }
  holdings_.sessions.Recount(session);
}

void PinKeeper::Activate(absl::Duration now) {
  while (!waiting_.empty()) {
    const std::int32_t session = waiting_.front();
    Session& it = holdings_.sessions[session];
    const bool waits = it.live && it.pins.granted_blocks < it.pins.budget_blocks;
    if (waits && holdings_.budgets.Crowded(LimitOf(session))) return;
    waiting_.pop_front();
    if (!waits) continue;
    it.pins.granted_blocks = it.pins.budget_blocks;
    holdings_.PlaceMarks(session, now);
  }
}

void PinKeeper::StartTimers(std::int32_t session, absl::Duration now) {
  Session& it = holdings_.sessions[session];
  SessionPins& pins = it.pins;
  const bool runs = it.running != -1;
  pins.expired = false;
  pins.lease_until = runs ? absl::InfiniteDuration() : now + pins.lease;
  absl::Duration first = pins.lease_until;
  for (PinMark& mark : pins.marks) {
    const bool own = mark.kind == PinKind::kRetained && mark.ttl > absl::ZeroDuration();
    mark.until = runs ? absl::InfiniteDuration() : own ? now + mark.ttl : pins.lease_until;
    first = std::min(first, mark.until);
  }
  heap_.Set(session, first);
}

void PinKeeper::Forget(std::int32_t session, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  PINTLE_CHECK(pins.funded == 0, "a session that a turn draws from is not forgotten");
  holdings_.ClearMarks(session, now);
  pins.kind = PinKind::kBestEffort;
  holdings_.PlaceGuard(session);
  SetAside(session, 0, 0);
  heap_.Remove(session);
  pins = SessionPins{};
  holdings_.sessions.Recount(session);
  Activate(now);
}

void PinKeeper::Suspend(std::int32_t session, std::int32_t blocks, std::int32_t kept,
                        absl::Duration now) {
  Session& it = holdings_.sessions[session];
  const std::int32_t chain = std::min(BlocksFor(it.held), it.pins.granted_blocks);
  const bool suspend = std::max(chain - kept, 0) + blocks > it.pins.granted_blocks;
  if (suspend == it.pins.suspended) return;
  it.pins.suspended = suspend;
  holdings_.PlaceMarks(session, now);
}

void PinKeeper::TurnBegan(std::int32_t session, std::int32_t blocks, std::int32_t kept,
                          absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  pins.lapsed = KvReason::kCapacity;
  StartTimers(session, now);
  if (blocks > 0) {
    ++pins.funded;
    Suspend(session, blocks, kept, now);
  }
  holdings_.sessions.Recount(session);
}

void PinKeeper::TurnRewound(std::int32_t session, std::int32_t blocks, std::int32_t kept,
                            absl::Duration now) {
  if (!PinsOf(session).suspended) Suspend(session, blocks, kept, now);
}

void PinKeeper::TurnEnded(std::int32_t session, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  pins.suspended = false;
  pins.forks = 0;
  StartTimers(session, now);
  holdings_.PlaceMarks(session, now);
  holdings_.sessions.Recount(session);
}

void PinKeeper::FundedEnded(std::int32_t session, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  PINTLE_CHECK(pins.funded > 0, "a budget is drawn from by whom it was given to");
  if (--pins.funded > 0) return;
  if (pins.next.has_value()) {
    // A change that waits asks for less than there is, so it is never refused.
    const Pin next = *std::exchange(pins.next, std::nullopt);
    Apply(session, next, now);
  } else if (pins.kind != PinKind::kGuaranteed) {
    SetAside(session, 0, 0);
    holdings_.sessions.Recount(session);
  }
  Activate(now);
}

void PinKeeper::Expire(absl::Duration now) {
  while (heap_.NextTime() <= now) ExpireSession(heap_.Next(), now);
  Activate(now);
}

void PinKeeper::ExpireSession(std::int32_t session, absl::Duration now) {
  SessionPins& pins = PinsOf(session);
  absl::Duration next = absl::InfiniteDuration();
  if (pins.lease_until <= now) {
    pins.lease_until = absl::InfiniteDuration();
    pins.expired = true;
    ++holdings_.stats.lease_expirations;
  } else {
    next = pins.lease_until;
  }
  std::vector<PinMark> live;
  std::vector<PinMark> ended = std::exchange(pins.marks, {});
  for (PinMark& mark : ended) {
    if (mark.until > now) {
      next = std::min(next, mark.until);
      live.push_back(std::exchange(mark, PinMark{}));
    } else if (mark.kind == PinKind::kGuaranteed) {
      pins.lapsed = KvReason::kLeaseExpired;
    } else {
      if (pins.lapsed == KvReason::kCapacity) pins.lapsed = KvReason::kTtlExpired;
      ++holdings_.stats.ttl_expirations;
    }
  }
  pins.marks = std::move(live);
  for (const PinMark& mark : ended) {
    if (mark.block != kNoBlock) holdings_.DropMark(mark.block, mark.kind, now);
  }
  if (pins.marks.empty() && pins.kind != PinKind::kBestEffort) {
    pins.kind = PinKind::kBestEffort;
    // Choices of its last turn may still draw from what is set aside.
    if (pins.funded == 0) SetAside(session, 0, 0);
    holdings_.PlaceGuard(session);
  }
  heap_.Set(session, next);
  holdings_.sessions.Recount(session);
}

}  // namespace pintle::kv

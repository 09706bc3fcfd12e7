// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/return_forecast.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace pintle::kv {
namespace {

constexpr double kFirstAgeSeconds = 0.5;
// Before anything is known a session comes back with equal chance in each step of age: its rate
// falls as 1 / age, which is LRU's order.
constexpr double kPriorChance = 0.03;
// The first step is wider than the second; at least the same rate.
constexpr double kPriorFirstChance = 0.1;
// A prior of one age's chance weighs as much as so many observed returns would.
constexpr double kPriorReturns = 6;
// How often a kind comes back at all, against what is expected of it, is judged by its whole count:
// what is expected weighs as so many returns. Few for turns, because conversations do end at the
// same turn and each day that one does not is a prompt's worth; many where kinds are fine, for
// there chance alone makes some that have never come back.
constexpr double kTurnReturns = 0.2;
constexpr double kAllReturns = 2;
constexpr double kFineReturns = 16;
constexpr double kChanceMin = 1e-6;
constexpr double kChanceMax = 0.9;
// Return times have no edges finer than a factor of two.
constexpr double kNeighbourWeight = 0.5;
// Worth is reckoned anew after each of the first turns, which teach much, later after each so many:
// it costs some ten microseconds, and half a microsecond for each kind asked for.
constexpr std::uint64_t kReckonEvery = 16;
constexpr std::uint64_t kFirstTurns = 64;
// What was seen counts half as much after so many turns, so that a workload may change.
constexpr std::uint64_t kHalveEvery = 16384;

int TurnKind(std::int32_t turns) {
  if (turns <= 12) return std::max(turns, 1) - 1;
  if (turns <= 16) return 12;
  return turns <= 32 ? 13 : 14;
}

int SizeKind(std::int32_t blocks) {
  const auto width = std::bit_width(static_cast<std::uint32_t>(std::max(blocks, 1) - 1));
  return std::min<int>(static_cast<int>(width), ReturnForecast::kSizeKinds - 1);
}

std::size_t U(int i) { return static_cast<std::size_t>(i); }

const std::array<double, ReturnForecast::kAges>& WidthsSeconds() {
  static const std::array<double, ReturnForecast::kAges> widths = [] {
    std::array<double, ReturnForecast::kAges> all{};
    for (int age = 0; age < ReturnForecast::kAges; ++age) {
      all[U(age)] = absl::ToDoubleSeconds(ReturnForecast::YoungestOf(age + 1) -
                                          ReturnForecast::YoungestOf(age));
    }
    return all;
  }();
  return widths;
}

}  // namespace

absl::Duration ReturnForecast::YoungestOf(int age) {
  if (age == 0) return absl::ZeroDuration();
  return absl::Seconds(kFirstAgeSeconds * std::exp2(0.5 * (age - 1)));
}

int ReturnForecast::AgeOf(absl::Duration idle) {
  const double seconds = absl::ToDoubleSeconds(idle);
  if (!(seconds >= kFirstAgeSeconds)) return 0;
  int age = 1 + static_cast<int>(2 * std::log2(seconds / kFirstAgeSeconds));
  age = std::min(age, kAges - 1);
  // The logarithm rounds: the steps themselves decide.
  if (idle < YoungestOf(age)) --age;
  if (age + 1 < kAges && idle >= YoungestOf(age + 1)) ++age;
  return age;
}

ReturnForecast::ReturnForecast()
    : ring_(kTurns), seen_(kKinds), seen_turns_(kTurnKinds * 2), seen_sizes_(kSizeKinds),
      chances_turns_(kTurnKinds * 2), chances_sizes_(kSizeKinds), worth_(kKinds) {
  by_session_.reserve(2 * kTurns);
  Reckon();
}

ReturnForecast::Observed ReturnForecast::Last(std::uint64_t session) const {
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return {};
  const Observation& it = At(found->second);
  return Observed{it.kind, true, it.turns, it.blocks, it.at, it.tail};
}

void ReturnForecast::Count(std::int32_t kind, int age, bool returned) {
  const int size = (kind / 2) % kSizeKinds;
  const int turn = (kind / 2) / kSizeKinds * 2 + kind % 2;
  for (Ages* ages : {&seen_[U(kind)], &seen_turns_[U(turn)], &seen_sizes_[U(size)], &seen_all_}) {
    ages->exposed[U(age)] += 1;
    if (returned) ages->returns[U(age)] += 1;
  }
}

void ReturnForecast::Advance(absl::Duration now) {
  const std::uint64_t oldest = next_ > kTurns ? next_ - kTurns : 0;
  for (int age = 0; age + 1 < kAges; ++age) {
    std::uint64_t& at = passed_[U(age)];
    at = std::max(at, oldest);
    const absl::Duration end = YoungestOf(age + 1);
    for (; at < next_ && now - At(at).at >= end; ++at) {
      if (At(at).open) Count(At(at).kind, age, false);
    }
  }
}

void ReturnForecast::TurnEnded(std::uint64_t session, std::int32_t turns, std::int32_t blocks,
                               bool tool, BlockIndex tail, absl::Duration now) {
  Advance(now);
  std::int32_t added = blocks;
  if (const auto found = by_session_.find(session); found != by_session_.end()) {
    Observation& before = At(found->second);
    Count(before.kind, AgeOf(now - before.at), true);
    before.open = false;
    added = std::max(blocks - before.blocks + 1, 1);
    by_session_.erase(found);
  } else if (turns > 1) {
    added = 1;
  }
  Observation& it = At(next_);
  if (next_ >= kTurns && it.open) by_session_.erase(it.session);
  it = Observation{session, now,
                   (TurnKind(turns) * kSizeKinds + SizeKind(added)) * 2 + (tool ? 1 : 0),
                   turns,   blocks, tail, true};
  by_session_.emplace(session, next_++);
  if (++since_halved_ >= kHalveEvery) Halve();
  ++since_reckoned_;
  if (since_reckoned_ >= std::min(kReckonEvery, 1 + next_ / kFirstTurns)) Reckon();
}

void ReturnForecast::Retell(std::uint64_t session, bool tool) {
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return;
  Observation& it = At(found->second);
  it.kind = it.kind / 2 * 2 + (tool ? 1 : 0);
}

void ReturnForecast::Halve() {
  since_halved_ = 0;
  const auto halve = [](Ages& ages) {
    for (double& count : ages.returns) count /= 2;
    for (double& count : ages.exposed) count /= 2;
  };
  for (auto* all : {&seen_, &seen_turns_, &seen_sizes_}) {
    std::for_each(all->begin(), all->end(), halve);
  }
  halve(seen_all_);
}

ReturnForecast::Chances ReturnForecast::Estimate(const Ages& seen, const Chances& prior,
                                                 double factor_returns) {
  double returns_all = factor_returns;
  double expected_all = factor_returns;
  for (std::size_t age = 0; age < kAges; ++age) {
    returns_all += seen.returns[age];
    expected_all += seen.exposed[age] * prior[age];
  }
  const double factor = returns_all / expected_all;
  Chances chances;
  for (int age = 0; age < kAges; ++age) {
    // What happens at an age happens at its neighbours: they count half.
    double returns = 0;
    double exposed = 0;
    for (int near = std::max(age - 1, 0); near <= std::min(age + 1, kAges - 1); ++near) {
      const double weight = near == age ? 1 : kNeighbourWeight;
      returns += weight * seen.returns[U(near)];
      exposed += weight * seen.exposed[U(near)];
    }
    const double expected = std::clamp(prior[U(age)] * factor, kChanceMin, kChanceMax);
    chances[U(age)] = (returns + kPriorReturns) / (exposed + kPriorReturns / expected);
  }
  return chances;
}

void ReturnForecast::WorthOf(const Chances& chances, std::array<double, kAges>& worth) {
  // Hits and seconds up to each age, from nothing: the best ratio from an age on is the slope of
  // the upper hull of what follows it.
  const std::array<double, kAges>& widths = WidthsSeconds();
  std::array<double, kAges + 1> hits;
  std::array<double, kAges + 1> seconds;
  hits[0] = seconds[0] = 0;
  double away = 1;
  for (int age = 0; age < kAges; ++age) {
    const double chance = chances[U(age)];
    hits[U(age) + 1] = hits[U(age)] + away * chance;
    seconds[U(age) + 1] = seconds[U(age)] + away * (1 - chance / 2) * widths[U(age)];
    away *= 1 - chance;
  }
  const auto slope = [&](int from, int to) {
    return (hits[U(to)] - hits[U(from)]) / (seconds[U(to)] - seconds[U(from)]);
  };
  std::array<int, kAges + 1> hull;  // the hull's points, the nearest last
  int size = 0;
  hull[U(size++)] = kAges;
  for (int age = kAges - 1; age >= 0; --age) {
    while (size > 1 && slope(age, hull[U(size - 1)]) <= slope(age, hull[U(size - 2)])) --size;
    worth[U(age)] = slope(age, hull[U(size - 1)]);
    hull[U(size++)] = age;
  }
}

void ReturnForecast::ReckonKind(std::int32_t kind, Reckoned& it) const {
  const Chances& turns = chances_turns_[U(kind / 2 / kSizeKinds * 2 + kind % 2)];
  const Chances& sizes = chances_sizes_[U(kind / 2 % kSizeKinds)];
  // What is expected of a kind seldom seen: both marginals at once, as if independent.
  Chances both;
  for (std::size_t age = 0; age < kAges; ++age) {
    both[age] = std::clamp(turns[age] * sizes[age] / chances_all_[age], kChanceMin, kChanceMax);
  }
  WorthOf(Estimate(seen_[U(kind)], both, kFineReturns), it.worth);
  it.version = version_;
}

void ReturnForecast::Reckon() {
  since_reckoned_ = 0;
  ++version_;
  Chances prior;
  prior.fill(kPriorChance);
  prior[0] = kPriorFirstChance;
  chances_all_ = Estimate(seen_all_, prior, kAllReturns);
  for (std::size_t size = 0; size < kSizeKinds; ++size) {
    chances_sizes_[size] = Estimate(seen_sizes_[size], chances_all_, kFineReturns);
  }
  // A turn seldom seen is expected to be as the one before it.
  for (std::size_t turn = 0; turn < kTurnKinds * 2; ++turn) {
    chances_turns_[turn] =
        Estimate(seen_turns_[turn], turn < 2 ? chances_all_ : chances_turns_[turn - 2],
                 kTurnReturns);
  }
}

}  // namespace pintle::kv

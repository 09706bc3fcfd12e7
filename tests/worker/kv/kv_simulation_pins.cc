// SPDX-License-Identifier: Apache-2.0
// The simulated callers that pin, renew and release, and what guarantees promise them.
#include "absl/strings/str_cat.h"
#include "tests/worker/kv/kv_simulation.h"

#define PINTLE_SIM_EXPECT(condition, ...)                                            \
  do {                                                                               \
    if (!(condition)) {                                                              \
      return absl::InternalError(absl::StrCat("not " #condition ": ", __VA_ARGS__)); \
    }                                                                                \
  } while (false)

namespace pintle::kv {

absl::Status KvSimulation::ChangePin() {
  const SessionKey key{TenantId(absl::StrCat("t", Pick(2))), SessionId(absl::StrCat("s", Pick(5)))};
  const std::int32_t pool = options_.blocks * options_.block_tokens;
  const KvStats before = cache_->Stats();
  const bool known = cache_->SessionStats(key).has_value();
  PinAnswer answer;
  if (Chance(20)) {
    answer = Chance(50) ? cache_->RenewPin(key, now_) : cache_->ReleasePin(key, now_);
    PINTLE_SIM_EXPECT((answer.verdict == PinVerdict::kMissing) == !known, key.session.value());
  } else {
    Pin pin;
    pin.kind = static_cast<PinKind>(Pick(3));
    pin.budget_tokens = 1 + Pick(pool / 2);
    pin.priority = Pick(101);
    pin.ttl = absl::Milliseconds(Pick(3) * Pick(4000));
    pin.resident = Chance(20);
    for (std::int32_t n = Chance(30) ? Pick(3) : 0; n > 0; --n) {
      const Position from = Pick(pool / 2);
      pin.ranges.push_back({from, from + 1 + Pick(pool / 2), Pick(101),
                            absl::Milliseconds(Pick(8000))});
    }
    answer = cache_->SetPin(key, pin, absl::Milliseconds(1 + Pick(20000)), now_);
    PINTLE_SIM_EXPECT(answer.verdict != PinVerdict::kMissing, key.session.value());
  }
  PINTLE_SIM_EXPECT((answer.verdict == PinVerdict::kRejected) == !answer.why.ok(),
                    answer.why.message());
  if (answer.verdict == PinVerdict::kRejected) {
    PINTLE_SIM_EXPECT(cache_->Stats().guaranteed_blocks == before.guaranteed_blocks,
                      "a refused pin changed something");
  }
  return absl::OkStatus();
}

absl::Status KvSimulation::CheckGuarantees() {
  for (std::int32_t i = 0; i < 10; ++i) {
    const SessionKey key{TenantId(absl::StrCat("t", i / 5)), SessionId(absl::StrCat("s", i % 5))};
    const auto stats = cache_->SessionStats(key);
    const bool guarded = stats.has_value() && stats->pin == PinKind::kGuaranteed &&
                         !stats->deferred && !stats->running &&
                         stats->held_tokens <= stats->budget_tokens;
    // What a tier below has damaged nobody can promise.
    const std::int64_t evicted =
        stats.has_value() ? EvictedOf(key) - stats->ledger.removed[At(KvReason::kDamaged)] : 0;
    const auto before = guarded_.find(key);
    if (guarded && before != guarded_.end()) {
      PINTLE_SIM_EXPECT(evicted == before->second, key.session.value(),
                        " lost KV that was guaranteed");
    }
    if (guarded) {
      guarded_[key] = evicted;
    } else {
      guarded_.erase(key);
    }
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

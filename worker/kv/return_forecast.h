// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_RETURN_FORECAST_H_
#define PINTLE_WORKER_KV_RETURN_FORECAST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "contract/ids.h"

namespace pintle::kv {

// Learns when sessions come back, and says what keeping a block of one is worth.
//
// Each finished turn opens an observation: of which kind the turn was (how many turns before, how
// much it added, whether a tool is awaited) and when it ended. The session's next turn closes it
// with the time it took, whether or not its blocks were still there; one that stays open is known
// not to have come back within its age. Life tables over ages in steps of a factor of sqrt(2) turn
// both into the chance of a return at each age, for each kind: a kind's factor over what was
// expected of it first, since that takes few observations, then its own ages.
//
// Thread: confined to the engine thread. Bounded: the last kTurns turns are observed. Allocates
// only when made. Fails: does not.
class ReturnForecast {
 public:
  // Turns observed at once. Whatever the pool's size, the chances are estimated from some
  // thousands of them; more would only remember an older workload.
  static constexpr std::size_t kTurns = 16384;
  // Ages up to half a second, then by sqrt(2) up to six days.
  static constexpr int kAges = 42;
  static constexpr int kTurnKinds = 15;  // 1 to 12, 13 to 16, 17 to 32, more
  static constexpr int kSizeKinds = 12;  // blocks added, by powers of two
  static constexpr int kKinds = kTurnKinds * kSizeKinds * 2;
  static constexpr int kUnknownKind = 0;  // a first turn of one block

  ReturnForecast();

  struct Observed {
    std::int32_t kind = kUnknownKind;
    bool known = false;
    std::int32_t turns = 0;
    std::int32_t blocks = 0;  // of the whole chain
    absl::Duration at = absl::ZeroDuration();
    BlockIndex tail = kNoBlock;
  };
  // What the last turn of the session was; `known` false when it was too long ago.
  Observed Last(std::uint64_t session) const;

  // A turn ended: its session has had `turns` and its chain is `blocks` long, ending in `tail`.
  void TurnEnded(std::uint64_t session, std::int32_t turns, std::int32_t blocks, bool tool,
                 BlockIndex tail, absl::Duration now);
  // The session said something that changes its kind.
  void Retell(std::uint64_t session, bool tool);
  // Observations that have grown older count as such.
  void Advance(absl::Duration now);

  // Hits a second to expect from a block of a session of `kind` that has been idle for `age`, as
  // long as keeping it is worth most: the Gittins index of the return time.
  double Worth(std::int32_t kind, int age) const {
    Reckoned& it = worth_[static_cast<std::size_t>(kind)];
    if (it.version != version_) ReckonKind(kind, it);
    return it.worth[static_cast<std::size_t>(age)];
  }

  static int AgeOf(absl::Duration idle);
  // The youngest idle time of that age.
  static absl::Duration YoungestOf(int age);

 private:
  struct Observation {
    std::uint64_t session = 0;
    absl::Duration at = absl::ZeroDuration();
    std::int32_t kind = 0;
    std::int32_t turns = 0;
    std::int32_t blocks = 0;
    BlockIndex tail = kNoBlock;
    bool open = false;
  };
  struct Ages {
    std::array<double, kAges> returns{};
    std::array<double, kAges> exposed{};
  };
  using Chances = std::array<double, kAges>;
  struct Reckoned {
    std::uint64_t version = 0;  // when this was reckoned; older is out of date
    std::array<double, kAges> worth{};
  };
  static Chances Estimate(const Ages& seen, const Chances& prior, double factor_returns);
  static void WorthOf(const Chances& chances, std::array<double, kAges>& worth);

  Observation& At(std::uint64_t number) { return ring_[number % kTurns]; }
  const Observation& At(std::uint64_t number) const { return ring_[number % kTurns]; }
  void Count(std::int32_t kind, int age, bool returned);
  void Halve();
  void Reckon();
  void ReckonKind(std::int32_t kind, Reckoned& it) const;

  std::vector<Observation> ring_;
  std::uint64_t next_ = 0;                     // number of the next observation
  std::array<std::uint64_t, kAges> passed_{};  // observations older than that age
  absl::flat_hash_map<std::uint64_t, std::uint64_t> by_session_;
  std::vector<Ages> seen_;
  std::vector<Ages> seen_turns_;
  std::vector<Ages> seen_sizes_;
  Ages seen_all_;
  // As last reckoned: of all, by turns and by sizes; of a kind when it is next asked for.
  Chances chances_all_{};
  std::vector<Chances> chances_turns_;
  std::vector<Chances> chances_sizes_;
  mutable std::vector<Reckoned> worth_;
  std::uint64_t version_ = 0;
  std::uint64_t since_reckoned_ = 0;
  std::uint64_t since_halved_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_RETURN_FORECAST_H_

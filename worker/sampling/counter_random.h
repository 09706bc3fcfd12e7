// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SAMPLING_COUNTER_RANDOM_H_
#define PINTLE_WORKER_SAMPLING_COUNTER_RANDOM_H_

#include <array>
#include <cstdint>

namespace pintle {

// Random numbers as a pure function of (seed, choice, index): a resumed, preempted or replayed
// stream draws exactly the numbers it drew the first time, whatever else ran in between.
// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
// (SC11): the seed is the key, (index, choice) the counter.
// Thread: immutable, safe anywhere. Never fails.
class CounterRandom {
 public:
  using Counter = std::array<std::uint32_t, 4>;
  using Key = std::array<std::uint32_t, 2>;

  explicit CounterRandom(std::uint64_t seed)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

  // Uniform in [0, 1) with 53 random bits.
  double Uniform(std::int32_t choice, std::int32_t index) const;

  // The bijection itself, public so that it can be held to the published test vectors.
  static Counter Philox4x32(Counter counter, Key key);

 private:
  Key key_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SAMPLING_COUNTER_RANDOM_H_

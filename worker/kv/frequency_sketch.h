// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_FREQUENCY_SKETCH_H_
#define PINTLE_WORKER_KV_FREQUENCY_SKETCH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pintle::kv {

// About how often contents were seen lately, evicted ones included: a count-min sketch of four rows
// whose counters stop at 15 and are halved every 10 x capacity sightings. Never too low but for the
// halving; too high when contents share all four counters.
// Thread: confined to one. Allocates only when made: 4 to 8 bytes per entry of the capacity.
// Costs: O(1), and 0.4 to 0.8 counters halved per sighting on average.
// After: Cormode and Muthukrishnan, J. Algorithms 55(1), 2005; aging as in TinyLFU.
class FrequencySketch {
 public:
  static constexpr std::int32_t kCountMax = 15;

  explicit FrequencySketch(std::int32_t capacity);

  void Add(std::uint64_t content);
  std::int32_t Count(std::uint64_t content) const;

 private:
  static constexpr std::size_t kRows = 4;
  std::size_t CellOf(std::size_t row, std::uint64_t content) const;

  std::size_t width_;  // a power of two
  std::vector<std::uint8_t> cells_;
  std::int64_t sightings_ = 0;  // since the last halving
  std::int64_t sightings_max_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_FREQUENCY_SKETCH_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_WEIGHT_ARENA_H_
#define PINTLE_WORKER_MODEL_CPU_WEIGHT_ARENA_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"

namespace pintle::model::cpu {

// One reserved stretch of address space on huge pages where the kernel grants them; pages cost
// memory when they are first written. Zeroed.
// Thread: Take is confined to one thread; the memory itself is the caller's to share.
// Owns the memory. Fails: Reserve returns RESOURCE_EXHAUSTED / POOL_FULL when the system refuses.
class WeightArena {
 public:
  static absl::StatusOr<std::unique_ptr<WeightArena>> Reserve(std::size_t bytes);
  ~WeightArena();
  WeightArena(const WeightArena&) = delete;
  WeightArena& operator=(const WeightArena&) = delete;

  // The next `bytes`, aligned to a cache line. Requires: they fit into the reservation.
  std::byte* Take(std::size_t bytes);
  std::byte* base() const { return base_; }
  std::size_t taken() const { return taken_; }

 private:
  WeightArena(std::byte* base, std::size_t bytes) : base_(base), bytes_(bytes) {}

  std::byte* const base_;
  const std::size_t bytes_;
  std::size_t taken_ = 0;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_WEIGHT_ARENA_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_MODEL_CPU_QUANTISED_BLOCKS_H_
#define PINTLE_TESTS_WORKER_MODEL_CPU_QUANTISED_BLOCKS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {

// Blocks of int8 keys and values of one sequence and head, stored by a table's kernels, what they
// hold, and plain attention over that.
class QuantisedBlocks {
 public:
  static constexpr std::int32_t kGroup = 3;
  static constexpr std::int32_t kPositions = 1203;  // three splits, the last of a chunk and a part
  static constexpr std::int32_t kBlocks = (kPositions + 31) / 32;

  static std::vector<float> Draw(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
  }

  QuantisedBlocks(const KernelTable& table, std::size_t dim)
      : dim_(dim),
        padded_((dim + 31) / 32 * 32),
        key_bytes_(32 * dim + 128),
        block_bytes_(key_bytes_ + 32 * padded_ + 128),
        table_(table),
        keys_(Draw(kPositions * dim, 5)),
        values_(Draw(kPositions * dim, 6)) {
    // 0xff is NaN as a scale: what was never written must not be seen.
    pool_.assign((kBlocks + 1) * block_bytes_, std::byte{0xff});
    for (std::int32_t b = 0; b < kBlocks; ++b) blocks_.push_back((b * 7 + 2) % (kBlocks + 1));
    q_.resize(kAttentionRows * dim);
    floats_.resize(kAttentionRows * (2 * kAttentionChunk + 2 * padded_ + kSoftmaxLanes + 4));
    scratch_.q = q_.data();
    scratch_.scores = floats_.data();
    scratch_.probabilities = floats_.data() + kAttentionRows * kAttentionChunk;
    scratch_.sums = floats_.data() + kAttentionRows * 2 * kAttentionChunk;
    scratch_.references = scratch_.sums + kAttentionRows * padded_;
    scratch_.totals = scratch_.references + kAttentionRows;
    scratch_.lanes = scratch_.totals + kAttentionRows;
    scratch_.later = scratch_.lanes + kAttentionRows * kSoftmaxLanes;
    for (std::int32_t p = 0; p < kPositions; ++p) {
      StoreKey(p, std::vector<float>(keys_.begin() + At(p), keys_.begin() + At(p + 1)));
      StoreValue(p, std::vector<float>(values_.begin() + At(p), values_.begin() + At(p + 1)));
    }
  }

  void StoreKey(std::int32_t position, const std::vector<float>& key) {
    std::copy(key.begin(), key.end(), keys_.begin() + At(position));
    table_.store_key(key.data(), Dim(), BlockOf(position), position % 32);
  }
  void StoreValue(std::int32_t position, const std::vector<float>& value) {
    std::copy(value.begin(), value.end(), values_.begin() + At(position));
    table_.store_value(value.data(), Dim(), BlockOf(position) + key_bytes_, position % 32);
  }

  // As they were stored.
  std::vector<float> Key(std::int32_t position) const {
    return {keys_.begin() + At(position), keys_.begin() + At(position + 1)};
  }
  std::vector<float> Value(std::int32_t position) const {
    return {values_.begin() + At(position), values_.begin() + At(position + 1)};
  }
  float Scale(std::int32_t position, bool value) const {
    float scale = 0.0F;
    std::memcpy(&scale,
                BlockOf(position) + (value ? key_bytes_ + 32 * padded_ : 32 * dim_) +
                    4 * static_cast<std::size_t>(position % 32),
                sizeof(scale));
    return scale;
  }
  // The whole numbers that a block has, `bias` taken off.
  std::vector<float> Held(std::int32_t position, bool value, int bias = 0) const {
    const std::byte* base = BlockOf(position) + (value ? key_bytes_ : 0);
    const auto token = static_cast<std::size_t>(position % 32);
    const auto n = static_cast<std::size_t>(table_.kv_neighbours);
    std::vector<float> held(dim_);
    for (std::size_t i = 0; i < dim_; ++i) {
      const std::size_t of_value = i / 32 * 1024 + token / n * n * 32 + n * (i % 32) + token % n;
      const std::size_t place = value ? of_value : i / n * n * 32 + n * token + i % n;
      const int byte = bias == 0 ? static_cast<int>(static_cast<std::int8_t>(base[place]))
                                 : static_cast<int>(base[place]) - bias;
      held[i] = static_cast<float>(byte) * Scale(position, value);
    }
    return held;
  }

  // Plain attention of one query over these keys and values, all positions after each other.
  std::vector<double> Attend(const std::vector<float>& q, std::int32_t position,
                             std::int32_t window, const std::vector<float>& keys,
                             const std::vector<float>& values) const {
    double total = 0.0;
    std::vector<double> sums(dim_);
    const std::int32_t first = window > 0 ? std::max(0, position - window + 1) : 0;
    for (std::int32_t p = first; p <= position; ++p) {
      const auto at = static_cast<std::size_t>(p) * dim_;
      double score = 0.0;
      for (std::size_t d = 0; d < dim_; ++d) score += static_cast<double>(q[d]) * keys[at + d];
      const double weight = std::exp(score * kScale);
      total += weight;
      for (std::size_t i = 0; i < dim_; ++i) sums[i] += weight * values[at + i];
    }
    for (double& sum : sums) sum /= total;
    return sums;
  }

  // The rows of `q` from position `start` on, in the heads of one group.
  AttentionTask TaskOf(const std::vector<float>& q, std::vector<float>& out, std::int32_t start,
                       std::int32_t window = 0) const {
    AttentionTask task;
    task.q = q.data();
    task.q_row_stride = task.out_row_stride = kGroup * dim_;
    task.q_head_stride = task.out_head_stride = dim_;
    task.out = out.data();
    task.pool = pool_.data();
    task.block_bytes = block_bytes_;
    task.value_offset = key_bytes_;
    task.table = blocks_.data();
    task.rows = static_cast<std::int32_t>(q.size() / dim_);
    task.start = start;
    task.group = kGroup;
    task.head_dim = Dim();
    task.padded_dim = static_cast<std::int32_t>(padded_);
    task.window = window;
    task.scale = kScale;
    return task;
  }
  std::vector<float> Run(const std::vector<float>& q, std::int32_t start, std::int32_t window = 0) {
    std::vector<float> out(q.size());
    table_.attend(TaskOf(q, out, start, window), scratch_);
    return out;
  }
  // The same in as many tasks as there are splits, in another order.
  std::vector<float> RunShared(const std::vector<float>& q, std::int32_t start) {
    std::vector<float> out(q.size());
    AttentionTask task = TaskOf(q, out, start);
    std::vector<float> partial(3 * static_cast<std::size_t>(task.rows) * (2 + padded_));
    task.partial = partial.data();
    for (const std::int32_t split : {2, 0, 1}) {
      task.split = split;
      table_.attend(task, scratch_);
    }
    table_.combine(task, 3);
    return out;
  }

 private:
  static constexpr float kScale = 0.125F;

  std::int32_t Dim() const { return static_cast<std::int32_t>(dim_); }
  std::ptrdiff_t At(std::int32_t position) const {
    return static_cast<std::ptrdiff_t>(position) * static_cast<std::ptrdiff_t>(dim_);
  }
  std::size_t OffsetOf(std::int32_t position) const {
    return static_cast<std::size_t>(blocks_[static_cast<std::size_t>(position / 32)]) *
           block_bytes_;
  }
  std::byte* BlockOf(std::int32_t position) { return pool_.data() + OffsetOf(position); }
  const std::byte* BlockOf(std::int32_t position) const {
    return pool_.data() + OffsetOf(position);
  }

  const std::size_t dim_;
  const std::size_t padded_;
  const std::size_t key_bytes_;
  const std::size_t block_bytes_;
  const KernelTable& table_;
  std::vector<float> keys_;
  std::vector<float> values_;
  std::vector<std::byte> pool_;
  std::vector<std::int32_t> blocks_;
  std::vector<float> q_;
  std::vector<float> floats_;
  AttentionScratch scratch_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_TESTS_WORKER_MODEL_CPU_QUANTISED_BLOCKS_H_

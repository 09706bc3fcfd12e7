// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_CPU_PAGED_ATTENTION_H_
#define PINTLE_WORKER_MODEL_CPU_CPU_PAGED_ATTENTION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/model/attention_backend.h"
#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/page_filler.h"
#include "worker/model/cpu/stage_shares.h"
#include "worker/model/cpu/weight_arena.h"
#include "worker/model/model_config.h"

namespace pintle::model::cpu {

// Paged attention on our kernels: blocks of 32 positions; a block holds [layer][KV head] {keys,
// values} in the panel layout, so that a block is one stretch of memory for tiers and export.
// Thread: Begin and Allocate on the engine thread; Store and Attend by every compute thread of a
// step, each for rows, heads and tasks of its own.
// Owns the block memory, which a thread of its own makes resident after Allocate, and each thread's
// scratch.
// Fails: Allocate returns RESOURCE_EXHAUSTED / POOL_FULL; everything else cannot.
class CpuPagedAttention final : public AttentionBackend {
 public:
  CpuPagedAttention(const ModelConfig& config, const KernelTable& kernels, Element kv, int threads);

  // The layout that an instance would have.
  static KvLayout LayoutOf(const ModelConfig& config, Element kv);
  KvLayout Layout() const override { return LayoutOf(config_, kv_); }
  std::int32_t Blocks() const override { return blocks_; }
  absl::Status Allocate(std::int32_t blocks) override;
  void Begin(const StepBatch& batch) override;
  absl::Status ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const override;
  absl::Status WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) override;
  absl::Status ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<std::byte> bytes) const override;
  absl::Status ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<const std::byte> bytes) override;

  // Write one row's key (rotated) or value of one head: apart, because two threads may have them.
  void StoreKey(std::int32_t layer, std::int32_t row, std::int32_t kv_head, const float* key);
  void StoreValue(std::int32_t layer, std::int32_t row, std::int32_t kv_head, const float* value);

  // Whether the row's value shares a pair of positions with that of the row before, so that one
  // thread has to store both, in order.
  bool SharesPair(std::int32_t row) const;

  // Addresses of a step's queries and outputs: floats in, activations out.
  struct Rows {
    const float* q = nullptr;
    std::size_t q_row_stride = 0;
    std::size_t q_head_stride = 0;
    std::byte* out = nullptr;
    std::size_t out_row_stride = 0;  // in elements
    std::size_t out_head_stride = 0;
    std::size_t out_element_bytes = 4;
  };
  // Runs this thread's part of the layer, a stage of `shares`. Requires: all rows' Store calls
  // happened before.
  void Attend(std::int32_t layer, int thread, const Rows& rows, StageShares& shares) const;

  Position RowPosition(std::int32_t row) const {
    return rows_[static_cast<std::size_t>(row)].position;
  }

 private:
  struct RowPlace {
    Position position = 0;
    BlockIndex block = kNoBlock;
  };
  struct Task {
    std::int32_t slice = 0;
    std::int32_t kv_head = 0;
    std::int32_t first_row = 0;  // flattened (kernel_table.h)
    std::int32_t rows = 0;
    // >= 0: one split of several; the last of them to end combines all.
    std::int32_t split = -1;
    std::int32_t splits = 1;
    std::int32_t group = 0;        // index of their counter
    std::size_t partial = 0;       // offset of split 0 in partials_
  };

  // Appends the tasks of one slice's rows [first, first + rows) on one head.
  void AddTasks(const StepBatch& batch, const Task& whole);
  std::int64_t Cost(const StepBatch& batch, const Task& task) const;
  // The slice's first row's queries of the task's head.
  const float* QueriesOf(const Rows& rows, const Task& task) const;
  // tasks_[begin, end) by this thread; `task` has what they share.
  void RunTasks(std::int32_t layer, int thread, const Rows& rows, AttentionTask task,
                std::size_t begin, std::size_t end) const;
  void RunTask(const AttentionTask& task, const Task& mine, int thread) const;
  void PlanTasks(const StepBatch& batch);
  std::size_t HeadOffset(std::int32_t layer, std::int32_t kv_head) const;
  // Where an element of a head's keys or values lies: the panel layout of the kernels' stores.
  std::size_t KeyPlace(std::int32_t element, std::int32_t token) const;
  std::size_t ValuePlace(std::int32_t element, std::int32_t token) const;
  // Where the scale of a position's keys or values is. Requires: int8 KV.
  std::size_t ScalePlace(bool keys, std::int32_t token) const;
  // Between the pool and the neutral layout; T is the element's size as an unsigned integer.
  template <typename T>
  void ExportAs(BlockIndex block, std::int32_t first, std::int32_t count, T* out) const;
  template <typename T>
  void ImportAs(BlockIndex block, std::int32_t first, std::int32_t count, const T* in);
  // Where this head's keys of the row's block are.
  std::byte* KeysOf(std::int32_t layer, const RowPlace& place, std::int32_t kv_head) const;

  const ModelConfig& config_;
  const KernelTable& kernels_;
  const int threads_;
  const Element kv_;
  const std::size_t element_bytes_;
  const std::size_t scale_bytes_;  // behind a head's keys and behind its values
  const std::int32_t padded_dim_;
  const std::size_t key_bytes_;   // one head's keys of a block
  const std::size_t head_bytes_;  // its keys and values
  const std::size_t block_bytes_;
  std::int32_t blocks_ = 0;
  std::unique_ptr<WeightArena> pool_;
  std::unique_ptr<PageFiller> filler_;  // of the pool
  const StepBatch* batch_ = nullptr;
  std::vector<RowPlace> rows_;
  std::vector<Task> tasks_;
  std::vector<std::size_t> task_ends_;  // per thread
  // Of the split sequences: how many of a group's tasks have ended in this layer, and what they
  // found. Grow when a step needs more than any before it.
  std::unique_ptr<std::atomic<std::int32_t>[]> ended_;
  std::int32_t ended_capacity_ = 0;
  std::int32_t groups_ = 0;
  std::unique_ptr<float[]> partials_;
  std::size_t partials_capacity_ = 0;
  std::size_t partials_used_ = 0;
  std::unique_ptr<WeightArena> scratch_memory_;
  std::vector<AttentionScratch> scratch_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_CPU_PAGED_ATTENTION_H_

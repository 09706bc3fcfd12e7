// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/cpu_paged_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle::model::cpu {
namespace {

std::int32_t PadToPanel(std::int32_t n) {
  return (n + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
}

std::size_t KvBytes(Element kv) {
  if (kv == Element::kInt8) return 1;
  return kv == Element::kBfloat16 ? 2 : 4;
}

std::size_t ScaleBytes(Element kv) {
  return kv == Element::kInt8 ? kBlockTokens * sizeof(float) : 0;
}

}  // namespace

CpuPagedAttention::CpuPagedAttention(const ModelConfig& config, const KernelTable& kernels,
                                     Element kv, int threads)
    : config_(config),
      kernels_(kernels),
      threads_(threads),
      kv_(kv),
      element_bytes_(KvBytes(kv)),
      scale_bytes_(ScaleBytes(kv)),
      padded_dim_(PadToPanel(config.head_dim)),
      key_bytes_(static_cast<std::size_t>(config.head_dim) * kBlockTokens * element_bytes_ +
                 scale_bytes_),
      head_bytes_(key_bytes_ +
                  static_cast<std::size_t>(padded_dim_) * kBlockTokens * element_bytes_ +
                  scale_bytes_),
      block_bytes_(LayoutOf(config, kv).block_bytes) {
  task_ends_.resize(static_cast<std::size_t>(threads));
  const auto rows = static_cast<std::size_t>(kAttentionRows);
  const std::size_t per_thread = rows * static_cast<std::size_t>(config.head_dim) * 4 +
                                 rows * kAttentionChunk * 8 +
                                 rows * static_cast<std::size_t>(padded_dim_) * 8 +
                                 rows * kSoftmaxLanes * 4 + rows * 16 + 512;
  auto memory = WeightArena::Reserve(per_thread * static_cast<std::size_t>(threads) + 4096);
  PINTLE_CHECK(memory.ok(), "a few hundred KiB of scratch must be there at start");
  scratch_memory_ = *std::move(memory);
  for (int i = 0; i < threads; ++i) {
    AttentionScratch scratch;
    scratch.q = scratch_memory_->Take(rows * static_cast<std::size_t>(config.head_dim) * 4);
    scratch.scores = reinterpret_cast<float*>(scratch_memory_->Take(rows * kAttentionChunk * 4));
    scratch.probabilities = scratch_memory_->Take(rows * kAttentionChunk * 4);
    scratch.sums = reinterpret_cast<float*>(
        scratch_memory_->Take(rows * static_cast<std::size_t>(padded_dim_) * 4));
    scratch.references = reinterpret_cast<float*>(scratch_memory_->Take(rows * 4));
    scratch.totals = reinterpret_cast<float*>(scratch_memory_->Take(rows * 4));
    scratch.lanes = reinterpret_cast<float*>(scratch_memory_->Take(rows * kSoftmaxLanes * 4));
    scratch.later = reinterpret_cast<float*>(
        scratch_memory_->Take(rows * (static_cast<std::size_t>(padded_dim_) + 2) * 4));
    scratch_.push_back(scratch);
  }
}

KvLayout CpuPagedAttention::LayoutOf(const ModelConfig& config, Element kv) {
  const std::size_t element_bytes = KvBytes(kv);
  // In the neutral layout a row of bytes ends in its scale.
  const std::int32_t row =
      config.head_dim + (kv == Element::kInt8 ? static_cast<std::int32_t>(sizeof(float)) : 0);
  const auto heads =
      static_cast<std::size_t>(config.layers) * static_cast<std::size_t>(config.kv_heads);
  KvLayout layout;
  layout.block_tokens = kBlockTokens;
  // Values are panels of whole columns, keys are not.
  layout.block_bytes =
      heads * (static_cast<std::size_t>(kBlockTokens) * element_bytes *
                   static_cast<std::size_t>(config.head_dim + PadToPanel(config.head_dim)) +
               2 * ScaleBytes(kv));
  layout.bytes_per_token = 2 * heads * static_cast<std::size_t>(row) * element_bytes;
  layout.layers = config.layers;
  layout.kv_heads = config.kv_heads;
  layout.head_dim = row;
  layout.element_bytes = static_cast<std::int32_t>(element_bytes);
  return layout;
}

absl::Status CpuPagedAttention::Allocate(std::int32_t blocks) {
  PINTLE_CHECK(pool_ == nullptr && blocks > 0, "the pool is allocated once");
  PINTLE_ASSIGN_OR_RETURN(pool_,
                          WeightArena::Reserve(block_bytes_ * static_cast<std::size_t>(blocks)));
  blocks_ = blocks;
  filler_ = std::make_unique<PageFiller>(pool_->base(),
                                         block_bytes_ * static_cast<std::size_t>(blocks));
  return absl::OkStatus();
}

std::size_t CpuPagedAttention::HeadOffset(std::int32_t layer, std::int32_t kv_head) const {
  return (static_cast<std::size_t>(layer) * static_cast<std::size_t>(config_.kv_heads) +
          static_cast<std::size_t>(kv_head)) *
         head_bytes_;
}

void CpuPagedAttention::Begin(const StepBatch& batch) {
  batch_ = &batch;
  std::byte* base = pool_->base();
  for (const BlockCopy& copy : batch.copies) {
    std::memcpy(base + static_cast<std::size_t>(copy.target) * block_bytes_,
                base + static_cast<std::size_t>(copy.source) * block_bytes_, block_bytes_);
  }
  rows_.resize(batch.tokens.size());
  for (const SequenceSlice& slice : batch.slices) {
    for (std::int32_t i = 0; i < slice.rows; ++i) {
      const Position position = slice.start + i;
      rows_[static_cast<std::size_t>(slice.first_row + i)] = {
          position, slice.block_table[static_cast<std::size_t>(position / kBlockTokens)]};
    }
  }
  PlanTasks(batch);
}

std::int64_t CpuPagedAttention::Cost(const StepBatch& batch, const Task& task) const {
  const SequenceSlice& slice = batch.slices[static_cast<std::size_t>(task.slice)];
  const std::int32_t group = config_.heads / config_.kv_heads;
  std::int64_t positions = slice.start + (task.first_row + task.rows - 1) / group + 1;
  if (task.split >= 0) {
    positions = std::min<std::int64_t>(positions - std::int64_t{task.split} * kSplitTokens,
                                       kSplitTokens);
  }
  // A block costs about four rows' work to load, whatever the rows.
  return (positions + kBlockTokens - 1) / kBlockTokens * (task.rows + 4);
}

void CpuPagedAttention::AddTasks(const StepBatch& batch, const Task& whole) {
  const SequenceSlice& slice = batch.slices[static_cast<std::size_t>(whole.slice)];
  const std::int32_t splits = (slice.start + slice.rows - 1) / kSplitTokens + 1;
  const std::int32_t group = config_.heads / config_.kv_heads;
  // Only a slice that is a single task per head may leave a thread without work.
  if (threads_ == 1 || splits == 1 || slice.rows * group > kAttentionRows) {
    tasks_.push_back(whole);
    return;
  }
  Task part = whole;
  part.splits = splits;
  part.group = groups_++;
  part.partial = partials_used_;
  partials_used_ += static_cast<std::size_t>(splits) * static_cast<std::size_t>(whole.rows) *
                    static_cast<std::size_t>(padded_dim_ + 2);
  for (part.split = 0; part.split < splits; ++part.split) tasks_.push_back(part);
}

void CpuPagedAttention::PlanTasks(const StepBatch& batch) {
  tasks_.clear();
  groups_ = 0;
  partials_used_ = 0;
  const std::int32_t group = config_.heads / config_.kv_heads;
  for (std::size_t s = 0; s < batch.slices.size(); ++s) {
    const std::int32_t rows = batch.slices[s].rows * group;
    for (std::int32_t head = 0; head < config_.kv_heads; ++head) {
      for (std::int32_t first = 0; first < rows; first += kAttentionRows) {
        Task whole;
        whole.slice = static_cast<std::int32_t>(s);
        whole.kv_head = head;
        whole.first_row = first;
        whole.rows = std::min(kAttentionRows, rows - first);
        AddTasks(batch, whole);
      }
    }
  }
  if (groups_ > ended_capacity_) {
    ended_capacity_ = groups_;
    ended_ = std::make_unique<std::atomic<std::int32_t>[]>(static_cast<std::size_t>(groups_));
  }
  if (partials_used_ > partials_capacity_) {
    partials_capacity_ = partials_used_;
    partials_ = std::make_unique<float[]>(partials_used_);
  }
  std::int64_t total = 0;
  for (const Task& task : tasks_) total += Cost(batch, task);
  std::int64_t passed = 0;
  int thread = 0;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const std::int64_t weight = Cost(batch, tasks_[i]);
    // A task goes to the thread in whose share of the total its middle lies.
    while (thread + 1 < threads_ && (2 * passed + weight) * threads_ >= 2 * total * (thread + 1)) {
      task_ends_[static_cast<std::size_t>(thread++)] = i;
    }
    passed += weight;
  }
  while (thread < threads_) task_ends_[static_cast<std::size_t>(thread++)] = tasks_.size();
}

std::byte* CpuPagedAttention::KeysOf(std::int32_t layer, const RowPlace& place,
                                     std::int32_t kv_head) const {
  return pool_->base() + static_cast<std::size_t>(place.block) * block_bytes_ +
         HeadOffset(layer, kv_head);
}

void CpuPagedAttention::StoreKey(std::int32_t layer, std::int32_t row, std::int32_t kv_head,
                                 const float* key) {
  const RowPlace& place = rows_[static_cast<std::size_t>(row)];
  kernels_.store_key(key, config_.head_dim, KeysOf(layer, place, kv_head),
                     place.position % kBlockTokens);
}

void CpuPagedAttention::StoreValue(std::int32_t layer, std::int32_t row, std::int32_t kv_head,
                                   const float* value) {
  const RowPlace& place = rows_[static_cast<std::size_t>(row)];
  kernels_.store_value(value, config_.head_dim, KeysOf(layer, place, kv_head) + key_bytes_,
                       place.position % kBlockTokens);
}

bool CpuPagedAttention::SharesPair(std::int32_t row) const {
  if (row == 0) return false;
  const RowPlace& place = rows_[static_cast<std::size_t>(row)];
  const RowPlace& before = rows_[static_cast<std::size_t>(row - 1)];
  return place.position % 2 == 1 && before.block == place.block;
}

void CpuPagedAttention::Attend(std::int32_t layer, int thread, const Rows& rows,
                               StageShares& shares) const {
  AttentionTask task;
  task.q_row_stride = rows.q_row_stride;
  task.q_head_stride = rows.q_head_stride;
  task.out_row_stride = rows.out_row_stride;
  task.out_head_stride = rows.out_head_stride;
  task.block_bytes = block_bytes_;
  task.value_offset = key_bytes_;
  task.group = config_.heads / config_.kv_heads;
  task.head_dim = config_.head_dim;
  task.padded_dim = padded_dim_;
  task.window = config_.sliding_window;
  task.scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim));
  shares.Run(thread, task_ends_, [&](std::int32_t begin, std::int32_t end) {
    RunTasks(layer, thread, rows, task, static_cast<std::size_t>(begin),
             static_cast<std::size_t>(end));
  });
}

void CpuPagedAttention::RunTasks(std::int32_t layer, int thread, const Rows& rows,
                                 AttentionTask task, std::size_t begin, std::size_t end) const {
  for (std::size_t i = begin; i < end; ++i) {
    const Task& mine = tasks_[i];
    const SequenceSlice& slice = batch_->slices[static_cast<std::size_t>(mine.slice)];
    const auto row = static_cast<std::size_t>(slice.first_row);
    const std::size_t head =
        static_cast<std::size_t>(mine.kv_head) * static_cast<std::size_t>(task.group);
    task.q = QueriesOf(rows, mine);
    task.out = rows.out +
               (row * rows.out_row_stride + head * rows.out_head_stride) * rows.out_element_bytes;
    task.pool = pool_->base() + HeadOffset(layer, mine.kv_head);
    task.table = slice.block_table.data();
    task.first_row = mine.first_row;
    task.rows = mine.rows;
    task.start = slice.start;
    task.next_blocks = 0;
    task.next_q = nullptr;
    if (i + 1 < tasks_.size()) {
      const Task& next = tasks_[i + 1];
      const SequenceSlice& then = batch_->slices[static_cast<std::size_t>(next.slice)];
      const auto first = static_cast<std::size_t>(std::max(next.split, 0)) *
                         (kSplitTokens / kBlockTokens);
      task.next_pool = pool_->base() + HeadOffset(layer, next.kv_head);
      task.next_table = then.block_table.data() + first;
      task.next_blocks = static_cast<std::int32_t>(then.block_table.size() - first);
      if (next.rows >= task.rows) {
        task.next_q = QueriesOf(rows, next);
        task.next_first_row = next.first_row;
      }
    }
    RunTask(task, mine, thread);
  }
}

const float* CpuPagedAttention::QueriesOf(const Rows& rows, const Task& task) const {
  const SequenceSlice& slice = batch_->slices[static_cast<std::size_t>(task.slice)];
  const std::int32_t head = task.kv_head * (config_.heads / config_.kv_heads);
  return rows.q + static_cast<std::size_t>(slice.first_row) * rows.q_row_stride +
         static_cast<std::size_t>(head) * rows.q_head_stride;
}

void CpuPagedAttention::RunTask(const AttentionTask& task, const Task& mine, int thread) const {
  const AttentionScratch& scratch = scratch_[static_cast<std::size_t>(thread)];
  if (mine.split < 0) {
    kernels_.attend(task, scratch);
    return;
  }
  AttentionTask part = task;
  part.partial = partials_.get() + mine.partial;
  part.split = mine.split;
  kernels_.attend(part, scratch);
  // The counter orders the others' sums before the combination, and is 0 again for the next layer.
  std::atomic<std::int32_t>& ended = ended_[static_cast<std::size_t>(mine.group)];
  if (ended.fetch_add(1, std::memory_order_acq_rel) + 1 < mine.splits) return;
  ended.store(0, std::memory_order_relaxed);
  kernels_.combine(part, mine.splits);
}

absl::Status CpuPagedAttention::ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const {
  PINTLE_CHECK(block >= 0 && block < blocks_ && bytes.size() == block_bytes_, "one whole block");
  std::memcpy(bytes.data(), pool_->base() + static_cast<std::size_t>(block) * block_bytes_,
              block_bytes_);
  return absl::OkStatus();
}

absl::Status CpuPagedAttention::WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) {
  PINTLE_CHECK(block >= 0 && block < blocks_ && bytes.size() == block_bytes_, "one whole block");
  std::memcpy(pool_->base() + static_cast<std::size_t>(block) * block_bytes_, bytes.data(),
              block_bytes_);
  return absl::OkStatus();
}

std::size_t CpuPagedAttention::KeyPlace(std::int32_t element, std::int32_t token) const {
  const std::int32_t n = kernels_.kv_neighbours;
  return static_cast<std::size_t>(element / n * n * kBlockTokens + n * token + element % n);
}

std::size_t CpuPagedAttention::ValuePlace(std::int32_t element, std::int32_t token) const {
  const std::int32_t panel = element / kPanelColumns * kPanelColumns * kBlockTokens;
  const std::int32_t column = element % kPanelColumns;
  const std::int32_t n = kernels_.kv_neighbours;
  const std::int32_t place = token / n * n * kPanelColumns + n * column + token % n;
  return static_cast<std::size_t>(panel + place);
}

std::size_t CpuPagedAttention::ScalePlace(bool keys, std::int32_t token) const {
  return (keys ? key_bytes_ : head_bytes_ - key_bytes_) - scale_bytes_ +
         static_cast<std::size_t>(token) * sizeof(float);
}

template <typename T>
void CpuPagedAttention::ExportAs(BlockIndex block, std::int32_t first, std::int32_t count,
                                 T* out) const {
  const std::byte* base = pool_->base() + static_cast<std::size_t>(block) * block_bytes_;
  for (const bool keys : {true, false}) {
    for (std::int32_t layer = 0; layer < config_.layers; ++layer) {
      for (std::int32_t head = 0; head < config_.kv_heads; ++head) {
        const auto* panel = reinterpret_cast<const T*>(base + HeadOffset(layer, head) +
                                                       (keys ? 0 : key_bytes_));
        for (std::int32_t token = first; token < first + count; ++token) {
          for (std::int32_t i = 0; i < config_.head_dim; ++i) {
            *out++ = panel[keys ? KeyPlace(i, token) : ValuePlace(i, token)];
          }
          if (scale_bytes_ > 0) {
            std::memcpy(out, panel + ScalePlace(keys, token), sizeof(float));
            out += sizeof(float);
          }
        }
      }
    }
  }
}

template <typename T>
void CpuPagedAttention::ImportAs(BlockIndex block, std::int32_t first, std::int32_t count,
                                 const T* in) {
  std::byte* base = pool_->base() + static_cast<std::size_t>(block) * block_bytes_;
  for (const bool keys : {true, false}) {
    for (std::int32_t layer = 0; layer < config_.layers; ++layer) {
      for (std::int32_t head = 0; head < config_.kv_heads; ++head) {
        auto* panel =
            reinterpret_cast<T*>(base + HeadOffset(layer, head) + (keys ? 0 : key_bytes_));
        for (std::int32_t token = first; token < first + count; ++token) {
          for (std::int32_t i = 0; i < config_.head_dim; ++i) {
            panel[keys ? KeyPlace(i, token) : ValuePlace(i, token)] = *in++;
            // As the stores of floats: an even position's partner must not stay a leftover.
            if (!keys && token % 2 == 0) panel[ValuePlace(i, token + 1)] = 0;
          }
          if (scale_bytes_ > 0) {
            std::memcpy(panel + ScalePlace(keys, token), in, sizeof(float));
            in += sizeof(float);
          }
        }
      }
    }
  }
}

absl::Status CpuPagedAttention::ExportBlock(BlockIndex block, std::int32_t first,
                                            std::int32_t count, absl::Span<std::byte> bytes) const {
  PINTLE_CHECK(block >= 0 && block < blocks_ && first >= 0 && first + count <= kBlockTokens &&
                   bytes.size() == static_cast<std::size_t>(count) * Layout().bytes_per_token,
               "positions of one block");
  if (element_bytes_ == 1) {
    ExportAs(block, first, count, reinterpret_cast<std::uint8_t*>(bytes.data()));
  } else if (element_bytes_ == 2) {
    ExportAs(block, first, count, reinterpret_cast<std::uint16_t*>(bytes.data()));
  } else {
    ExportAs(block, first, count, reinterpret_cast<std::uint32_t*>(bytes.data()));
  }
  return absl::OkStatus();
}

absl::Status CpuPagedAttention::ImportBlock(BlockIndex block, std::int32_t first,
                                            std::int32_t count, absl::Span<const std::byte> bytes) {
  PINTLE_CHECK(block >= 0 && block < blocks_ && first >= 0 && first + count <= kBlockTokens &&
                   bytes.size() == static_cast<std::size_t>(count) * Layout().bytes_per_token,
               "positions of one block");
  if (element_bytes_ == 1) {
    ImportAs(block, first, count, reinterpret_cast<const std::uint8_t*>(bytes.data()));
  } else if (element_bytes_ == 2) {
    ImportAs(block, first, count, reinterpret_cast<const std::uint16_t*>(bytes.data()));
  } else {
    ImportAs(block, first, count, reinterpret_cast<const std::uint32_t*>(bytes.data()));
  }
  return absl::OkStatus();
}

}  // namespace pintle::model::cpu

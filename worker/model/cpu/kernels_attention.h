// SPDX-License-Identifier: Apache-2.0
// Paged attention over `Simd`, which the including translation unit has defined for its instruction
// set. Internal linkage throughout.
//
// Positions are walked in chunks of four blocks: all scores of a chunk first, one softmax over
// them, then the values with sums in registers. Every kSplitTokens a sum begins anew and is merged
// into those before it in order of position, whoever computed it: so several threads may share one
// sequence, and a row's numbers are the same however many do (Milakov and Gimelshein 2018, "Online
// normalizer calculation for softmax"; Dao et al. 2023, "Flash-Decoding").
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_ATTENTION_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_ATTENTION_H_

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_softmax.h"
#include "worker/model/cpu/kernels_tile.h"

namespace pintle::model::cpu {
namespace {

constexpr std::int32_t kChunkBlocks = kAttentionChunk / kBlockTokens;

// Of the flattened row f, given the slice's first.
PINTLE_SIMD const float* QueryOf(const AttentionTask& t, const float* first, std::int32_t f) {
  return first + static_cast<std::size_t>(f / t.group) * t.q_row_stride +
         static_cast<std::size_t>(f % t.group) * t.q_head_stride;
}

template <typename Q>
PINTLE_SIMD void LoadQueries(const AttentionTask& t, Q* q) {
  const float scale = t.scale * kLog2E;
  for (std::int32_t r = 0; r < t.rows; ++r) {
    const float* source = QueryOf(t, t.q, t.first_row + r);
    Q* target = q + static_cast<std::size_t>(r) * static_cast<std::size_t>(t.head_dim);
    std::int32_t i = 0;
    for (; i + kWidth <= t.head_dim; i += kWidth) {
      StoreVector(target + i, Simd::Mul(Simd::Load(source + i), Simd::Set(scale)));
    }
    for (; i < t.head_dim; ++i) Put(target + i, source[i] * scale);
  }
}

// --- out[kRows][kPanels * 32] (+)= a[kRows][...] x panels of several segments of k ---------------

// Where the panels of a product lie, and those of the next one, to be fetched meanwhile.
template <typename B>
struct StripPanels {
  const B* at[kChunkBlocks] = {};
  const B* next[kChunkBlocks] = {};
  std::size_t panel_step = 0;  // elements between the panels of one segment
  std::int32_t segments = 1;
};

// kSegmented: the segments' blocks continue k, panel j of segment s is at[s] + j * panel_step.
// Otherwise k is one segment and panel j is at[first + j].
template <int kRows, int kPanels, bool kSegmented, typename A, typename B>
void Strip(const A* a, std::size_t stride, const StripPanels<B>& p, std::int32_t first,
           std::int32_t k, std::int32_t last_k, float* out, std::size_t out_stride) {
  constexpr std::int32_t kStep = kStepK<B>;
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Floats sums[kPanels][kRows][2];
#pragma GCC unroll 4
    for (int j = 0; j < kPanels; ++j) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const float* row =
            out + static_cast<std::size_t>(r) * out_stride + j * kPanelColumns + pass;
        sums[j][r][0] = kSegmented ? Simd::Load(row) : Simd::Zero();
        sums[j][r][1] = kSegmented ? Simd::Load(row + kWidth) : Simd::Zero();
      }
    }
    const std::int32_t segments = kSegmented ? p.segments : 1;
    for (std::int32_t s = 0; s < segments; ++s) {
      const B* panels[kPanels];
      const B* next[kPanels];
#pragma GCC unroll 4
      for (int j = 0; j < kPanels; ++j) {
        const std::size_t offset =
            static_cast<std::size_t>(first + j) * p.panel_step +
            static_cast<std::size_t>(pass) * kStep;
        panels[j] = kSegmented ? p.at[s] + offset : p.at[first + j] + pass * kStep;
        next[j] = kSegmented ? p.next[s] + offset : p.next[first + j] + pass * kStep;
      }
      const std::int32_t n = s + 1 == segments ? last_k : k;
      const A* left = a + static_cast<std::size_t>(s) * static_cast<std::size_t>(k);
      for (std::int32_t i = 0; i < n; i += kStep) {
#pragma GCC unroll 4
        for (int j = 0; j < kPanels; ++j) {
          const char* line =
              reinterpret_cast<const char*>(next[j] + static_cast<std::size_t>(i) * kPanelColumns);
          __builtin_prefetch(line, 0, 2);
          __builtin_prefetch(line + 64, 0, 2);
          Step<kRows>(sums[j], left, stride, panels[j], i);
        }
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < kPanels; ++j) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        float* row = out + static_cast<std::size_t>(r) * out_stride + j * kPanelColumns + pass;
        Simd::Store(row, sums[j][r][0]);
        Simd::Store(row + kWidth, sums[j][r][1]);
      }
    }
  }
}

template <int kRows, bool kSegmented, typename A, typename B>
PINTLE_SIMD void StripsOf(std::int32_t rows, const A* a, std::size_t stride,
                          const StripPanels<B>& p, std::int32_t count, std::int32_t k,
                          std::int32_t last_k, float* out, std::size_t out_stride) {
  if (rows != kRows) {
    if constexpr (kRows > 1) {
      StripsOf<kRows - 1, kSegmented>(rows, a, stride, p, count, k, last_k, out, out_stride);
    }
    return;
  }
  // The fewer rows, the more panels at once: as many independent sums as hide the latency.
  std::int32_t j = 0;
  if constexpr (kRows * 4 <= Simd::kTileRows) {
    for (; j + 4 <= count; j += 4) {
      Strip<kRows, 4, kSegmented>(a, stride, p, j, k, last_k, out + j * kPanelColumns, out_stride);
    }
  }
  if constexpr (kRows * 2 <= Simd::kTileRows) {
    for (; j + 2 <= count; j += 2) {
      Strip<kRows, 2, kSegmented>(a, stride, p, j, k, last_k, out + j * kPanelColumns, out_stride);
    }
  }
  for (; j < count; ++j) {
    Strip<kRows, 1, kSegmented>(a, stride, p, j, k, last_k, out + j * kPanelColumns, out_stride);
  }
}

// All `count` panels for all rows.
template <bool kSegmented, typename A, typename B>
void Strips(std::int32_t rows, const A* a, std::size_t stride, const StripPanels<B>& p,
            std::int32_t count, std::int32_t k, std::int32_t last_k, float* out,
            std::size_t out_stride) {
  const std::int32_t tile = TileRows(rows);
  for (std::int32_t r = 0; r < rows; r += tile) {
    const std::int32_t n = rows - r < tile ? rows - r : tile;
    StripsOf<Simd::kTileRows, kSegmented>(n, a + static_cast<std::size_t>(r) * stride, stride, p,
                                          count, k, last_k,
                                          out + static_cast<std::size_t>(r) * out_stride,
                                          out_stride);
  }
}

// --- one task -----------------------------------------------------------------------------------

// Positions [first, first + columns) of a task: up to a chunk of whole blocks.
template <typename Kv>
struct Chunk {
  std::int32_t first = 0;
  std::int32_t blocks = 0;
  std::int32_t columns = 0;
  std::int32_t written = 0;      // columns up to the last row's own position
  std::int32_t last_tokens = 0;  // of the last block that values are multiplied with
  StripPanels<Kv> keys;
  StripPanels<Kv> values;
};

template <typename Kv>
PINTLE_SIMD void FindChunk(const AttentionTask& t, std::int32_t first, std::int32_t last,
                           Chunk<Kv>& chunk) {
  const std::int32_t block = first / kBlockTokens;
  const std::int32_t last_block = last / kBlockTokens;
  chunk.first = first;
  chunk.blocks = last_block - block + 1 < kChunkBlocks ? last_block - block + 1 : kChunkBlocks;
  chunk.columns = chunk.blocks * kBlockTokens;
  chunk.written = last + 1 - first < chunk.columns ? last + 1 - first : chunk.columns;
  // Positions beyond the last query's may hold another session's leftovers: they are not read,
  // because even a probability of 0 keeps a NaN a NaN.
  const std::int32_t written = last + 1 - (first + chunk.columns - kBlockTokens);
  chunk.last_tokens = written < kBlockTokens ? (written + 1) & ~1 : kBlockTokens;
  for (std::int32_t b = 0; b < chunk.blocks; ++b) {
    const std::byte* at = t.pool + static_cast<std::size_t>(t.table[block + b]) * t.block_bytes;
    const std::int32_t ahead = block + kChunkBlocks + b;
    const std::byte* next = at;
    if (ahead <= last_block) {
      next = t.pool + static_cast<std::size_t>(t.table[ahead]) * t.block_bytes;
    } else if (b < t.next_blocks) {
      next = t.next_pool + static_cast<std::size_t>(t.next_table[b]) * t.block_bytes;
    }
    chunk.keys.at[b] = reinterpret_cast<const Kv*>(at);
    chunk.keys.next[b] = reinterpret_cast<const Kv*>(next);
    chunk.values.at[b] = reinterpret_cast<const Kv*>(at + t.value_offset);
    chunk.values.next[b] = reinterpret_cast<const Kv*>(next + t.value_offset);
  }
  chunk.values.panel_step = static_cast<std::size_t>(kPanelColumns) * kBlockTokens;
  chunk.values.segments = chunk.blocks;
}

// How one kind of keys and values is multiplied; of queries, and probabilities, of type A.
template <typename A, typename Kv>
struct Products {
  PINTLE_SIMD void Score(const AttentionTask& t, const AttentionScratch& s,
                         const Chunk<Kv>& chunk) {
    Strips<false>(t.rows, static_cast<const A*>(s.q), static_cast<std::size_t>(t.head_dim),
                  chunk.keys, chunk.blocks, t.head_dim, t.head_dim, s.scores, kAttentionChunk);
  }
  PINTLE_SIMD void SoftenRow(const AttentionTask& /*t*/, const AttentionScratch& s,
                             const Chunk<Kv>& chunk, const RowSoftmax& row, std::int32_t r,
                             Visible visible) {
    Soften(row, s.scores + r * kAttentionChunk,
           static_cast<A*>(s.probabilities) + r * kAttentionChunk, chunk.columns, visible);
  }
  PINTLE_SIMD void AddValues(const AttentionTask& t, const AttentionScratch& s,
                             const Chunk<Kv>& chunk) {
    Strips<true>(t.rows, static_cast<const A*>(s.probabilities), kAttentionChunk, chunk.values,
                 t.padded_dim / kPanelColumns, kBlockTokens, chunk.last_tokens, s.sums,
                 static_cast<std::size_t>(t.padded_dim));
  }
};

PINTLE_SIMD void FetchQuery(const AttentionTask& t, std::int32_t r) {
  const auto* line =
      reinterpret_cast<const char*>(QueryOf(t, t.next_q, t.next_first_row + r));
  for (std::int32_t i = 0; i < t.head_dim; i += 16) __builtin_prefetch(line + i * 4, 0, 2);
}

// One chunk, for all rows of the task, into the scratch's running softmax.
template <typename A, typename Kv>
PINTLE_SIMD void AttendChunk(const AttentionTask& t, const AttentionScratch& s,
                             std::int32_t first, std::int32_t last) {
  Chunk<Kv> chunk;
  FindChunk(t, first, last, chunk);
  Products<A, Kv>::Score(t, s, chunk);
  // Once in a task, between computations: at its end the next one would wait for them.
  const bool fetch = t.next_q != nullptr && last - first < kAttentionChunk;
  for (std::int32_t r = 0; r < t.rows; ++r) {
    if (fetch) FetchQuery(t, r);
    const std::int32_t position = t.start + (t.first_row + r) / t.group;
    const RowSoftmax row = {s.references + r, s.lanes + r * kSoftmaxLanes,
                            s.sums + r * t.padded_dim, t.padded_dim};
    const std::int32_t low = t.window > 0 ? position - t.window + 1 - first : 0;
    Products<A, Kv>::SoftenRow(t, s, chunk, row, r, {low, position + 1 - first});
  }
  Products<A, Kv>::AddValues(t, s, chunk);
}

template <typename Out>
PINTLE_SIMD void FinishRow(const AttentionTask& t, std::int32_t r, const float* sums, float total) {
  const std::int32_t f = t.first_row + r;
  Out* out = static_cast<Out*>(t.out) + static_cast<std::size_t>(f / t.group) * t.out_row_stride +
             static_cast<std::size_t>(f % t.group) * t.out_head_stride;
  const float inverse = 1.0F / total;
  std::int32_t i = 0;
  for (; i + kWidth <= t.head_dim; i += kWidth) {
    StoreVector(out + i, Simd::Mul(Simd::Load(sums + i), Simd::Set(inverse)));
  }
  for (; i < t.head_dim; ++i) Put(out + i, sums[i] * inverse);
}

// Merges the splits [1, splits) of one row into split 0 and writes the row.
template <typename Out>
PINTLE_SIMD void CombineRow(const AttentionTask& t, std::int32_t r, std::int32_t splits) {
  const auto rows = static_cast<std::size_t>(t.rows);
  const auto padded = static_cast<std::size_t>(t.padded_dim);
  const std::size_t size = rows * (2 + padded);
  float* reference = t.partial + r;
  float* sums = t.partial + 2 * rows + static_cast<std::size_t>(r) * padded;
  for (std::int32_t split = 1; split < splits; ++split) {
    const float* later = t.partial + static_cast<std::size_t>(split) * size;
    Merge(reference[0], reference[rows], sums, later[r],
          later[rows + static_cast<std::size_t>(r)],
          later + 2 * rows + static_cast<std::size_t>(r) * padded, t.padded_dim);
  }
  FinishRow<Out>(t, r, sums, reference[rows]);
}

template <typename Out>
void Combine(const AttentionTask& t, std::int32_t splits) {
  for (std::int32_t r = 0; r < t.rows; ++r) CombineRow<Out>(t, r, splits);
}

// One split from nothing into (references, totals, sums) of the scratch.
template <typename A, typename Kv>
PINTLE_SIMD void AttendSplit(const AttentionTask& t, const AttentionScratch& s, std::int32_t split,
                             std::int32_t first, std::int32_t last) {
  for (std::int32_t r = 0; r < t.rows; ++r) s.references[r] = kNegativeInfinity;
  ClearFloats(s.lanes, t.rows * kSoftmaxLanes);
  ClearFloats(s.sums, t.rows * t.padded_dim);
  std::int32_t position = split * kSplitTokens;
  // What no row of the task may see is passed over, by whole chunks.
  if (t.window > 0 && first - t.window + 1 > position) {
    position = (first - t.window + 1) / kAttentionChunk * kAttentionChunk;
  }
  const std::int32_t end = (split + 1) * kSplitTokens;
  for (; position <= last && position < end; position += kAttentionChunk) {
    AttendChunk<A, Kv>(t, s, position, last);
  }
  for (std::int32_t r = 0; r < t.rows; ++r) s.totals[r] = TotalOf(s.lanes + r * kSoftmaxLanes);
}

template <typename A, typename Kv, typename Out>
void Attend(const AttentionTask& t, const AttentionScratch& s) {
  LoadQueries(t, static_cast<A*>(s.q));
  const std::int32_t first = t.start + t.first_row / t.group;
  const std::int32_t last = t.start + (t.first_row + t.rows - 1) / t.group;
  const auto rows = static_cast<std::size_t>(t.rows);
  const auto padded = static_cast<std::size_t>(t.padded_dim);
  if (t.partial != nullptr) {
    // This task is one split of several: its softmax goes where all of them are combined.
    AttentionScratch mine = s;
    mine.references = t.partial + static_cast<std::size_t>(t.split) * rows * (2 + padded);
    mine.totals = mine.references + rows;
    mine.sums = mine.totals + rows;
    AttendSplit<A, Kv>(t, mine, t.split, first, last);
    return;
  }
  AttendSplit<A, Kv>(t, s, 0, first, last);
  AttentionScratch later = s;
  later.references = s.later;
  later.totals = later.references + rows;
  later.sums = later.totals + rows;
  for (std::int32_t split = 1; split <= last / kSplitTokens; ++split) {
    AttendSplit<A, Kv>(t, later, split, first, last);
    for (std::int32_t r = 0; r < t.rows; ++r) {
      Merge(s.references[r], s.totals[r], s.sums + r * t.padded_dim, later.references[r],
            later.totals[r], later.sums + r * t.padded_dim, t.padded_dim);
    }
  }
  for (std::int32_t r = 0; r < t.rows; ++r) {
    FinishRow<Out>(t, r, s.sums + r * t.padded_dim, s.totals[r]);
  }
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_ATTENTION_H_

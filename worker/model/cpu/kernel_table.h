// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_KERNEL_TABLE_H_
#define PINTLE_WORKER_MODEL_CPU_KERNEL_TABLE_H_

#include <cstddef>
#include <cstdint>

// Plain structs and function pointers only: this header is compiled into translation units with
// different instruction sets, and an inline function shared between them could be linked from
// the one this processor cannot run.
namespace pintle::model::cpu {

// Every matrix, weights and KV alike, is cut into panels of 32 columns: f32 `[k][32]`, bf16 and
// int8 `[k/2][32][2]`. One layout serves one row and 512 rows, weights and cached keys.
inline constexpr std::int32_t kPanelColumns = 32;
// A KV block's positions are the columns of its key panels. Behind int8 keys, and
// behind int8 values, of a head and block are its positions' scales in f32. int8 weights with byte
// rows (kInt8Quad) have int8 KV in quads, keys `[k/4][32][4]` spread (SpreadInputs) and biased by
// 128, values `[token/4][32][4]`: as bytes that are multiplied with bytes (kernels_byte_kv.h).
inline constexpr std::int32_t kBlockTokens = 32;
// Query rows (positions x heads of a group) one attention task handles: a block's keys stay in
// L1 while all of them use it.
inline constexpr std::int32_t kAttentionRows = 48;
// Positions whose scores share one softmax update: four blocks' keys and values are 32 KiB at 64
// dimensions, what the next chunk's may occupy of L2 while this one is worked on.
inline constexpr std::int32_t kAttentionChunk = 128;
// Positions after which a row's softmax begins anew, to be merged: what one task of a long context
// covers. A multiple of kAttentionChunk.
inline constexpr std::int32_t kSplitTokens = 512;
// A row's softmax total is gathered in so many parts: a vector's lanes.
inline constexpr std::int32_t kSoftmaxLanes = 16;

// kCodedBf16: bf16 weights in 12 bits, none of them changed (coded_panels.h): groups of four
// inputs, each 64 low bytes of the first two inputs' 32 pairs, 64 of the last two's, and 64 bytes
// with the codes of the high bytes, the first pairs' in the low halves. What else it takes:
// CodedPanelsView.
//
// Whole numbers with scales. Weights have one scale per column and group of inputs, in bf16, 32 of
// them before each group of a panel.
// kInt8: w = q * scale, q in [-127, 127]; groups of kInt8Group, each `[group/2][32][2]`.
// kInt16: rows multiplied with them, a = q * the row's scale; the scale, a float, lies behind the
// row's last element.
// kInt8Quad: w = (q - 128) * scale, q in [1, 255]; groups of kQuadGroup, each `[group/4][32][4]`,
// of inputs that SpreadInputs (byte_panels.h) has spread.
// kSpreadByteRow: rows multiplied with them, spread alike; a = byte * the scale of its group;
// padded with zeros to whole kByteInputs, then one QuadGroup per group.
// kInt4: w = q * scale + least, q in [0, 15]; groups of kInt4Group, 32 scales, 32 leasts, then
// `[group/8][32][4]`, inputs 0-3 in the low halves of the four bytes, 4-7 in the high ones.
// kByteRow: rows multiplied with them, as kSpreadByteRow but not spread, with one ByteGroup per
// group.
enum class Element : std::uint8_t {
  kFloat32,
  kBfloat16,
  kInt8,
  kInt16,
  kInt8Quad,
  kSpreadByteRow,
  kInt4,
  kByteRow,
  kCodedBf16
};

// Half as many inputs a scale would agree with f32 one position in a thousand oftener, and cost
// twice the scales; one scale per column disagrees in twice as many (bench/quality).
inline constexpr std::int32_t kInt8Group = 64;
// Scales cost instructions: at 32 inputs a third of all, at 192 one in twenty. Spreading makes up
// for it. Whole blocks of it, and whole parts of common widths.
inline constexpr std::int32_t kQuadGroup = 192;
// Sixteen steps need their own line for a few weights only.
inline constexpr std::int32_t kInt4Group = 32;
// Inputs of a line of bytes that are multiplied with bytes.
inline constexpr std::int32_t kQuad = 4;
// Widest head of KV in quads.
inline constexpr std::int32_t kByteHeadMax = 512;
// Rows of bytes and their panels end at a multiple of this.
inline constexpr std::int32_t kByteInputs = 8;
// Neighbouring inputs that are spread over each other: a Hadamard matrix of this order.
inline constexpr std::int32_t kSpreadInputs = 64;
inline constexpr float kSpreadFactor = 0.125F;  // makes it its own inverse

struct QuadGroup {
  float scale;
  std::int32_t zero;  // -128 x the sum of the group's bytes: q stands for q - 128
};

// Inputs, weights and bytes of a group of coded bf16.
inline constexpr std::int32_t kCodedInputs = 4;
inline constexpr std::int32_t kCodedWeights = kCodedInputs * kPanelColumns;
inline constexpr std::size_t kCodedBytes = 192;

// What coded panels need beside their groups.
struct CodedPanelsView {
  const std::uint8_t* high_bytes = nullptr;  // per panel 16, by code
  const std::int32_t* first = nullptr;       // per panel: how many exceptions lie before it
  // Per panel the numbers of the groups no code stands for, ascending, then INT32_MAX.
  const std::int32_t* groups = nullptr;
  const std::uint16_t* weights = nullptr;  // kCodedWeights per exception, as in a bf16 panel
};

struct ByteGroup {
  float scale;
  float whole;  // scale x the sum of the group's bytes
};

enum class Epilogue : std::uint8_t {
  kStore,    // out = sum + bias
  kAdd,      // out += sum + bias
  kSiluMul,  // activations = silu(gate) * up; a panel is 16 gate and 16 up columns
};

// rows x k activations times panels.
struct Product {
  const void* a = nullptr;
  std::size_t a_stride = 0;
  // Of bf16 rows that KernelTable::normalize wrote: sums are multiplied with what lies behind them.
  bool row_factors = false;
  std::int32_t rows = 0;
  const void* panels = nullptr;
  Element weights = Element::kFloat32;  // of the panels; read where a table multiplies several
  std::int32_t k = 0;                   // even
  const float* bias = nullptr;  // one per padded column, or null
  CodedPanelsView coded;        // of kCodedBf16
  Epilogue epilogue = Epilogue::kStore;
  float* out = nullptr;
  std::size_t out_stride = 0;
  std::int32_t columns = 0;     // of `out` that exist; the last panel's others are padding
  void* activations = nullptr;  // kSiluMul, KernelTable::intermediate
  std::size_t activations_stride = 0;
};

// Some query rows of one KV head of one sequence against that sequence's blocks. Flattened row f
// of a slice is position start + f / group, head f % group of the group.
struct AttentionTask {
  const float* q = nullptr;  // slice's first row, first head of the group
  std::size_t q_row_stride = 0;
  std::size_t q_head_stride = 0;
  void* out = nullptr;  // same addressing, KernelTable::intermediate
  std::size_t out_row_stride = 0;
  std::size_t out_head_stride = 0;
  const std::byte* pool = nullptr;  // at this layer's and KV head's keys of block 0
  std::size_t block_bytes = 0;
  std::size_t value_offset = 0;  // from a block's keys to its values
  const std::int32_t* table = nullptr;
  std::int32_t first_row = 0;
  std::int32_t rows = 0;  // <= kAttentionRows
  std::int32_t start = 0;
  std::int32_t group = 1;
  std::int32_t head_dim = 0;
  std::int32_t padded_dim = 0;  // multiple of kPanelColumns
  std::int32_t window = 0;      // 0 = all
  float scale = 1.0F;
  // Null: all positions, and `out` is written. Else this task covers positions [split, split + 1) x
  // kSplitTokens, and its softmax goes to `partial`: per split rows references (kernels_softmax.h),
  // rows totals, rows x padded_dim sums.
  float* partial = nullptr;
  std::int32_t split = 0;
  // The blocks this thread reads next, to be fetched from memory while it works; none of them need
  // exist.
  const std::byte* next_pool = nullptr;
  const std::int32_t* next_table = nullptr;
  std::int32_t next_blocks = 0;
  // Its queries of the same number of rows, or null: to be fetched as well.
  const float* next_q = nullptr;
  std::int32_t next_first_row = 0;
};

// One thread's working memory for attention tasks, counted in floats.
struct AttentionScratch {
  void* q = nullptr;              // kAttentionRows x head_dim
  float* scores = nullptr;        // kAttentionRows x kAttentionChunk
  void* probabilities = nullptr;  // kAttentionRows x kAttentionChunk
  float* sums = nullptr;          // kAttentionRows x padded_dim
  float* references = nullptr;    // kAttentionRows: what probabilities are relative to
  float* totals = nullptr;        // kAttentionRows
  float* lanes = nullptr;         // kAttentionRows x kSoftmaxLanes
  float* later = nullptr;         // kAttentionRows x (padded_dim + 2): a split's own softmax
};

// The kernels of one instruction set, weight element and KV element. All are pure functions of
// their arguments; a row's result never depends on which rows are computed beside it.
struct KernelTable {
  const char* name = "";
  Element activation = Element::kFloat32;    // of Product::a
  Element intermediate = Element::kFloat32;  // of what attention and kSiluMul write
  Element query = Element::kFloat32;       // of AttentionScratch::q and probabilities
  // How many neighbouring elements of a key, or positions of a value, lie together in a block.
  std::int32_t kv_neighbours = 1;
  void (*multiply)(const Product& product, std::int32_t panel_begin, std::int32_t panel_end);
  void (*attend)(const AttentionTask& task, const AttentionScratch& scratch);
  // Merges the partial softmaxes of `splits` tasks that differ in nothing but `split`, in order of
  // position, and writes `out`. Overwrites split 0's.
  void (*combine)(const AttentionTask& task, std::int32_t splits);
  // x / rms(x) * weight, into an activation row; of bf16, times a factor of its own that makes its
  // large elements lose little (kernels_rounding.h), one over which follows them as a float.
  void (*normalize)(const float* x, const float* weight, float epsilon, std::int32_t n, void* out);
  // An intermediate row of `n` as an activation row; null where both are of one element.
  void (*quantize)(const float* x, std::int32_t n, void* out);
  // The same as normalize in place, for q and k heads.
  void (*normalize_in_place)(float* x, const float* weight, float epsilon, std::int32_t n);
  // Rotates the pairs (i, i + half) of one head.
  void (*rotate)(float* x, const float* cosines, const float* sines, std::int32_t half);
  // Writes one position of a block.
  void (*store_key)(const float* x, std::int32_t head_dim, void* panel, std::int32_t token);
  void (*store_value)(const float* x, std::int32_t head_dim, void* panels, std::int32_t token);
};

// One table per combination that exists; null where an instruction set has no such kernels.
const KernelTable* Avx2Kernels(Element weights, Element kv);
const KernelTable* Avx512Kernels(Element weights, Element kv);
const KernelTable* Avx512Bf16Kernels(Element weights, Element kv);
const KernelTable* AmxKernels(Element weights, Element kv);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNEL_TABLE_H_

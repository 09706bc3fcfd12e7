// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/packed_matrix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "contract/check.h"
#include "worker/model/cpu/byte_panels.h"
#include "worker/model/cpu/thread_share.h"

namespace pintle::model::cpu {
namespace {

std::uint16_t RoundToBf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (x != x) return 0x7fc0;
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

void WritePanel(const std::vector<float>& rows, std::int32_t k, float* panel) {
  for (std::int32_t i = 0; i < k; ++i) {
    for (std::int32_t c = 0; c < kPanelColumns; ++c) {
      panel[i * kPanelColumns + c] = rows[static_cast<std::size_t>(c * k + i)];
    }
  }
}

void WritePanel(const std::vector<float>& rows, std::int32_t k, std::uint16_t* panel) {
  for (std::int32_t i = 0; i < k; i += 2) {
    for (std::int32_t c = 0; c < kPanelColumns; ++c) {
      const float* pair = rows.data() + static_cast<std::size_t>(c * k + i);
      panel[i * kPanelColumns + 2 * c] = RoundToBf16(pair[0]);
      panel[i * kPanelColumns + 2 * c + 1] = RoundToBf16(pair[1]);
    }
  }
}

void WritePanel(Element element, const std::vector<float>& rows, std::int32_t k,
                std::byte* panel) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(panel);
  switch (element) {
    case Element::kInt8: return WriteInt8Groups(rows.data(), k, bytes);
    case Element::kInt8Quad: return WriteInt8Quads(rows.data(), k, bytes);
    case Element::kInt4: return WriteInt4Groups(rows.data(), k, bytes);
    case Element::kBfloat16:
      return WritePanel(rows, k, reinterpret_cast<std::uint16_t*>(panel));
    default: return WritePanel(rows, k, reinterpret_cast<float*>(panel));
  }
}

// bf16 files need no rounding: pairs move as they are. This is the common case and a third of
// the start-up time.
bool CopyPanel(const ColumnSource* columns, std::int32_t inputs, std::int32_t k,
               std::uint16_t* panel) {
  for (std::int32_t c = 0; c < kPanelColumns; ++c) {
    const LinearWeights* linear = columns[c].linear;
    if (linear == nullptr || linear->weight.dtype != Dtype::kBfloat16 || inputs != k) return false;
  }
  const std::size_t row_bytes = static_cast<std::size_t>(inputs) * 2;
  for (std::int32_t c = 0; c < kPanelColumns; ++c) {
    const std::byte* row = columns[c].linear->weight.bytes.data() +
                           static_cast<std::size_t>(columns[c].row) * row_bytes;
    for (std::int32_t i = 0; i < k; i += 2) {
      std::memcpy(panel + i * kPanelColumns + 2 * c, row + static_cast<std::size_t>(i) * 2, 4);
    }
  }
  return true;
}

std::size_t Groups(std::size_t n, std::int32_t group) {
  return (n - 1) / static_cast<std::size_t>(group) + 1;
}

std::size_t RoundUp(std::size_t n, std::int32_t multiple) {
  return Groups(n, multiple) * static_cast<std::size_t>(multiple);
}

}  // namespace

std::size_t ElementBytes(Element element) {
  if (element == Element::kFloat32) return 4;
  return element == Element::kBfloat16 || element == Element::kInt16 ? 2 : 1;
}

std::size_t RowElements(Element element, std::size_t k) {
  if (element == Element::kBfloat16) return k + sizeof(float) / sizeof(std::uint16_t);
  const std::size_t padded = RoundUp(k, kByteInputs);
  switch (element) {
    case Element::kInt16: return k + sizeof(float) / 2;
    case Element::kSpreadByteRow: return padded + Groups(padded, kQuadGroup) * sizeof(QuadGroup);
    case Element::kByteRow: return padded + Groups(padded, kInt4Group) * sizeof(ByteGroup);
    default: return k;
  }
}

std::size_t PanelBytes(Element element, std::int32_t k) {
  constexpr auto kColumns = static_cast<std::size_t>(kPanelColumns);
  const auto inputs = static_cast<std::size_t>(k);
  const std::size_t padded = RoundUp(inputs, kByteInputs);
  switch (element) {
    case Element::kInt8: return (Groups(inputs, kInt8Group) * 2 + inputs) * kColumns;
    case Element::kInt8Quad: return (Groups(padded, kQuadGroup) * 2 + padded) * kColumns;
    case Element::kInt4: return (Groups(padded, kInt4Group) * 4 + padded / 2) * kColumns;
    case Element::kCodedBf16: return CodedPanelBytes(k);
    default: return inputs * kColumns * ElementBytes(element);
  }
}

void LoadRow(const TensorView& tensor, std::int64_t row, std::int32_t width, float* out) {
  const std::size_t first = static_cast<std::size_t>(row) * static_cast<std::size_t>(width);
  const auto count = static_cast<std::size_t>(width);
  if (tensor.dtype == Dtype::kFloat32) {
    std::memcpy(out, tensor.bytes.data() + first * 4, count * 4);
    return;
  }
  if (tensor.dtype == Dtype::kBfloat16) {
    const std::byte* source = tensor.bytes.data() + first * 2;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, source + 2 * i, 2);
      out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) out[i] = FloatAt(tensor, first + i);
}

std::vector<ColumnSource> PlainColumns(const LinearWeights& linear, std::int32_t outputs) {
  std::vector<ColumnSource> columns;
  for (std::int32_t row = 0; row < outputs; ++row) columns.push_back({&linear, row});
  while (columns.size() % kPanelColumns != 0) columns.push_back({});
  return columns;
}

namespace {

// Fills a panel from its columns' rows; `rows` is working memory for a panel of floats.
void FillPanel(const ColumnSource* sources, std::int32_t inputs, std::int32_t padded_inputs,
               Element element, std::vector<float>& rows, std::byte* panel) {
  if (element == Element::kBfloat16 &&
      CopyPanel(sources, inputs, padded_inputs, reinterpret_cast<std::uint16_t*>(panel))) {
    return;
  }
  const auto width = static_cast<std::size_t>(padded_inputs);
  rows.assign(width * kPanelColumns, 0.0F);
  for (std::size_t c = 0; c < kPanelColumns; ++c) {
    if (sources[c].linear == nullptr) continue;
    LoadRow(sources[c].linear->weight, sources[c].row, inputs, rows.data() + c * width);
  }
  WritePanel(element, rows, padded_inputs, panel);
}

// The bf16 panels of a matrix one at a time, coded.
class PanelCoder {
 public:
  PanelCoder(const std::vector<ColumnSource>& columns, std::int32_t inputs,
             std::int32_t padded_inputs)
      : columns_(columns),
        inputs_(inputs),
        padded_inputs_(padded_inputs),
        panel_(static_cast<std::size_t>(padded_inputs) * kPanelColumns) {}

  PanelCode Code(std::int32_t index, std::uint8_t* groups) {
    FillPanel(columns_.data() + static_cast<std::size_t>(index) * kPanelColumns, inputs_,
              padded_inputs_, Element::kBfloat16, rows_,
              reinterpret_cast<std::byte*>(panel_.data()));
    return CodePanel(panel_.data(), padded_inputs_, groups);
  }

 private:
  const std::vector<ColumnSource>& columns_;
  const std::int32_t inputs_;
  const std::int32_t padded_inputs_;
  std::vector<std::uint16_t> panel_;
  std::vector<float> rows_;
};

// Whether codes make a matrix smaller: a few panels of it tell.
bool CodesPay(const std::vector<ColumnSource>& columns, std::int32_t inputs,
              std::int32_t padded_inputs) {
  // Coded groups are 3/4 of plain ones, an exception takes a plain one besides; below this share
  // the gain is at least half of what it can be.
  constexpr double kMostExceptions = 0.125;
  constexpr std::int32_t kSamples = 8;
  if (padded_inputs % kCodedInputs != 0) return false;
  const auto panels = static_cast<std::int32_t>(columns.size()) / kPanelColumns;
  PanelCoder coder(columns, inputs, padded_inputs);
  std::vector<std::uint8_t> groups(CodedPanelBytes(padded_inputs));
  std::size_t exceptions = 0;
  const std::int32_t samples = std::min(panels, kSamples);
  for (std::int32_t i = 0; i < samples; ++i) {
    exceptions += coder.Code(panels * i / samples, groups.data()).groups.size();
  }
  return static_cast<double>(exceptions) <=
         kMostExceptions * samples * (padded_inputs / kCodedInputs);
}

}  // namespace

PackedMatrix PackedMatrix::Pack(const std::vector<ColumnSource>& columns, std::int32_t inputs,
                                std::int32_t padded_inputs, Element element, ComputePool& pool,
                                WeightArena& arena) {
  PINTLE_CHECK(columns.size() % kPanelColumns == 0, "panels are whole");
  if (element == Element::kCodedBf16 && !CodesPay(columns, inputs, padded_inputs)) {
    element = Element::kBfloat16;
  }
  PackedMatrix matrix;
  matrix.panels_ = static_cast<std::int32_t>(columns.size() / kPanelColumns);
  matrix.k_ = padded_inputs;
  matrix.element_ = element;
  const std::size_t panel_bytes = PanelBytes(element, padded_inputs);
  std::byte* data = arena.Take(static_cast<std::size_t>(matrix.panels_) * panel_bytes);
  matrix.data_ = data;
  const bool coded = element == Element::kCodedBf16;
  std::vector<PanelCode> codes(coded ? columns.size() / kPanelColumns : 0);
  pool.Run([&](int thread) {
    std::vector<float> rows;
    PanelCoder coder(columns, inputs, padded_inputs);
    const ThreadShare share(matrix.panels_, pool.threads(), thread);
    for (std::int32_t p = share.begin; p < share.end; ++p) {
      std::byte* panel = data + static_cast<std::size_t>(p) * panel_bytes;
      if (coded) {
        codes[static_cast<std::size_t>(p)] =
            coder.Code(p, reinterpret_cast<std::uint8_t*>(panel));
        continue;
      }
      FillPanel(columns.data() + static_cast<std::size_t>(p) * kPanelColumns, inputs, padded_inputs,
                element, rows, panel);
    }
  });
  for (const PanelCode& code : codes) matrix.coded_.Append(code);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const LinearWeights* linear = columns[c].linear;
    if (linear == nullptr || linear->bias.bytes.empty()) continue;
    matrix.bias_.resize(columns.size());
    matrix.bias_[c] = FloatAt(linear->bias, static_cast<std::size_t>(columns[c].row));
  }
  return matrix;
}

Product PackedMatrix::Of(const void* a, std::size_t a_stride, std::int32_t rows) const {
  Product product;
  product.a = a;
  product.a_stride = a_stride;
  product.rows = rows;
  product.panels = data_;
  product.weights = element_;
  product.k = k_;
  if (element_ == Element::kCodedBf16) product.coded = coded_.View();
  product.bias = bias_.empty() ? nullptr : bias_.data();
  return product;
}

}  // namespace pintle::model::cpu

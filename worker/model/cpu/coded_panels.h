// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_CODED_PANELS_H_
#define PINTLE_WORKER_MODEL_CPU_CODED_PANELS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {

// Bytes of a coded panel's groups; the codes and exceptions lie elsewhere. Requires: k % 4 == 0.
std::size_t CodedPanelBytes(std::int32_t k);

// What of a panel does not lie in its groups.
struct PanelCode {
  std::array<std::uint8_t, 16> high_bytes{};  // by code
  std::vector<std::int32_t> groups;           // that are exceptions, ascending
  std::vector<std::uint16_t> weights;         // kCodedWeights of each, in the order of bf16 panels
};

// Writes the bf16 panel of `k` inputs into `groups`, CodedPanelBytes(k) of them, and says the rest.
// Not one bit is lost: a weight's low byte stays, its high byte (sign and seven bits of exponent)
// becomes one of 16 codes, because trained weights' exponents lie close together. A group with a
// high byte beyond the 16 most frequent is an exception.
// Pure function. Requires: k % 4 == 0.
PanelCode CodePanel(const std::uint16_t* panel, std::int32_t k, std::uint8_t* groups);

// All panels' codes side by side, as kernels read them.
// Thread: immutable once filled. Owns what its view points to; moving it keeps the view.
class CodedPanels {
 public:
  // Panels in their order.
  void Append(const PanelCode& code);
  CodedPanelsView View() const;
  // Of everything beside the groups.
  std::size_t bytes() const;

 private:
  std::vector<std::uint8_t> high_bytes_;
  std::vector<std::int32_t> first_;
  std::vector<std::int32_t> groups_;
  std::vector<std::uint16_t> weights_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_CODED_PANELS_H_

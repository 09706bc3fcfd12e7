// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_SPECULATION_SPECULATION_TEXTS_H_
#define PINTLE_BENCH_SPECULATION_SPECULATION_TEXTS_H_

#include <string>
#include <vector>

namespace pintle {

struct SpeculationText {
  std::string name;
  std::string prompt;
  bool repeats = false;  // what follows is in the prompt already; else free text, sampled
};

// What is measured: quoting, editing, and free text of several kinds.
std::vector<SpeculationText> SpeculationTexts();

}  // namespace pintle

#endif  // PINTLE_BENCH_SPECULATION_SPECULATION_TEXTS_H_

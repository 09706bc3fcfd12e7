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
  int tokens = 256;      // what is measured ends with the text, not in what a model rambles on with
};

// What is measured: quoting, editing, and free text of several kinds.
std::vector<SpeculationText> SpeculationTexts();

}  // namespace pintle

#endif  // PINTLE_BENCH_SPECULATION_SPECULATION_TEXTS_H_

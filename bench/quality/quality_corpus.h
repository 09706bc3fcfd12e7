// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_QUALITY_QUALITY_CORPUS_H_
#define PINTLE_BENCH_QUALITY_QUALITY_CORPUS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "worker/text/seam/text_model.h"

namespace pintle::bench {

// Token sequences made of one text. Plain data.
// Fails: Read returns NOT_FOUND for a file that cannot be read, INVALID_ARGUMENT for one too short.
struct QualityCorpus {
  // `windows` equal, consecutive parts of `window_tokens` tokens, from the start of the text on.
  std::vector<std::vector<TokenId>> windows;
  // As many questions about passages spread over the text, as the model's template writes them.
  std::vector<std::vector<TokenId>> prompts;

  static absl::StatusOr<QualityCorpus> Read(const std::string& file, const text::TextModel& model,
                                            std::size_t windows, std::size_t window_tokens,
                                            std::size_t prompts);
};

}  // namespace pintle::bench

#endif  // PINTLE_BENCH_QUALITY_QUALITY_CORPUS_H_

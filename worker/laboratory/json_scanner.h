// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_JSON_SCANNER_H_
#define PINTLE_WORKER_LABORATORY_JSON_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace pintle::laboratory {

// Walks one JSON text from left to right without building it; blanks before a token are skipped.
// Each method takes its token and answers true, or answers false and the text is then faulty.
// Thread: one. Borrows the text. Nested values are skipped to a bounded depth.
class JsonScanner {
 public:
  explicit JsonScanner(absl::string_view text) : text_(text) {}

  // Takes `c` if it is next; otherwise takes nothing.
  bool Take(char c);
  bool TakeInteger(std::int64_t* value);
  bool TakeNumber(double* value);
  // Escapes other than \uXXXX are resolved; those become '?', for no name of ours has them.
  bool TakeString(std::string* value);
  // Any value.
  bool SkipValue() { return Skip(kDepthMax); }
  bool AtEnd();

 private:
  static constexpr int kDepthMax = 32;  // no trace nests deeper; the stack stays small

  bool Skip(int depth);
  bool SkipList(char close, bool named, int depth);
  void SkipBlanks();
  absl::string_view TakeWord();

  absl::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_JSON_SCANNER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_LAYOUT_FUNCTION_SCAN_H_
#define PINTLE_TESTS_LAYOUT_FUNCTION_SCAN_H_

#include <string>
#include <string_view>
#include <vector>

namespace pintle::layout {

// One function with a body: its lines count from the first of its head to the closing brace.
struct FunctionSpan {
  int first_line = 0;  // 1-based
  int lines = 0;
  std::string head;  // as written, in one line
};

// The text with comments, literals and preprocessor lines replaced by blanks; line ends stay.
std::string WithoutNoise(std::string_view text);

// The outermost functions of a C++ file laid out by our clang-format. It reads braces, not the
// language: a function is a block whose head has parentheses and is no type, namespace or
// initializer; lambdas count as part of the function around them.
std::vector<FunctionSpan> FunctionsOf(std::string_view text);

}  // namespace pintle::layout

#endif  // PINTLE_TESTS_LAYOUT_FUNCTION_SCAN_H_

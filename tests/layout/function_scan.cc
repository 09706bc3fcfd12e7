// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/function_scan.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <regex>

namespace pintle::layout {
namespace {

// Walks over a text and blanks what is no code. One method per kind of noise.
class NoiseFilter {
 public:
  explicit NoiseFilter(std::string_view text) : text_(text), out_(text) {}

  std::string Run() {
    while (at_ < text_.size()) Step();
    return std::move(out_);
  }

 private:
  void Step() {
    if (Here("//")) {
      BlankUntil("\n", 0);
    } else if (Here("/*")) {
      BlankUntil("*/", 2);
    } else if (Here("R\"") && !IsWord(at_ - 1)) {
      const std::size_t open = text_.find('(', at_);
      const std::string end =
          std::string(")").append(text_.substr(at_ + 2, open - at_ - 2)).append("\"");
      BlankUntil(end, end.size());
    } else if (text_[at_] == '"' || (text_[at_] == '\'' && !IsWord(at_ - 1))) {
      BlankLiteral(text_[at_]);
    } else if (text_[at_] == '#' && at_line_start_) {
      BlankDirective();
    } else {
      at_line_start_ = text_[at_] == '\n' || (at_line_start_ && text_[at_] == ' ');
      ++at_;
    }
  }

  bool Here(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  // Also true of a digit separator's left neighbour; at_ - 1 wraps at the start, which is no word.
  bool IsWord(std::size_t at) const {
    return at < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at])) != 0 || text_[at] == '_');
  }

  void Blank() {
    if (out_[at_] != '\n') out_[at_] = ' ';
    ++at_;
  }

  void BlankUntil(std::string_view end, std::size_t keep) {
    const std::size_t found = text_.find(end, at_);
    const std::size_t stop = found == std::string_view::npos ? text_.size() : found + keep;
    while (at_ < stop) Blank();
  }

  void BlankLiteral(char quote) {
    Blank();
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) Blank();
      Blank();
    }
    if (at_ < text_.size()) Blank();
  }

  // A directive goes on while its line ends in a backslash.
  void BlankDirective() {
    do {
      BlankUntil("\n", 0);
      if (at_ == text_.size() || text_[at_ - 1] != '\\') return;
      ++at_;
    } while (at_ < text_.size());
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
  bool at_line_start_ = true;
};

// Whether the text before a brace is the head of a function.
bool IsFunctionHead(const std::string& head) {
  static const std::regex kOther(
      R"((^|\W)(namespace|class|struct|enum|union|extern|if|for|while|switch|catch|do|else|try))"
      R"(\b)");
  static const std::regex kOperator(R"(operator\s*[^\s\w(]+)");
  const std::string plain = std::regex_replace(head, kOperator, "operator");
  if (plain.find('(') == std::string::npos || std::regex_search(plain, kOther)) return false;
  int depth = 0;
  for (const char c : plain) {
    if (c == '(' || c == '<') ++depth;
    if (c == ')' || c == '>') --depth;
    if (c == '=' && depth == 0) return false;
  }
  return true;
}

std::string Squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char plain = c == '\n' ? ' ' : c;
    if (plain != ' ' || (!out.empty() && out.back() != ' ')) out += plain;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// The first position at or after `from` that is not blank.
std::size_t SkipBlank(const std::string& code, std::size_t from) {
  return std::min(code.find_first_not_of(" \n", from), code.size());
}

int LineOf(const std::string& code, std::size_t at) {
  return 1 + static_cast<int>(
                 std::count(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

// The position of the brace that closes the one at `open`, or the end.
std::size_t ClosingBrace(const std::string& code, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < code.size(); ++at) {
    if (code[at] == '{') ++depth;
    if (code[at] == '}' && --depth == 0) return at;
  }
  return code.size();
}

}  // namespace

std::string WithoutNoise(std::string_view text) { return NoiseFilter(text).Run(); }

std::vector<FunctionSpan> FunctionsOf(std::string_view text) {
  static const std::regex kAccess(R"(^\s*(public|private|protected)\s*:)");
  const std::string code = WithoutNoise(text);
  std::vector<FunctionSpan> functions;
  std::size_t head = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (code[at] == ';' || code[at] == '}') head = at + 1;
    if (code[at] != '{') continue;
    // A member initializer `name_{...}` has no blank before its brace; it belongs to the head.
    const char before = at == 0 ? '\n' : code[at - 1];
    if (before != ' ' && before != '\n') {
      at = ClosingBrace(code, at);
      continue;
    }
    const std::string words =
        std::regex_replace(Squeezed(code.substr(head, at - head)), kAccess, "");
    if (IsFunctionHead(words)) {
      const std::size_t close = ClosingBrace(code, at);
      const int first = LineOf(code, SkipBlank(code, head));
      functions.push_back({first, LineOf(code, close) - first + 1, Squeezed(words)});
      at = close;
    }
    head = at + 1;
  }
  return functions;
}

}  // namespace pintle::layout

// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/json_scanner.h"

#include <cmath>

#include "absl/strings/numbers.h"

namespace pintle::laboratory {

void JsonScanner::SkipBlanks() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool JsonScanner::AtEnd() {
  SkipBlanks();
  return at_ == text_.size();
}

bool JsonScanner::Take(char c) {
  SkipBlanks();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

absl::string_view JsonScanner::TakeWord() {
  SkipBlanks();
  const std::size_t first = at_;
  while (at_ < text_.size() && text_.substr(at_, 1).find_first_of(" \t\r,:]}[{\"") ==
                                   absl::string_view::npos) {
    ++at_;
  }
  return text_.substr(first, at_ - first);
}

bool JsonScanner::TakeInteger(std::int64_t* value) {
  return absl::SimpleAtoi(TakeWord(), value);
}

bool JsonScanner::TakeNumber(double* value) {
  const absl::string_view word = TakeWord();
  const bool begins_well = !word.empty() && (word[0] == '-' || (word[0] >= '0' && word[0] <= '9'));
  return begins_well && absl::SimpleAtod(word, value) && std::isfinite(*value);
}

bool JsonScanner::TakeString(std::string* value) {
  value->clear();
  if (!Take('"')) return false;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c != '\\') {
      value->push_back(c);
      continue;
    }
    if (++at_ == text_.size()) return false;
    if (text_[at_] == 'u') {
      if (at_ + 4 >= text_.size()) return false;
      at_ += 4;
      value->push_back('?');
    } else {
      value->push_back(text_[at_]);
    }
  }
  return false;
}

bool JsonScanner::SkipList(char close, bool named, int depth) {
  if (Take(close)) return true;
  do {
    std::string name;
    if (named && !(TakeString(&name) && Take(':'))) return false;
    if (!Skip(depth)) return false;
  } while (Take(','));
  return Take(close);
}

bool JsonScanner::Skip(int depth) {
  if (depth == 0) return false;
  if (Take('[')) return SkipList(']', false, depth - 1);
  if (Take('{')) return SkipList('}', true, depth - 1);
  std::string text;
  SkipBlanks();
  if (at_ < text_.size() && text_[at_] == '"') return TakeString(&text);
  double number = 0;
  const std::size_t first = at_;
  if (TakeNumber(&number)) return true;
  at_ = first;
  const absl::string_view word = TakeWord();
  return word == "true" || word == "false" || word == "null";
}

}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TABLE_H_
#define PINTLE_CLI_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pintle {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

// Rows of text in aligned columns, two spaces apart, without trailing blanks. Cells are made
// harmless, so a server's names cannot reach the terminal as commands.
// Thread: one. Never fails.
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  // Requires: as many cells as columns.
  void AddRow(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // The title line and the rows, joined by line feeds, without one at the end.
  std::string ToString() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "-" for the empty text, which a column must show as something.
std::string OrDash(absl::string_view text);
// 1234567 -> "1,234,567".
std::string Grouped(long long number);
// "42 ms", "3.4 s", "5 min", "2.1 h", "3.0 d": the unit a person would pick.
std::string ReadableSeconds(double seconds);

}  // namespace pintle

#endif  // PINTLE_CLI_TABLE_H_

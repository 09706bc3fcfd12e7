// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/harmless_text.h"
#include "contract/check.h"

namespace pintle {
namespace {

// Columns a terminal uses for it, taking one for each character; ids and names are Latin.
std::size_t WidthOf(absl::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

void AppendRow(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
               const std::vector<std::string>& cells, std::string& out) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - WidthOf(cells[i]), ' ');
    if (i > 0) line += "  ";
    absl::StrAppend(&line, columns[i].align == Align::kRight ? padding : "", cells[i],
                    columns[i].align == Align::kLeft ? padding : "");
  }
  line.erase(line.find_last_not_of(' ') + 1);
  absl::StrAppend(&out, out.empty() ? "" : "\n", line);
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::AddRow(std::vector<std::string> cells) {
  PINTLE_CHECK(cells.size() == columns_.size(), "a row has one cell for each column");
  for (std::string& cell : cells) cell = HarmlessLine(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::ToString() const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(WidthOf(column.title));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  std::string out;
  AppendRow(columns_, widths, titles, out);
  for (const auto& row : rows_) AppendRow(columns_, widths, row, out);
  return out;
}

std::string OrDash(absl::string_view text) { return text.empty() ? "-" : std::string(text); }

std::string Grouped(long long number) {
  std::string digits = absl::StrCat(number);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string ReadableSeconds(double seconds) {
  if (seconds < 1) return absl::StrFormat("%.0f ms", seconds * 1e3);
  if (seconds < 120) return absl::StrFormat("%.1f s", seconds);
  if (seconds < 7200) return absl::StrFormat("%.0f min", seconds / 60);
  if (seconds < 172800) return absl::StrFormat("%.1f h", seconds / 3600);
  return absl::StrFormat("%.1f d", seconds / 86400);
}

}  // namespace pintle

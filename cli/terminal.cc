// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "cli/harmless_text.h"

namespace pintle {
namespace {

constexpr char kBold[] = "\033[1m";
constexpr char kDim[] = "\033[2m";
constexpr char kRed[] = "\033[31m";
constexpr char kPlain[] = "\033[0m";

std::string Styled(bool color, const char* style, absl::string_view text) {
  return color ? absl::StrCat(style, text, kPlain) : std::string(text);
}

bool WantsColor(ColorMode mode, bool is_terminal) {
  if (mode != ColorMode::kAuto) return mode == ColorMode::kAlways;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused = no_color != nullptr && *no_color != '\0';
  const bool dumb = term != nullptr && absl::string_view(term) == "dumb";
  return is_terminal && !refused && !dumb;
}

}  // namespace

TerminalTraits TerminalTraits::OfProcess(ColorMode mode) {
  TerminalTraits traits;
  traits.in_is_terminal = isatty(STDIN_FILENO) == 1;
  traits.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  traits.err_is_terminal = isatty(STDERR_FILENO) == 1;
  traits.color_out = WantsColor(mode, traits.out_is_terminal);
  traits.color_err = WantsColor(mode, traits.err_is_terminal);
  return traits;
}

Terminal::Terminal(std::ostream& out, std::ostream& err, TerminalTraits traits)
    : out_(out), err_(err), traits_(traits) {}

void Terminal::Text(absl::string_view text) {
  out_ << (traits_.out_is_terminal ? Harmless(text) : std::string(text)) << std::flush;
}

void Terminal::Line(absl::string_view line) { out_ << line << '\n' << std::flush; }

void Terminal::Note(absl::string_view line) {
  err_ << Styled(traits_.color_err, kDim, line) << '\n' << std::flush;
}

void Terminal::Error(absl::string_view line) {
  err_ << Styled(traits_.color_err, kRed, "error:") << ' ' << line << '\n' << std::flush;
}

void Terminal::ErrorLine(absl::string_view line) { err_ << "  " << line << '\n' << std::flush; }

void Terminal::ClearScreen() {
  if (traits_.out_is_terminal) out_ << "\033[H\033[2J" << std::flush;
}

std::string Terminal::Bold(absl::string_view text) const {
  return Styled(traits_.color_out, kBold, text);
}

}  // namespace pintle

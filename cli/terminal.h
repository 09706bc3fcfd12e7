// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TERMINAL_H_
#define PINTLE_CLI_TERMINAL_H_

#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

namespace pintle {

enum class ColorMode { kAuto, kAlways, kNever };

// What the three standard streams are, and whether each output gets colours.
struct TerminalTraits {
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color_out = false;
  bool color_err = false;

  // Of this process. kAuto: colours on a terminal, unless NO_COLOR is set or TERM is "dumb".
  static TerminalTraits OfProcess(ColorMode mode);
};

// Standard output and standard error as people read them. Answers go to standard output, everything
// about them to standard error, so that a pipe sees answers only.
// Thread: one. Borrows both streams. Fails: ok() is false once standard output took no more.
class Terminal {
 public:
  Terminal(std::ostream& out, std::ostream& err, TerminalTraits traits);

  // A model's text as it comes: made harmless on a terminal, byte for byte in a pipe; flushed.
  void Text(absl::string_view text);
  // A line of our own making on standard output.
  void Line(absl::string_view line);
  // A dim line on standard error.
  void Note(absl::string_view line);
  // "error: LINE" on standard error, and a line that belongs to it.
  void Error(absl::string_view line);
  void ErrorLine(absl::string_view line);
  // Moves to the top left corner and clears; nothing unless standard output is a terminal.
  void ClearScreen();

  std::string Bold(absl::string_view text) const;
  const TerminalTraits& traits() const { return traits_; }
  bool ok() const { return out_.good(); }

 private:
  std::ostream& out_;
  std::ostream& err_;
  const TerminalTraits traits_;
};

}  // namespace pintle

#endif  // PINTLE_CLI_TERMINAL_H_

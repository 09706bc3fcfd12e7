// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <cstdlib>
#include <sstream>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TerminalTraits OnATerminal() {
  TerminalTraits traits;
  traits.out_is_terminal = traits.err_is_terminal = true;
  traits.color_out = traits.color_err = true;
  return traits;
}

TEST(TerminalTest, AModelsTextIsHarmlessOnATerminalAndUnchangedInAPipe) {
  std::ostringstream terminal_out, pipe_out, err;
  Terminal(terminal_out, err, OnATerminal()).Text("a\033[2Jb\n");
  Terminal(pipe_out, err, TerminalTraits()).Text("a\033[2Jb\n");
  EXPECT_EQ(terminal_out.str(), "a^[[2Jb\n");
  EXPECT_EQ(pipe_out.str(), "a\033[2Jb\n");
}

TEST(TerminalTest, NotesAndErrorsGoToStandardErrorOnly) {
  std::ostringstream out, err;
  Terminal terminal(out, err, TerminalTraits());
  terminal.Note("figures");
  terminal.Error("NOT_FOUND: m");
  terminal.ErrorLine("next: n");
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(), "figures\nerror: NOT_FOUND: m\n  next: n\n");
}

TEST(TerminalTest, ColoursAndRedrawingAreForTerminals) {
  std::ostringstream out, err, pipe_out;
  Terminal terminal(out, err, OnATerminal());
  terminal.ClearScreen();
  terminal.Note("n");
  EXPECT_EQ(out.str(), "\033[H\033[2J");
  EXPECT_EQ(err.str(), "\033[2mn\033[0m\n");
  EXPECT_EQ(terminal.Bold("b"), "\033[1mb\033[0m");
  Terminal pipe(pipe_out, err, TerminalTraits());
  pipe.ClearScreen();
  EXPECT_EQ(pipe_out.str(), "");
  EXPECT_EQ(pipe.Bold("b"), "b");
}

TEST(TerminalTest, ColoursFollowTheModeAndNoColor) {
  EXPECT_TRUE(TerminalTraits::OfProcess(ColorMode::kAlways).color_out);
  EXPECT_FALSE(TerminalTraits::OfProcess(ColorMode::kNever).color_err);
  ASSERT_EQ(setenv("NO_COLOR", "1", 1), 0);
  EXPECT_FALSE(TerminalTraits::OfProcess(ColorMode::kAuto).color_out);
  EXPECT_FALSE(TerminalTraits::OfProcess(ColorMode::kAuto).color_err);
  unsetenv("NO_COLOR");
}

TEST(TerminalTest, AClosedOutputIsNoticed) {
  std::ostringstream out, err;
  Terminal terminal(out, err, TerminalTraits());
  EXPECT_TRUE(terminal.ok());
  out.setstate(std::ios::badbit);
  EXPECT_FALSE(terminal.ok());
}

}  // namespace
}  // namespace pintle

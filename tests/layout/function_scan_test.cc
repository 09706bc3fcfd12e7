// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/function_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pintle::layout {
namespace {

std::vector<std::string> HeadsOf(const std::string& text) {
  std::vector<std::string> heads;
  for (const FunctionSpan& function : FunctionsOf(text)) heads.push_back(function.head);
  return heads;
}

TEST(FunctionsOf, CountsFromTheHeadToTheClosingBrace) {
  const std::vector<FunctionSpan> found =
      FunctionsOf("// why\n\nint F(int a,\n      int b) {\n  return a + b;\n}\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].first_line, 3);
  EXPECT_EQ(found[0].lines, 4);
}

TEST(FunctionsOf, FindsMethodsInsideClassesAndNamespaces) {
  EXPECT_EQ(HeadsOf("namespace a {\nclass B {\n public:\n  void M() {\n  }\n};\n}\n"),
            std::vector<std::string>{"void M()"});
}

TEST(FunctionsOf, KeepsMemberInitializersInTheHead) {
  EXPECT_EQ(HeadsOf("C::C(int a) : a_(a), b_{a, a} {\n  Go();\n}\n"),
            std::vector<std::string>{"C::C(int a) : a_(a), b_{a, a}"});
}

TEST(FunctionsOf, CountsALambdaAsPartOfItsFunction) {
  EXPECT_EQ(HeadsOf("void F() {\n  auto g = [](int x) {\n    return x;\n  };\n}\n"),
            std::vector<std::string>{"void F()"});
}

TEST(FunctionsOf, KnowsOperatorsAndDefaultArguments) {
  EXPECT_EQ(HeadsOf("bool operator==(A a, A b) {\n}\nvoid G(int x = 3) {\n}\n").size(), 2U);
}

TEST(FunctionsOf, IgnoresTypesTablesAndBranches) {
  EXPECT_TRUE(HeadsOf("struct alignas(64) S {\n  int a;\n};\n").empty());
  EXPECT_TRUE(HeadsOf("const int kX[] = {\n  F(1),\n  F(2)};\n").empty());
  EXPECT_TRUE(HeadsOf("enum class E { kA, kB };\n").empty());
}

TEST(FunctionsOf, IsNotMisledByBracesInNoise) {
  const std::string text =
      "void F() {\n  // }\n  /* } */\n  Say(\"}\");\n  Say('}');\n  Say(R\"(})\");\n  int n = "
      "1'000;\n}\nvoid G() {\n}\n";
  EXPECT_EQ(HeadsOf(text), (std::vector<std::string>{"void F()", "void G()"}));
}

TEST(FunctionsOf, SkipsMacroDefinitions) {
  EXPECT_EQ(HeadsOf("#define X(a) \\\n  do {  \\\n  } while (0)\nvoid F() {\n}\n"),
            std::vector<std::string>{"void F()"});
}

TEST(WithoutNoise, KeepsLineEnds) { EXPECT_EQ(WithoutNoise("a // b\n\"c\nd"), "a     \n  \nd"); }

}  // namespace
}  // namespace pintle::layout

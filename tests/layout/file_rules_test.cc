// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/file_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace pintle::layout {
namespace {

std::string Lines(int count) {
  std::string text;
  for (int line = 0; line < count; ++line) text += "x;\n";
  return text;
}

TEST(LongFiles, FindsTheFirstLineTooMany) {
  EXPECT_TRUE(LongFiles({{"a.cc", Lines(600)}}).empty());
  EXPECT_EQ(LongFiles({{"a.cc", Lines(601)}}), Violations{"a.cc:601: 601 lines, limit 600"});
  EXPECT_TRUE(LongFiles({{"notes.md", Lines(601)}}).empty());
}

TEST(LongFunctions, FindsTheFirstLineTooMany) {
  EXPECT_TRUE(LongFunctions({{"a.cc", "void F() {\n" + Lines(68) + "}\n"}}).empty());
  EXPECT_EQ(LongFunctions({{"a.cc", "int x;\nvoid F() {\n" + Lines(69) + "}\n"}}),
            Violations{"a.cc:2: 71 lines in one function, limit 70: void F()"});
}

TEST(WideLines, FindsColumn101) {
  EXPECT_TRUE(WideLines({{"a.py", std::string(100, 'x')}}).empty());
  EXPECT_EQ(WideLines({{"a.py", "\n" + std::string(101, 'x')}}),
            Violations{"a.py:2: more than 100 columns"});
}

TEST(NonAscii, FindsAByteAbove127) {
  EXPECT_EQ(NonAscii({{"a.cc", "ok\n// \xC3\xA9\n"}}),
            Violations{"a.cc:2: a character outside ASCII"});
  EXPECT_TRUE(NonAscii({{"a.md", "\xC3\xA9"}}).empty());
}

TEST(MissingLicenceLines, LooksAtTheFirstLineOrBehindTheInterpreter) {
  EXPECT_TRUE(MissingLicenceLines({{"a.cc", "// SPDX-License-Identifier: Apache-2.0\n"}}).empty());
  EXPECT_TRUE(MissingLicenceLines({{"a.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"}})
                  .empty());
  EXPECT_EQ(MissingLicenceLines({{"a.cc", "\n// SPDX-License-Identifier: Apache-2.0\n"}}).size(),
            1U);
  EXPECT_EQ(MissingLicenceLines({{"a.cc", ""}}).size(), 1U);
}

TEST(MissingReadmes, AsksEachFolderWithCodeForOne) {
  EXPECT_EQ(MissingReadmes({{"worker/kv/a.cc", ""}}).size(), 1U);
  EXPECT_TRUE(MissingReadmes({{"worker/kv/a.cc", ""}, {"worker/kv/README.md", ""}}).empty());
  EXPECT_TRUE(MissingReadmes({{"tests/worker/kv/a_test.cc", ""}}).empty());
  EXPECT_EQ(MissingReadmes({{"tests/e2e/a_test.cc", ""}}).size(), 1U);
  EXPECT_TRUE(MissingReadmes({{"proto/pintle/v1/a.proto", ""}}).empty());
}

TEST(EmptyNames, FindsThemInPathsAndTypes) {
  EXPECT_EQ(EmptyNames({{"worker/string_util.cc", ""}}).size(), 1U);
  EXPECT_EQ(EmptyNames({{"worker/helpers/a.cc", ""}}).size(), 1U);
  EXPECT_EQ(EmptyNames({{"worker/a.h", "\nclass CacheManager {"}}),
            Violations{"worker/a.h:2: the type's name says nothing: CacheManager"});
  EXPECT_TRUE(EmptyNames({{"worker/utilisation.cc", "struct Simple {};"}}).empty());
}

}  // namespace
}  // namespace pintle::layout

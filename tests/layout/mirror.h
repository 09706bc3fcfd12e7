// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_LAYOUT_MIRROR_H_
#define PINTLE_TESTS_LAYOUT_MIRROR_H_

#include <map>
#include <string>
#include <vector>

#include "tests/layout/source_tree.h"

namespace pintle::layout {

// Units (path without extension) that have no test of their own name, each with the reason.
using MirrorExceptions = std::map<std::string, std::string>;

const MirrorExceptions& KnownExceptions();

// Units a/b/c.{h,cc} of the rooms without tests/a/b/c_test.cc, and exceptions that have become
// stale. No test is asked of a header without a .cc and without a function body of several lines
// (an interface or plain data), of a main.cc, and of a c_<isa>.cc beside a tested c.
Violations MissingTests(const std::vector<SourceFile>& files, const MirrorExceptions& exceptions);

}  // namespace pintle::layout

#endif  // PINTLE_TESTS_LAYOUT_MIRROR_H_

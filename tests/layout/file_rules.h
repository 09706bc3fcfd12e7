// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_LAYOUT_FILE_RULES_H_
#define PINTLE_TESTS_LAYOUT_FILE_RULES_H_

#include <vector>

#include "tests/layout/source_tree.h"

namespace pintle::layout {

// Rules that look at one file, or one folder, at a time. Each returns what breaks it.

// Code of more than 600 lines: it holds more than one thing.
Violations LongFiles(const std::vector<SourceFile>& files);
// C++ functions of more than 70 lines: a reader loses the beginning.
Violations LongFunctions(const std::vector<SourceFile>& files);
// Lines of more than 100 columns, outside build lists.
Violations WideLines(const std::vector<SourceFile>& files);
// Bytes above 127 in code: what looks alike may not be alike.
Violations NonAscii(const std::vector<SourceFile>& files);
// Code whose first line (after a #! line) is no SPDX licence line.
Violations MissingLicenceLines(const std::vector<SourceFile>& files);
// Folders that hold code, outside the tests' mirror, and have no README.md.
Violations MissingReadmes(const std::vector<SourceFile>& files);
// Files, folders and types named after no thing: util, common, helper, misc, manager, impl.
Violations EmptyNames(const std::vector<SourceFile>& files);

}  // namespace pintle::layout

#endif  // PINTLE_TESTS_LAYOUT_FILE_RULES_H_

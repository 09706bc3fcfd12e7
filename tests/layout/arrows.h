// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_LAYOUT_ARROWS_H_
#define PINTLE_TESTS_LAYOUT_ARROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/layout/source_tree.h"

namespace pintle::layout {

// The room a source file belongs to: the longest entry of the table that holds its folder, or ""
// outside all rooms. A test belongs to no room.
std::string RoomOf(std::string_view path);

// Includes that point from a room to one that the table of arrows does not allow it, includes of
// tests from outside tests, and source folders that the table does not know.
Violations WrongArrows(const std::vector<SourceFile>& files);

// LibTorch headers outside worker/model, gRPC and generated Protobuf headers outside services, cli
// and the mains; torch/torch.h anywhere.
Violations WrongLibraries(const std::vector<SourceFile>& files);

}  // namespace pintle::layout

#endif  // PINTLE_TESTS_LAYOUT_ARROWS_H_

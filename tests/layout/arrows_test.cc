// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/arrows.h"

#include <gtest/gtest.h>

#include <string>

namespace pintle::layout {
namespace {

Violations ArrowsOf(const std::string& path, const std::string& include) {
  return WrongArrows({{path, "// first\n#include \"" + include + "\"\n"}});
}

Violations LibrariesOf(const std::string& path, const std::string& include) {
  return WrongLibraries({{path, "#include <" + include + ">\n"}});
}

TEST(RoomOf, IsTheLongestRoomOfTheTable) {
  EXPECT_EQ(RoomOf("worker/model/seam/decoder.h"), "worker/model/seam");
  EXPECT_EQ(RoomOf("worker/model/kernels/gemm.h"), "worker/model");
  EXPECT_EQ(RoomOf("worker/main.cc"), "worker");
  EXPECT_EQ(RoomOf("tests/worker/kv/block_pool_test.cc"), "");
}

TEST(WrongArrows, FindsAnArrowAgainstTheOrder) {
  EXPECT_EQ(ArrowsOf("contract/ids.h", "worker/kv/block_pool.h"),
            Violations{"contract/ids.h:2: contract may not include worker/kv/block_pool.h"});
}

TEST(WrongArrows, FindsWorkerAndCoordinatorTogether) {
  EXPECT_EQ(ArrowsOf("worker/main.cc", "coordinator/routing/least_loaded.h").size(), 1U);
  EXPECT_EQ(ArrowsOf("coordinator/main.cc", "worker/kv/block_pool.h").size(), 1U);
  EXPECT_TRUE(ArrowsOf("cli/serve.cc", "worker/kv/block_pool.h").empty());
}

TEST(WrongArrows, FindsALinkedRoomBehindAPureOne) {
  EXPECT_EQ(ArrowsOf("worker/engine/engine.cc", "worker/model/torch_decoder.h").size(), 1U);
  EXPECT_TRUE(ArrowsOf("worker/engine/engine.cc", "worker/model/seam/decoder.h").empty());
}

TEST(WrongArrows, FindsATestBelowASource) {
  EXPECT_EQ(ArrowsOf("worker/kv/block_pool.cc", "tests/fakes/manual_clock.h").size(), 1U);
  EXPECT_TRUE(ArrowsOf("tests/worker/kv/x_test.cc", "tests/fakes/manual_clock.h").empty());
}

TEST(WrongArrows, FindsAFolderThatIsNoRoom) {
  EXPECT_EQ(ArrowsOf("attic/thing.cc", "contract/ids.h").size(), 1U);
}

TEST(WrongLibraries, KeepsLibTorchInTheModelRoom) {
  EXPECT_EQ(LibrariesOf("worker/engine/engine.cc", "ATen/core/Tensor.h").size(), 1U);
  EXPECT_EQ(LibrariesOf("worker/model/seam/decoder.h", "c10/core/ScalarType.h").size(), 1U);
  EXPECT_TRUE(LibrariesOf("worker/model/decoder.cc", "ATen/core/Tensor.h").empty());
}

TEST(WrongLibraries, RefusesTheWideTorchHeaderEverywhere) {
  EXPECT_EQ(LibrariesOf("worker/model/decoder.cc", "torch/torch.h").size(), 1U);
}

TEST(WrongLibraries, KeepsGrpcInServicesCliAndMains) {
  EXPECT_EQ(LibrariesOf("worker/engine/engine.cc", "grpcpp/grpcpp.h").size(), 1U);
  EXPECT_EQ(LibrariesOf("coordinator/relay.cc", "pintle/v1/inference.pb.h").size(), 1U);
  EXPECT_EQ(LibrariesOf("services/outbox/outbox.h", "grpcpp/grpcpp.h").size(), 1U);
  EXPECT_EQ(LibrariesOf("tests/worker/kv/x_test.cc", "grpcpp/grpcpp.h").size(), 1U);
  EXPECT_TRUE(LibrariesOf("services/grpc_host.cc", "grpcpp/grpcpp.h").empty());
  EXPECT_TRUE(LibrariesOf("worker/main.cc", "grpcpp/grpcpp.h").empty());
  EXPECT_TRUE(LibrariesOf("tests/e2e/cancel_test.cc", "grpcpp/grpcpp.h").empty());
}

}  // namespace
}  // namespace pintle::layout

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/safetensors_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "contract/errors.h"

namespace pintle::model {
namespace {

const std::string kFolder = std::string(PINTLE_SOURCE_DIR) + "/tests/data/model/llama_plain";

TEST(SafetensorsWeightsTest, FindsTensorsOfAllFiles) {
  const auto weights =
      SafetensorsWeights::Open(kFolder, {"model.safetensors", "reference.safetensors"});
  ASSERT_TRUE(weights.ok()) << weights.status();
  const auto logits = (*weights)->Find("logits");
  ASSERT_TRUE(logits.ok());
  EXPECT_EQ(logits->dtype, Dtype::kFloat32);
  EXPECT_EQ(logits->shape, std::vector<std::int64_t>({128, 64}));
  EXPECT_EQ(logits->bytes.size(), 128U * 64 * 4);
  const auto norm = (*weights)->Find("model.norm.weight");
  ASSERT_TRUE(norm.ok());
  EXPECT_EQ(norm->dtype, Dtype::kBfloat16);
  const auto names = (*weights)->Names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ((*weights)->Files().size(), 2U);
}

TEST(SafetensorsWeightsTest, AnUnknownTensorIsNotFound) {
  const auto weights = SafetensorsWeights::Open(kFolder, {"model.safetensors"});
  ASSERT_TRUE(weights.ok());
  EXPECT_EQ((*weights)->Find("model.nothing").status().code(), absl::StatusCode::kNotFound);
}

TEST(SafetensorsWeightsTest, AMissingFileAndATensorHeldTwiceAreRefusedByName) {
  const auto missing = SafetensorsWeights::Open(kFolder, {"other.safetensors"}).status();
  EXPECT_TRUE(HasReason(missing, Reason::kModelNotFound)) << missing;
  EXPECT_NE(missing.message().find("other.safetensors"), std::string::npos);
  const auto twice =
      SafetensorsWeights::Open(kFolder, {"model.safetensors", "model.safetensors"}).status();
  EXPECT_TRUE(HasReason(twice, Reason::kInvalidField)) << twice;
}

}  // namespace
}  // namespace pintle::model

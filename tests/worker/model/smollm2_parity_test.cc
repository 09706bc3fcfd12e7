// SPDX-License-Identifier: Apache-2.0
// SmolLM2 against transformers (scripts/references/smollm2.py). Needs the model of `make setup`.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/worker/model/model_probe.h"

namespace pintle::model {
namespace {

constexpr float kClearMargin = 1e-3F;
constexpr TokenId kEos = 2;

struct Case {
  std::vector<TokenId> prompt;
  std::vector<TokenId> output;  // greedy in f32
  std::vector<TokenId> first;   // f32 argmax, teacher-forced
  std::vector<float> margin;
};

struct Reference {
  std::vector<Case> cases;
  int positions = 0;
  int bf16_disagreements = 0;  // transformers' own
};

Reference ReadReference() {
  std::ifstream file(std::string(PINTLE_SOURCE_DIR) + "/tests/data/model/smollm2.json");
  const auto json = nlohmann::json::parse(file);
  Reference reference;
  for (const auto& item : json["cases"]) {
    reference.cases.push_back({item["prompt"], item["output"], item["first"], item["margin"]});
  }
  reference.positions = json["positions"];
  reference.bf16_disagreements = json["bf16_disagreements"];
  return reference;
}

ModelProbe OpenSmol(const std::string& dtype, const std::string& kv_dtype = std::string()) {
  TorchDecoderOptions options;
  options.dtype = dtype;
  options.kv_dtype = kv_dtype;
  options.threads = 2;
  return ModelProbe::Open(SmolFolder(), options);
}

// The model's choice at each output position when fed the reference's own tokens.
std::vector<TokenId> TeacherForced(ModelProbe& probe, const Case& one) {
  std::vector<TokenId> tokens = one.prompt;
  tokens.insert(tokens.end(), one.output.begin(), one.output.end() - 1);
  return probe.Forced(tokens, one.output.size());
}

TEST(Smollm2ParityTest, ReferenceCoversWhatWasPromised) {
  const Reference reference = ReadReference();
  EXPECT_GE(reference.cases.size(), 24U);
  std::size_t longest = 0;
  for (const Case& one : reference.cases) {
    longest = std::max(longest, one.prompt.size());
    EXPECT_TRUE(one.output.size() == 48 || one.output.back() == kEos);
  }
  EXPECT_GE(longest, 2000U);
}

TEST(Smollm2ParityTest, ExactWeightsChooseTheReferencesTokenWhereverItIsClear) {
  ModelProbe probe = OpenSmol("f32");
  for (const Case& one : ReadReference().cases) {
    const std::vector<TokenId> chosen = TeacherForced(probe, one);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (one.margin[i] > kClearMargin) {
        EXPECT_EQ(chosen[i], one.first[i]) << "position " << i;
      }
    }
  }
}

TEST(Smollm2ParityTest, FreeRunEqualsTheReferenceUpToTheFirstUnclearChoice) {
  ModelProbe probe = OpenSmol("f32");
  for (const Case& one : ReadReference().cases) {
    const std::vector<TokenId> output =
        probe.Greedy(one.prompt, static_cast<std::int32_t>(one.output.size()), kEos);
    for (std::size_t i = 0; i < one.output.size() && one.margin[i] > kClearMargin; ++i) {
      ASSERT_LT(i, output.size());
      ASSERT_EQ(output[i], one.output[i]) << "position " << i;
    }
  }
}

TEST(Smollm2ParityTest, Bf16StrayNoMoreThanTransformersOwn) {
  const Reference reference = ReadReference();
  ModelProbe probe = OpenSmol("bf16");
  int disagreements = 0;
  for (const Case& one : reference.cases) {
    const std::vector<TokenId> chosen = TeacherForced(probe, one);
    for (std::size_t i = 0; i < chosen.size(); ++i) disagreements += chosen[i] != one.first[i];
  }
  RecordProperty("bf16_disagreements", disagreements);
  std::printf("bf16: %d of %d positions differ from f32; transformers' bf16: %d\n", disagreements,
              reference.positions, reference.bf16_disagreements);
  EXPECT_LE(disagreements, 1.2 * reference.bf16_disagreements);
}

// The bound is the one that weight-only int8 is chosen under: 97 of 100 positions.
TEST(Smollm2ParityTest, Int8WeightsAgreeOnNearlyAllPositions) {
  const Reference reference = ReadReference();
  ModelProbe probe = OpenSmol("int8");
  int disagreements = 0;
  for (const Case& one : reference.cases) {
    const std::vector<TokenId> chosen = TeacherForced(probe, one);
    for (std::size_t i = 0; i < chosen.size(); ++i) disagreements += chosen[i] != one.first[i];
  }
  RecordProperty("int8_disagreements", disagreements);
  std::printf("int8: %d of %d positions differ from f32\n", disagreements, reference.positions);
  EXPECT_LE(disagreements, 0.03 * reference.positions);
}

// What makes drafts exact: a row among others has the very bits that it has alone.
TEST(Smollm2ParityTest, RowsOfOneStepHaveTheBitsOfRowsAlone) {
  const Case one = ReadReference().cases.front();
  std::vector<TokenId> tokens = one.prompt;
  tokens.insert(tokens.end(), one.output.begin(), one.output.end());
  tokens.resize(std::min<std::size_t>(tokens.size(), 60));
  for (const auto& [dtype, kv_dtype] : std::vector<std::pair<const char*, const char*>>{
           {"f32", ""}, {"bf16", ""}, {"int8", ""}, {"w8a8", ""}, {"int4", ""}, {"w8a8", "int8"}}) {
    ModelProbe probe = OpenSmol(dtype, kv_dtype);
    const Logits alone = probe.LogitsOf(tokens, 1);
    for (const std::int32_t rows : {2, 3, 5, 9, 17}) {
      const float difference = MaxDifference(probe.LogitsOf(tokens, rows), alone);
      EXPECT_EQ(difference, 0.0F) << dtype << kv_dtype << ", " << rows;
    }
  }
}

// Where a prompt is cut is the moment's affair: over a context of several splits of attention too.
TEST(Smollm2ParityTest, TheCutsOfALongPromptChangeNoBit) {
  constexpr std::size_t kTokens = 1100;
  const Reference reference = ReadReference();
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; tokens.size() < kTokens; ++i) {
    const Case& one = reference.cases[i % reference.cases.size()];
    tokens.insert(tokens.end(), one.prompt.begin(), one.prompt.end());
    tokens.insert(tokens.end(), one.output.begin(), one.output.end());
  }
  tokens.resize(kTokens);
  for (const auto& [dtype, kv_dtype] : std::vector<std::pair<const char*, const char*>>{
           {"bf16", "bf16"}, {"bf16", "int8"}, {"w8a8", "int8"}}) {
    ModelProbe probe = OpenSmol(dtype, kv_dtype);
    const Logits wide = probe.LogitsOf(tokens, 512);
    for (const std::int32_t rows : {7, 48}) {
      const float difference = MaxDifference(probe.LogitsOf(tokens, rows), wide);
      EXPECT_EQ(difference, 0.0F) << dtype << kv_dtype << ", " << rows;
    }
  }
}

}  // namespace
}  // namespace pintle::model

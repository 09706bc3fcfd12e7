// SPDX-License-Identifier: Apache-2.0
#include "contract/generation.h"

#include "contract/request_rules.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(GenerationTest, CachedTokensAddUpOverAllSources) {
  CachedTokens cached;
  EXPECT_EQ(cached.Total(), 0);
  cached.session = 1;
  cached.prefix = 10;
  cached.host = 100;
  cached.disk = 1000;
  EXPECT_EQ(cached.Total(), 1111);
}

TEST(GenerationTest, MessagesAreEqualOnlyInAllTheirParts) {
  const Message message{"assistant", "text", {{"id", "name", "{}"}}, "call", "me"};
  EXPECT_EQ(message, Message(message));
  Message other = message;
  other.text = "other";
  EXPECT_NE(message, other);
  other = message;
  other.tool_calls[0].arguments_json = "{ }";
  EXPECT_NE(message, other);
  other = message;
  other.tool_calls.clear();
  EXPECT_NE(message, other);
  other = message;
  other.name.clear();
  EXPECT_NE(message, other);
}

TEST(GenerationTest, ARequestOfDefaultsOnlyIsValid) {
  EXPECT_TRUE(ValidateRequest(GenerationRequest()).ok());
}

TEST(GenerationTest, ResolvedOptionsBeginWithEverythingOff) {
  const ResolvedSampling sampling;
  EXPECT_EQ(sampling.temperature, 0.0F);
  EXPECT_EQ(sampling.top_k, 0);
  EXPECT_EQ(sampling.top_p, 1.0F);
  EXPECT_EQ(sampling.min_p, 0.0F);
  EXPECT_EQ(sampling.repetition_penalty, 1.0F);
}

}  // namespace
}  // namespace pintle

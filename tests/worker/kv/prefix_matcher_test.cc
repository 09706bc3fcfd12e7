// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/prefix_matcher.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

class PrefixMatcherTest : public testing::Test {
 protected:
  // A block of two tokens after `parent`, findable when both are written.
  BlockIndex Add(BlockIndex parent, const std::vector<TokenId>& tokens) {
    const BlockIndex block = pool_.TakeFree();
    std::copy(tokens.begin(), tokens.end(), pool_.TokensOf(block).begin());
    pool_[block].parent = parent;
    pool_[block].space = 0;
    pool_[block].depth = parent == kNoBlock ? 0 : pool_[parent].depth + 1;
    pool_.SetFilled(block, static_cast<std::int32_t>(tokens.size()));
    const Hash128 before = parent == kNoBlock ? root_ : pool_[parent].hash;
    if (tokens.size() == 2) index_.Insert(block, hash_.Extend(before, tokens));
    return block;
  }
  MatchedChain Match(const Session* session, const std::vector<TokenId>& tokens) {
    return matcher_.Match(session, 0, root_, tokens);
  }

  BlockHash hash_{{1, 2}};
  Hash128 root_ = hash_.Root("t");
  BlockPool pool_{8, 2};
  PrefixIndex index_{pool_};
  PrefixMatcher matcher_{pool_, index_, hash_, 8};
};

TEST_F(PrefixMatcherTest, TheOwnChainComesFirstAndTheIndexContinuesIt) {
  const BlockIndex a = Add(kNoBlock, {1, 2});
  const BlockIndex b = Add(a, {3, 4});
  Session session;
  session.tail = a;
  session.held = 2;
  const MatchedChain chain = Match(&session, {1, 2, 3, 4, 5});
  EXPECT_EQ(chain.session_tokens, 2);
  EXPECT_EQ(chain.prefix_tokens, 2);
  EXPECT_EQ(std::vector<BlockIndex>(chain.blocks.begin(), chain.blocks.end()),
            (std::vector<BlockIndex>{a, b}));
}

TEST_F(PrefixMatcherTest, OnlyTheOwnChainMatchesInsideABlock) {
  const BlockIndex a = Add(kNoBlock, {1, 2});
  Session session;
  session.tail = a;
  session.held = 2;
  EXPECT_EQ(Match(&session, {1, 9, 9}).session_tokens, 1);
  EXPECT_EQ(Match(nullptr, {1, 9, 9}).Total(), 0);
}

TEST_F(PrefixMatcherTest, AFullBlockOfAnotherBeatsThePartOfTheOwn) {
  const BlockIndex own = Add(kNoBlock, {1});
  const BlockIndex full = Add(kNoBlock, {1, 2});
  Session session;
  session.tail = own;
  session.held = 1;
  const MatchedChain chain = Match(&session, {1, 2, 3});
  EXPECT_EQ(chain.prefix_tokens, 2);
  EXPECT_EQ(chain.session_tokens, 0);
  EXPECT_EQ(chain.blocks[0], full);
}

TEST_F(PrefixMatcherTest, TheLastTokenIsAlwaysLeft) {
  const BlockIndex a = Add(kNoBlock, {1, 2});
  const MatchedChain chain = Match(nullptr, {1, 2});
  EXPECT_EQ(chain.prefix_tokens, 1);
  EXPECT_EQ(chain.blocks[0], a);
  EXPECT_EQ(Match(nullptr, {1}).Total(), 0);
}

}  // namespace
}  // namespace pintle::kv

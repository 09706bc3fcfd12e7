// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/reuse_sampler.h"

#include <cmath>
#include <iterator>
#include <list>
#include <random>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

Hash128 HashOf(std::uint64_t id) {
  static const BlockHash kHash({11, 13});
  const std::vector<TokenId> tokens = {static_cast<TokenId>(id), static_cast<TokenId>(id >> 31)};
  return kHash.Extend(Hash128{}, tokens);
}

using Chain = std::vector<std::uint64_t>;

// LRU as the cache plays it: a prefix is newer than its suffix, a block is found only if all before
// it are, all blocks of a request are inserted and then the cache is cut.
double ExactHitRatio(const std::vector<Chain>& requests, std::size_t capacity) {
  std::list<std::uint64_t> recent;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places;
  std::int64_t hits = 0;
  std::int64_t references = 0;
  for (const Chain& chain : requests) {
    bool found = true;
    for (const std::uint64_t id : chain) {
      found = found && places.contains(id);
      hits += found ? 1 : 0;
      ++references;
    }
    for (std::size_t i = chain.size(); i-- > 0;) {
      if (const auto at = places.find(chain[i]); at != places.end()) recent.erase(at->second);
      recent.push_front(chain[i]);
      places[chain[i]] = recent.begin();
    }
    while (recent.size() > capacity) {
      places.erase(recent.back());
      recent.pop_back();
    }
  }
  return static_cast<double>(hits) / static_cast<double>(references);
}

// Conversations of several turns that come back after heavy-tailed pauses, a few shared system
// prompts, one-shot scans.
std::vector<Chain> Conversations(std::uint64_t seed, int requests) {
  std::mt19937_64 random(seed);
  std::uint64_t next = 1000;
  std::vector<Chain> open;
  std::vector<Chain> trace;
  for (int i = 0; i < requests; ++i) {
    const bool fresh = open.empty() || random() % 3 == 0;
    // The smaller of two draws: the latest conversations come back most.
    std::size_t who = open.size();
    if (fresh) {
      Chain chain;
      for (std::uint64_t b = 0; b < 6; ++b) chain.push_back(random() % 4 * 10 + 1);
      const std::uint64_t system = random() % 5;
      chain.clear();
      for (std::uint64_t b = 0; b < 4; ++b) chain.push_back(system * 10 + b);
      open.push_back(chain);
    } else {
      const double u = static_cast<double>(random() % 10000) / 10000.0;
      who = open.size() - 1 -
            static_cast<std::size_t>(static_cast<double>(open.size()) * std::pow(u, 4));
    }
    Chain& chain = open[who];
    const std::uint64_t grow = 1 + random() % (random() % 10 == 0 ? 60 : 12);
    for (std::uint64_t b = 0; b < grow; ++b) chain.push_back(next++);
    trace.push_back(chain);
    if (chain.size() > 150) open.erase(open.begin() + static_cast<std::ptrdiff_t>(who));
  }
  return trace;
}

std::vector<double> Estimate(const std::vector<Chain>& trace,
                             const std::vector<std::int64_t>& capacities, std::int32_t samples) {
  ReuseSampler sampler(capacities, samples);
  for (const Chain& chain : trace) {
    std::vector<Hash128> hashes;
    for (const std::uint64_t id : chain) hashes.push_back(HashOf(id));
    sampler.Lookup(hashes);
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < capacities.size(); ++i) ratios.push_back(sampler.HitRatio(i));
  return ratios;
}

TEST(ReuseSamplerTest, NothingIsKnownBeforeTheFirstReference) {
  EXPECT_EQ(ReuseSampler({8}, 16).HitRatio(0), 0.0);
}

TEST(ReuseSamplerTest, CountsAHitWhereTheDistanceIsBelowTheCapacity) {
  ReuseSampler sampler({1, 2, 3}, 16);
  const std::vector<Hash128> a = {HashOf(1)};
  const std::vector<Hash128> b = {HashOf(2)};
  const std::vector<Hash128> c = {HashOf(3)};
  sampler.Lookup(a);
  sampler.Lookup(b);
  sampler.Lookup(c);
  sampler.Lookup(a);  // two others since: needs three blocks
  EXPECT_EQ(sampler.HitRatio(0), 0.0);
  EXPECT_EQ(sampler.HitRatio(1), 0.0);
  EXPECT_EQ(sampler.HitRatio(2), 0.25);
}

TEST(ReuseSamplerTest, ABlockTouchedIsFoundWithoutHavingBeenLookedUp) {
  ReuseSampler sampler({1}, 16);
  sampler.Touch(HashOf(1));
  sampler.Lookup(std::vector<Hash128>{HashOf(1)});
  EXPECT_EQ(sampler.HitRatio(0), 1.0);
}

TEST(ReuseSamplerTest, APrefixIsFoundWhereItsSuffixIs) {
  ReuseSampler sampler({2, 3}, 16);
  const std::vector<Hash128> chain = {HashOf(1), HashOf(2), HashOf(3)};
  sampler.Lookup(chain);
  sampler.Lookup(chain);
  EXPECT_EQ(sampler.HitRatio(0), 2.0 / 6);
  EXPECT_EQ(sampler.HitRatio(1), 3.0 / 6);
}

TEST(ReuseSamplerTest, IsExactWhileEveryBlockIsASample) {
  const auto trace = Conversations(3, 400);
  const std::vector<std::int64_t> capacities = {50, 200, 800, 3200};
  const auto ratios = Estimate(trace, capacities, 1 << 16);
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    EXPECT_NEAR(ratios[i], ExactHitRatio(trace, static_cast<std::size_t>(capacities[i])), 1e-9);
  }
}

TEST(ReuseSamplerTest, ASampleIsWithinThreeHundredthsOfTheExactRatio) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto trace = Conversations(seed, 6000);
    const std::vector<std::int64_t> capacities = {500, 1000, 2000, 4000, 16000};
    const auto ratios = Estimate(trace, capacities, 4096);
    for (std::size_t i = 0; i < capacities.size(); ++i) {
      EXPECT_NEAR(ratios[i], ExactHitRatio(trace, static_cast<std::size_t>(capacities[i])), 0.03)
          << "seed " << seed << ", capacity " << capacities[i];
    }
  }
}

TEST(ReuseSamplerTest, TheSampleStaysBoundedWhileTheRateSinks) {
  ReuseSampler sampler({100}, 64);
  for (std::uint64_t id = 0; id < 10000; ++id) sampler.Lookup(std::vector<Hash128>{HashOf(id)});
  EXPECT_LT(sampler.rate(), 0.02);
  EXPECT_GT(sampler.rate(), 0.003);
  EXPECT_EQ(sampler.references(), 10000);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "cli/hit_ratio_plot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<laboratory::SimulationPoint> kPoints = {
    {"lru", 100, 0.1}, {"lru", 1000, 0.3}, {"belady", 100, 0.25}, {"belady", 1000, 0.35}};

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

TEST(HitRatioPlotTest, HasOneLineAndOneNameForEachPolicy) {
  const std::string svg = HitRatioPlot(kPoints, 10000, "Hits");
  EXPECT_EQ(Count(svg, "<polyline"), 2U);
  EXPECT_EQ(Count(svg, "<circle"), 4U);
  EXPECT_THAT(svg, HasSubstr(">lru</text>"));
  EXPECT_THAT(svg, HasSubstr(">belady</text>"));
  EXPECT_EQ(svg.rfind("<svg ", 0), 0U);
  EXPECT_EQ(Count(svg, "<text"), Count(svg, "</text>"));
}

TEST(HitRatioPlotTest, AxesNameCapacitiesInBlocksAndInShares) {
  const std::string svg = HitRatioPlot(kPoints, 10000, "Hits");
  for (const char* text : {">100</text>", ">1000</text>", ">1 %</text>", ">10 %</text>",
                           ">0.00</text>", ">hit ratio</text>"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
}

TEST(HitRatioPlotTest, EqualPointsGiveEqualBytes) {
  EXPECT_EQ(HitRatioPlot(kPoints, 5, "x"), HitRatioPlot(kPoints, 5, "x"));
}

TEST(HitRatioPlotTest, TheTitleIsEscaped) {
  const std::string svg = HitRatioPlot(kPoints, 5, "<script>&");
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&amp;"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
}

TEST(HitRatioPlotTest, OnePointIsAPictureToo) {
  const std::string svg = HitRatioPlot({{"lru", 7, 0.0}}, 0, "One");
  EXPECT_EQ(Count(svg, "<circle"), 1U);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace pintle

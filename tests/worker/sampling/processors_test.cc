// SPDX-License-Identifier: Apache-2.0
// Holds the sampler to literal cases made with transformers (scripts/references/sampling_cases.py).
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "worker/sampling/sampler.h"

namespace pintle {
namespace {

struct ProcessorCase {
  std::string name;
  std::vector<float> logits;
  ResolvedSampling sampling;
  std::vector<TokenId> context, output, masked;
  std::vector<std::pair<TokenId, double>> expected;
};

void PrintTo(const ProcessorCase& test_case, std::ostream* out) { *out << test_case.name; }

template <typename T>
std::vector<T> ReadAll(std::istringstream& in) {
  std::vector<T> values;
  for (T value; in >> value;) values.push_back(value);
  return values;
}

template <typename T>
std::vector<std::pair<TokenId, T>> ReadPairs(std::istringstream& in) {
  std::vector<std::pair<TokenId, T>> pairs;
  TokenId token = 0;
  for (T value; in >> token >> value;) pairs.emplace_back(token, value);
  return pairs;
}

// Takes one line of a case. An unknown key is an error of the file.
void ReadLine(const std::string& line, ProcessorCase& test_case) {
  std::istringstream in(line);
  std::string key;
  in >> key;
  ResolvedSampling& sampling = test_case.sampling;
  if (key == "case")
    in >> test_case.name;
  else if (key == "logits")
    test_case.logits = ReadAll<float>(in);
  else if (key == "temperature")
    in >> sampling.temperature;
  else if (key == "top_k")
    in >> sampling.top_k;
  else if (key == "top_p")
    in >> sampling.top_p;
  else if (key == "min_p")
    in >> sampling.min_p;
  else if (key == "repetition_penalty")
    in >> sampling.repetition_penalty;
  else if (key == "presence_penalty")
    in >> sampling.presence_penalty;
  else if (key == "frequency_penalty")
    in >> sampling.frequency_penalty;
  else if (key == "logit_bias")
    sampling.logit_bias = ReadPairs<float>(in);
  else if (key == "context")
    test_case.context = ReadAll<TokenId>(in);
  else if (key == "output")
    test_case.output = ReadAll<TokenId>(in);
  else if (key == "masked")
    test_case.masked = ReadAll<TokenId>(in);
  else if (key == "expected")
    test_case.expected = ReadPairs<double>(in);
  else
    ADD_FAILURE() << "unknown key " << key;
}

std::vector<ProcessorCase> ReadCases() {
  std::ifstream file(PINTLE_SOURCE_DIR "/tests/data/sampling/processor_cases.txt");
  std::vector<ProcessorCase> cases;
  ProcessorCase current;
  current.sampling.temperature = 1.0F;
  const ProcessorCase empty = current;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line != "end") {
      ReadLine(line, current);
      continue;
    }
    cases.push_back(std::exchange(current, empty));
  }
  return cases;
}

TEST(ProcessorCasesTest, TheFileHasItsCases) { EXPECT_EQ(ReadCases().size(), 29u); }

class ProcessorsTest : public testing::TestWithParam<ProcessorCase> {};

TEST_P(ProcessorsTest, LeaveTheDistributionOfTransformers) {
  ProcessorCase test_case = GetParam();
  SampleRequest request;
  request.sampling = &test_case.sampling;
  request.context = test_case.context;
  request.output = test_case.output;
  request.masked = test_case.masked;
  const auto distribution = Sampler().Distribution(absl::MakeSpan(test_case.logits), request);
  ASSERT_FALSE(test_case.expected.empty());
  ASSERT_EQ(distribution.size(), test_case.expected.size());
  for (std::size_t i = 0; i < distribution.size(); ++i) {
    const auto& [token, probability] = test_case.expected[i];
    EXPECT_EQ(distribution[i].first, token);
    EXPECT_NEAR(distribution[i].second, probability, 3e-6 * probability + 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(Transformers, ProcessorsTest, testing::ValuesIn(ReadCases()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pintle

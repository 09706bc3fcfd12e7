// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_LOAD_LOAD_RUN_H_
#define PINTLE_BENCH_LOAD_LOAD_RUN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "pintle/v1/inference.grpc.pb.h"

namespace pintle {

// What one line asks for; main.cc describes the fields.
struct LoadRequest {
  std::string op;
  std::vector<std::string> targets;
  int connections = 1;
  int streams = 1;
  std::int32_t prompt = 32;
  std::int32_t tokens = 64;
  int turns = 100;
  int pid = 0;
  std::int32_t id_min = 1000;
  std::int32_t id_count = 40000;
  std::int32_t beside_prompt = 0;
  std::int32_t beside_after = 0;
};

// Runs loads one after another; keeps its channels open in between.
// Thread: confined. Fails: a stream that went wrong is counted in the answer's "wrong".
class LoadBench {
 public:
  explicit LoadBench(std::uint64_t seed) : seed_(seed) {}

  // All streams at once; figures of the span in which all of them run.
  nlohmann::json Streams(const LoadRequest& request);
  // Whether the target's readiness is SERVING by grpc.health.v1.
  nlohmann::json Health(const LoadRequest& request);
  // One stream at a time, the targets in turn: the time to the first token at each.
  nlohmann::json FirstTokens(const LoadRequest& request);

 private:
  std::vector<std::unique_ptr<v1::Inference::Stub>>& Stubs(const std::string& target, int count);
  v1::GenerateRequest MakeRequest(const LoadRequest& request, std::int32_t prompt,
                                  std::int32_t tokens);

  std::uint64_t seed_;
  std::map<std::string, std::vector<std::unique_ptr<v1::Inference::Stub>>> stubs_;
};

}  // namespace pintle

#endif  // PINTLE_BENCH_LOAD_LOAD_RUN_H_

// SPDX-License-Identifier: Apache-2.0
// Load over gRPC. Answers one JSON line per JSON line of standard input; asleep in between.
//   {"op": "streams", "targets": [HOST:PORT], "streams": 32, "prompt": 32, "tokens": 256,
//    "connections": 1, "pid": PID}
//       all streams at once; tokens, gaps and the processor time of PID are of the span in which
//       every stream runs. With "beside_prompt" and "beside_after" one more turn of that prompt is
//       sent once each stream has had so many tokens; gaps before and beside it are told apart.
//   {"op": "first", "targets": [A, B], "turns": 100, "prompt": 16, "tokens": 2}
//       one stream at a time, A and B in turn: time to the first token and gaps at each.
//   {"op": "health", "targets": [HOST:PORT]}
//       whether its readiness is SERVING
// "ids": [MIN, COUNT] says which token ids prompts are drawn from.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "bench/load/load_run.h"

namespace pintle {
namespace {

using Json = nlohmann::json;

LoadRequest Parse(const Json& line) {
  LoadRequest request;
  request.op = line.value("op", "");
  request.targets = line.value("targets", request.targets);
  request.connections = line.value("connections", request.connections);
  request.streams = line.value("streams", request.streams);
  request.prompt = line.value("prompt", request.prompt);
  request.tokens = line.value("tokens", request.tokens);
  request.turns = line.value("turns", request.turns);
  request.pid = line.value("pid", request.pid);
  request.beside_prompt = line.value("beside_prompt", request.beside_prompt);
  request.beside_after = line.value("beside_after", request.beside_after);
  if (line.contains("ids")) {
    request.id_min = line["ids"][0];
    request.id_count = line["ids"][1];
  }
  return request;
}

Json Answer(LoadBench& bench, const LoadRequest& request) {
  if (request.op == "health") return bench.Health(request);
  if (request.op == "first") return bench.FirstTokens(request);
  return bench.Streams(request);
}

int Main(int argc, char** argv) {
  // Another seed for each process, so that servers that live longer find nothing cached.
  LoadBench bench(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
  for (std::string line; std::getline(std::cin, line);) {
    const Json parsed = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object()) return 1;
    const LoadRequest request = Parse(parsed);
    if (request.targets.empty()) return 1;
    std::cout << Answer(bench, request) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) { return pintle::Main(argc, argv); }

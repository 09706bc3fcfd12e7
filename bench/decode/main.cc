// SPDX-License-Identifier: Apache-2.0
// Speed of a Decoder without engine or server. Answers one JSON line per JSON line of standard
// input, so that a driver can alternate it with a peer; asleep in between.
//   {"op": "prefill", "tokens": 512}
//   {"op": "decode", "streams": 8, "prompt": 128, "tokens": 64}
//   {"op": "recompute", "prompt": 128, "tokens": 256}     no KV cache: all positions every step
//   {"op": "turns", "turns": 6, "prompt": 256, "tokens": 64, "cached": true}
//       one session: each turn brings `prompt` new tokens and answers `tokens`; "cached": false
//       computes the whole history again before each turn's first token
//   {"op": "limits"}    what the machine gives this process, with as many threads
// Answer: {"op": ..., "tokens": counted, "seconds": ..., "tokens_per_second": ...}, and for turns
// {"op": ..., "ttft_seconds": [one per turn]}, and for limits {"op": ...,
// "read_bytes_per_second": ..., "bf16_operations_per_second": 0 without AVX512_BF16}
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "bench/kernels/machine_limits.h"
#include "nlohmann/json.hpp"
#include "worker/model/cpu/compute_pool.h"
#include "worker/model/cpu/core_pinning.h"
#include "worker/model/torch_decoder.h"

namespace pintle::model {
namespace {

using Json = nlohmann::json;

constexpr std::int32_t kPrefillChunk = 512;
constexpr cpu::CorePinning kPinning = cpu::CorePinning::kAuto;  // as a worker's default

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Runs steps of equal streams on one decoder.
class DecodeBench {
 public:
  explicit DecodeBench(TorchDecoder& decoder)
      : decoder_(decoder), block_tokens_(decoder.Layout().block_tokens) {}

  Json Prefill(std::int32_t tokens) {
    Reset(1, tokens);
    const double start = Now();
    Feed(tokens);
    return Answer("prefill", tokens, Now() - start);
  }

  // Only the decode steps are timed; the prompts are fed before.
  Json Decode(std::int32_t streams, std::int32_t prompt, std::int32_t tokens) {
    Reset(streams, prompt + tokens);
    Feed(prompt);
    const double start = Now();
    for (std::int32_t i = 0; i < tokens; ++i) Feed(1);
    Json answer = Answer("decode", streams * tokens, Now() - start);
    answer["streams"] = streams;
    return answer;
  }

  Json Recompute(std::int32_t prompt, std::int32_t tokens) {
    Reset(1, prompt + tokens);
    const double start = Now();
    for (std::int32_t i = 0; i < tokens; ++i) {
      position_ = 0;
      Feed(prompt + i);
    }
    return Answer("recompute", tokens, Now() - start);
  }

  Json Turns(std::int32_t turns, std::int32_t prompt, std::int32_t tokens, bool cached) {
    Reset(1, turns * (prompt + tokens));
    Json ttft = Json::array();
    for (std::int32_t turn = 0; turn < turns; ++turn) {
      const std::int32_t context = position_ + prompt;
      if (!cached) position_ = 0;
      const double start = Now();
      Feed(context - position_);
      ttft.push_back(Now() - start);
      // The first token came with the prompt; the last one's KV belongs to the next turn's prompt.
      for (std::int32_t i = 1; i < tokens; ++i) Feed(1);
    }
    return {{"op", "turns"}, {"ttft_seconds", ttft}};
  }

 private:
  static Json Answer(const char* op, std::int32_t tokens, double seconds) {
    return {{"op", op},
            {"tokens", tokens},
            {"seconds", seconds},
            {"tokens_per_second", tokens / seconds}};
  }

  void Reset(std::int32_t streams, std::int32_t positions) {
    position_ = 0;
    tables_.assign(static_cast<std::size_t>(streams), {});
    BlockIndex next = 0;
    for (auto& table : tables_) {
      for (std::int32_t p = 0; p < positions; p += block_tokens_) table.push_back(next++);
    }
    if (next > decoder_.KvBlocks()) {
      std::fprintf(stderr, "%d blocks are not enough for %d\n", decoder_.KvBlocks(), next);
      std::exit(1);
    }
  }

  // Advances every stream by `count` positions and samples each greedily.
  void Feed(std::int32_t count) {
    const std::int32_t end = position_ + count;
    while (position_ < end) {
      const std::int32_t rows = std::min(end - position_, kPrefillChunk);
      Step(rows, position_ + rows == end);
      position_ += rows;
    }
  }

  void Step(std::int32_t rows, bool sample) {
    batch_.Clear();
    for (std::size_t s = 0; s < tables_.size(); ++s) {
      SequenceSlice slice;
      slice.sequence = s;
      slice.first_row = static_cast<std::int32_t>(batch_.tokens.size());
      slice.rows = rows;
      slice.start = position_;
      slice.block_table = tables_[s];
      for (std::int32_t i = 0; i < rows; ++i) {
        batch_.tokens.push_back(static_cast<TokenId>(1000 + s * 131 + 7 * (position_ + i)) %
                                decoder_.Limits().vocabulary);
      }
      batch_.slices.push_back(slice);
      if (sample) {
        SampleRequest request;
        request.row = slice.first_row + rows - 1;
        request.slice = static_cast<std::int32_t>(batch_.slices.size()) - 1;
        request.sampling = &greedy_;
        batch_.samples.push_back(request);
      }
      // A prompt of many streams is fed stream by stream, as a scheduler's token budget would.
      if (rows > 1) Run();
    }
    if (!batch_.tokens.empty()) Run();
  }

  void Run() {
    absl::Status status = decoder_.Launch(batch_);
    if (status.ok()) status = decoder_.Collect().status();
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      std::exit(1);
    }
    batch_.Clear();
  }

  TorchDecoder& decoder_;
  const std::int32_t block_tokens_;
  const ResolvedSampling greedy_;
  std::vector<std::vector<BlockIndex>> tables_;
  std::int32_t position_ = 0;
  StepBatch batch_;
};

// Threads of its own, pinned as the decoder's and asleep again afterwards. `allowed` are the
// processors the process began with: this thread is pinned once it has run a step.
Json Limits(int threads, absl::Span<const int> allowed) {
  cpu::ComputePool pool(threads, cpu::CoresOf(kPinning, threads, allowed));
  const double read = bench::ReadBandwidth(pool, 3);
  return {{"op", "limits"},
          {"read_bytes_per_second", read},
          {"bf16_operations_per_second", bench::Bf16Peak(pool)}};
}

Json Serve(DecodeBench& bench, const Json& request, int threads, absl::Span<const int> allowed) {
  const std::string op = request.value("op", "");
  if (op == "limits") return Limits(threads, allowed);
  const std::int32_t tokens = request.value("tokens", 64);
  const std::int32_t prompt = request.value("prompt", 128);
  if (op == "prefill") return bench.Prefill(tokens);
  if (op == "recompute") return bench.Recompute(prompt, tokens);
  if (op == "turns") {
    return bench.Turns(request.value("turns", 6), prompt, tokens, request.value("cached", true));
  }
  return bench.Decode(request.value("streams", 1), prompt, tokens);
}

struct Arguments {
  TorchDecoderOptions decoder;
  std::int64_t kv_bytes = std::int64_t{2} << 30;
};

// False for a flag that does not exist: a figure must not be of another setting than asked for.
bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) return false;
    const char* value = argv[i + 1];
    if (flag == "--model") {
      arguments.decoder.model_dir = value;
    } else if (flag == "--threads") {
      arguments.decoder.threads = std::atoi(value);
    } else if (flag == "--dtype") {
      arguments.decoder.dtype = value;
    } else if (flag == "--kv-dtype") {
      arguments.decoder.kv_dtype = value;
    } else if (flag == "--cpu-isa") {
      arguments.decoder.cpu_isa = value;
    } else if (flag == "--kv-bytes") {
      arguments.kv_bytes = std::atoll(value);
    } else {
      std::fprintf(stderr, "there is no flag %s\n", flag.c_str());
      return false;
    }
  }
  return true;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: pintle-bench-decode --model DIR [--threads N] [--dtype D] [--kv-dtype D] "
                 "[--cpu-isa I] "
                 "[--kv-bytes N]\n");
    return 2;
  }
  const std::vector<int> allowed = cpu::AllowedCores();
  arguments.decoder.core_pinning = "auto";
  const TorchDecoderOptions& options = arguments.decoder;
  const double start = Now();
  auto decoder = TorchDecoder::Load(options);
  if (!decoder.ok()) {
    std::fprintf(stderr, "%s\n", std::string(decoder.status().message()).c_str());
    return 1;
  }
  const absl::Status allocated = (*decoder)->AllocateKv(static_cast<std::int32_t>(
      static_cast<std::size_t>(arguments.kv_bytes) / (*decoder)->Layout().block_bytes));
  if (!allocated.ok()) return 1;
  const ModelInfo& info = (*decoder)->Info();
  std::cout << Json({{"op", "load"},
                     {"seconds", Now() - start},
                     {"kernels", info.kernels},
                     {"fingerprint", info.fingerprint},
                     {"threads", options.threads}})
            << std::endl;
  DecodeBench bench(**decoder);
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!request.is_object()) return 1;
    std::cout << Serve(bench, request, options.threads, allowed) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace pintle::model

int main(int argc, char** argv) { return pintle::model::Main(argc, argv); }

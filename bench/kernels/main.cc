// SPDX-License-Identifier: Apache-2.0
// The CPU kernels of one model shape against the limits this very process measures.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "bench/kernels/kernel_load.h"
#include "bench/kernels/machine_limits.h"
#include "worker/model/cpu/compute_pool.h"
#include "worker/model/cpu/cpu_isa.h"

namespace pintle::bench {
namespace {

using model::cpu::ComputePool;
using model::cpu::Element;
using model::cpu::Epilogue;

// What all benchmarks share: the pool, the kernels and what the machine can do.
struct Setting {
  explicit Setting(int threads)
      : pool(threads),
        isa(*model::cpu::ChooseCpuIsa("")),
        kernels(model::cpu::KernelsFor(isa, Element::kBfloat16, Element::kBfloat16)) {
    bandwidth = ReadBandwidth(pool, 5);
    peak = Bf16Peak(pool);
  }
  ComputePool pool;
  model::cpu::CpuIsa isa;
  const model::cpu::KernelTable& kernels;
  double bandwidth = 0.0;
  double peak = 0.0;
};

// SmolLM2-135M's shape.
model::ModelConfig Shape() {
  model::ModelConfig config;
  config.hidden = 576;
  config.intermediate = 1536;
  config.layers = 30;
  config.heads = 9;
  config.kv_heads = 3;
  config.head_dim = 64;
  config.context_tokens = 8192;
  return config;
}

void Report(benchmark::State& state, const Setting& setting, double bytes, double operations) {
  const auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["GB/s"] = benchmark::Counter(bytes / 1e9, rate);
  state.counters["GFLOP/s"] = benchmark::Counter(operations / 1e9, rate);
  state.counters["of_read"] = benchmark::Counter(bytes / setting.bandwidth, rate);
  if (setting.peak > 0) {
    state.counters["of_peak"] = benchmark::Counter(operations / setting.peak, rate);
  }
}

void RegisterLinears(Setting& setting) {
  struct Kind {
    const char* name;
    std::int32_t k;
    std::int32_t columns;
    Epilogue epilogue;
  };
  for (const Kind& kind : {Kind{"qkv", 576, 960, Epilogue::kStore},
                           Kind{"gate_up", 576, 3072, Epilogue::kSiluMul},
                           Kind{"down", 1536, 576, Epilogue::kAdd},
                           Kind{"head", 576, 49152, Epilogue::kStore}}) {
    for (const std::int32_t rows : {1, 2, 4, 8, 16, 32, 64, 128, 512}) {
      for (const Element weights : {Element::kBfloat16, Element::kCodedBf16}) {
        const char* name = weights == Element::kCodedBf16 ? "/coded" : "";
        benchmark::RegisterBenchmark(
            absl::StrCat("linear/", kind.name, "/rows:", rows, name).c_str(),
            [&setting, kind, rows, weights](benchmark::State& state) {
              LinearLoad load(setting.kernels, weights, kind.k, kind.columns, rows, kind.epilogue);
              for (auto _ : state) load.Run(setting.pool);
              Report(state, setting, load.weight_bytes(), load.operations());
            })
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

void RegisterAttention(Setting& setting) {
  struct Kind {
    const char* name;
    std::int32_t streams;
    std::int32_t context;
    std::int32_t rows;
  };
  static const model::ModelConfig kShape = Shape();
  for (const Kind& kind :
       {Kind{"decode", 1, 512, 1}, Kind{"decode", 1, 4096, 1}, Kind{"decode", 8, 512, 1},
        Kind{"decode", 8, 4096, 1}, Kind{"decode", 32, 256, 1}, Kind{"decode", 64, 256, 1},
        Kind{"prefill", 1, 0, 512}, Kind{"prefill", 1, 3584, 512}}) {
    benchmark::RegisterBenchmark(absl::StrCat("attention/", kind.name, "/streams:", kind.streams,
                                              "/context:", kind.context)
                                     .c_str(),
                                 [&setting, kind](benchmark::State& state) {
                                   AttentionLoad load(kShape, setting.kernels,
                                                      setting.pool.threads(), kind.streams,
                                                      kind.context, kind.rows);
                                   for (auto _ : state) load.Run(setting.pool);
                                   Report(state, setting, load.kv_bytes() * kShape.layers,
                                          load.operations() * kShape.layers);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
}

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (argc == 3 && std::string(argv[1]) == "--threads") {
    threads = std::atoi(argv[2]);
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: pintle-bench-kernels [--benchmark_filter=...] [--threads N]\n");
    return 2;
  }
  Setting setting(threads);
  std::printf("%s, %d threads: reads %.1f GB/s, bf16 peak %.0f GFLOP/s\n", setting.kernels.name,
              threads, setting.bandwidth / 1e9, setting.peak / 1e9);
  RegisterLinears(setting);
  RegisterAttention(setting);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace pintle::bench

int main(int argc, char** argv) { return pintle::bench::Main(argc, argv); }

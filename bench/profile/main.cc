// SPDX-License-Identifier: Apache-2.0
// pintle-bench-profile --model DIR [--threads N] [--dtype D] [--kv-dtype D]
//   [--cpu-isa I] [--steps N]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "worker/model/cpu/phase_clock.h"
#include "worker/model/torch_decoder.h"

namespace pintle::model {
namespace {

constexpr std::int32_t kChunk = 512;
constexpr std::int32_t kContext = 128;  // of each stream before its decode steps are timed

struct Load {
  std::string name;
  std::int32_t streams = 1;
  std::int32_t prompt = 0;  // of a prefill; 0 for decode steps
};

// Milliseconds a step, and of them by phase, on average over the threads.
struct Profile {
  double step = 0;
  std::vector<double> phases;
};

class Profiler {
 public:
  Profiler(TorchDecoder& decoder, cpu::PhaseClock& clock) : decoder_(decoder), clock_(clock) {}

  Profile Run(const Load& load, std::int32_t steps) {
    Place(load.streams, load.prompt > 0 ? load.prompt : kContext + steps);
    if (load.prompt == 0) Prefill(kContext);
    clock_.Clear();
    const std::int64_t began = cpu::PhaseClock::SteadyNanoseconds();
    std::int32_t counted = steps;
    if (load.prompt > 0) {
      Prefill(load.prompt);
      counted = 1;
    } else {
      for (std::int32_t i = 0; i < steps; ++i) {
        for (std::size_t s = 0; s < tables_.size(); ++s) Add(s, kContext + i, 1, true);
        Step();
      }
    }
    const double elapsed =
        static_cast<double>(cpu::PhaseClock::SteadyNanoseconds() - began) * 1e-6;
    Profile profile;
    profile.step = elapsed / counted;
    double known = 0;
    for (std::size_t p = 1; p < cpu::kPhases; ++p) {
      double seconds = 0;
      for (int t = 0; t < clock_.threads(); ++t) {
        seconds += clock_.Seconds(t, static_cast<cpu::Phase>(p));
      }
      profile.phases.push_back(seconds * 1e3 / clock_.threads() / counted);
      known += profile.phases.back();
    }
    profile.phases.insert(profile.phases.begin(), std::max(0.0, profile.step - known));
    return profile;
  }

 private:
  void Place(std::int32_t streams, std::int32_t positions) {
    const std::int32_t width = decoder_.Layout().block_tokens;
    BlockIndex next = 0;
    tables_.assign(static_cast<std::size_t>(streams), {});
    for (auto& table : tables_) {
      for (std::int32_t p = 0; p < positions; p += width) table.push_back(next++);
    }
  }

  void Add(std::size_t stream, std::int32_t start, std::int32_t rows, bool sample) {
    SequenceSlice slice;
    slice.sequence = stream;
    slice.first_row = static_cast<std::int32_t>(batch_.tokens.size());
    slice.rows = rows;
    slice.start = start;
    slice.block_table = tables_[stream];
    for (std::int32_t i = 0; i < rows; ++i) {
      batch_.tokens.push_back(static_cast<TokenId>(100 + stream * 131) + 7 * (start + i) % 1000);
    }
    batch_.slices.push_back(slice);
    if (!sample) return;
    SampleRequest request;
    request.row = slice.first_row + rows - 1;
    request.slice = static_cast<std::int32_t>(batch_.slices.size()) - 1;
    request.sampling = &greedy_;
    batch_.samples.push_back(request);
  }

  void Prefill(std::int32_t tokens) {
    for (std::size_t s = 0; s < tables_.size(); ++s) {
      for (std::int32_t start = 0; start < tokens; start += kChunk) {
        const std::int32_t rows = std::min(kChunk, tokens - start);
        Add(s, start, rows, start + rows == tokens);
        Step();
      }
    }
  }

  void Step() {
    absl::Status status = decoder_.Launch(batch_);
    if (status.ok()) status = decoder_.Collect().status();
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      std::exit(1);
    }
    batch_.Clear();
  }

  TorchDecoder& decoder_;
  cpu::PhaseClock& clock_;
  const ResolvedSampling greedy_;
  std::vector<std::vector<BlockIndex>> tables_;
  StepBatch batch_;
};

void Print(const std::vector<Load>& loads, const std::vector<Profile>& profiles) {
  std::printf("ms a step   ");
  for (const Load& load : loads) std::printf("%16s", load.name.c_str());
  std::printf("\n%-12s", "whole step");
  for (const Profile& profile : profiles) std::printf("%16.3f", profile.step);
  for (std::size_t p = 0; p < cpu::kPhases; ++p) {
    const std::string name(cpu::PhaseName(static_cast<cpu::Phase>(p)));
    std::printf("\n%-12s", name.c_str());
    for (const Profile& profile : profiles) {
      std::printf("%16s", absl::StrFormat("%.3f %4.1f%%", profile.phases[p],
                                          100 * profile.phases[p] / profile.step)
                              .c_str());
    }
  }
  std::printf("\n");
}

int Main(int argc, char** argv) {
  TorchDecoderOptions options;
  options.core_pinning = "auto";  // as a worker's default
  std::int32_t steps = 64;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--model") options.model_dir = argv[i + 1];
    if (flag == "--threads") options.threads = std::atoi(argv[i + 1]);
    if (flag == "--dtype") options.dtype = argv[i + 1];
    if (flag == "--kv-dtype") options.kv_dtype = argv[i + 1];
    if (flag == "--cpu-isa") options.cpu_isa = argv[i + 1];
    if (flag == "--steps") steps = std::max(1, std::atoi(argv[i + 1]));
  }
  if (options.threads < 1) return 1;
  cpu::PhaseClock clock(options.threads);
  options.phases = &clock;
  auto decoder = TorchDecoder::Load(options);
  if (!decoder.ok()) {
    std::fprintf(stderr, "%s\n", decoder.status().ToString().c_str());
    return 1;
  }
  const auto kv_bytes = std::size_t{1} << 30;
  if (!(*decoder)
           ->AllocateKv(static_cast<std::int32_t>(kv_bytes / (*decoder)->Layout().block_bytes))
           .ok()) {
    return 1;
  }
  const std::vector<Load> loads = {{"decode 1", 1, 0},   {"decode 8", 8, 0},
                                   {"decode 32", 32, 0}, {"decode 64", 64, 0},
                                   {"prefill 512", 1, 512}, {"prefill 4096", 1, 4096}};
  Profiler profiler(**decoder, clock);
  for (const Load& load : {loads[1], loads[4]}) profiler.Run(load, 8);  // pages come in
  std::vector<Profile> profiles;
  for (const Load& load : loads) profiles.push_back(profiler.Run(load, steps));
  std::printf("%s, %d threads, %s\n", (*decoder)->Info().name.c_str(), options.threads,
              (*decoder)->Info().kernels.c_str());
  Print(loads, profiles);
  return 0;
}

}  // namespace
}  // namespace pintle::model

int main(int argc, char** argv) { return pintle::model::Main(argc, argv); }

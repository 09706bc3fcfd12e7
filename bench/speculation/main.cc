// SPDX-License-Identifier: Apache-2.0
// What drafts from a text's own tokens bring at one stream: an engine that drafts beside one that
// does not, same model, same turns, one after the other in turn. Prints a line per text with
// figure, bound and PASS or FAIL; exits 0 or 1.
//   --model DIR [--threads N] [--dtype T] [--rounds N] [--only PART_OF_A_NAME]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "bench/speculation/speculation_texts.h"
#include "contract/check.h"
#include "contract/clock.h"
#include "worker/engine/engine.h"
#include "worker/model/torch_decoder.h"
#include "worker/text/hf_text_model.h"

namespace pintle {
namespace {

constexpr double kRepeatMin = 1.6;
constexpr double kFreeMin = 0.97;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Keeps a turn's tokens and the times of the first and the last.
class TimedSink final : public TurnSink {
 public:
  void Push(EngineEvent event) override {
    if (const auto* token = std::get_if<EngineToken>(&event)) {
      if (tokens.empty()) {
        first = Now();
        cpu_first = CpuSeconds();
      }
      tokens.push_back(token->token);
    } else if (std::holds_alternative<EngineChoiceEnded>(event)) {
      last = Now();
      cpu_last = CpuSeconds();
      finished.Notify();
    } else if (std::holds_alternative<EngineEnded>(event)) {
      ended.Notify();
    }
  }
  bool Paused() const override { return false; }

  std::vector<TokenId> tokens;
  double first = 0, last = 0, cpu_first = 0, cpu_last = 0;
  absl::Notification finished, ended;
};

struct Flags {
  std::string model = "models/SmolLM2-135M-Instruct";
  std::string dtype;
  int threads = 2;
  int rounds = 5;
  std::string only;
};

struct Run {
  std::vector<TokenId> tokens;
  double seconds = 0;
  double cpu_seconds = 0;
};

std::unique_ptr<Engine> MakeEngine(const Flags& flags, bool drafts, const Clock& clock) {
  model::TorchDecoderOptions options;
  options.model_dir = flags.model;
  options.dtype = flags.dtype;
  options.threads = flags.threads;
  options.core_pinning = "auto";  // as a worker's default
  auto decoder = model::TorchDecoder::Load(options);
  if (!decoder.ok()) {
    std::fprintf(stderr, "%s\n", decoder.status().ToString().c_str());
    std::exit(1);
  }
  PINTLE_CHECK((*decoder)->AllocateKv(256).ok(), "a small pool");
  EngineOptions engine;
  engine.speculation.enabled = drafts;
  auto made = Engine::Create(engine, *std::move(decoder), clock);
  PINTLE_CHECK(made.ok(), "valid options");
  (*made)->Start();
  return *std::move(made);
}

Run RunText(Engine& engine, const SpeculationText& text, const std::vector<TokenId>& prompt) {
  const auto sink = std::make_shared<TimedSink>();
  EngineTurn turn;
  turn.prompt = prompt;
  turn.stopping.max_tokens = text.tokens;
  turn.sampling.temperature = text.repeats ? 0.0F : 1.0F;
  turn.sampling.seed = 5;
  turn.sink = sink;
  const auto id = engine.Submit(std::move(turn));
  PINTLE_CHECK(id.ok(), "nothing else runs");
  sink->finished.WaitForNotification();
  engine.Commit(*id, {sink->tokens});
  sink->ended.WaitForNotification();
  return {sink->tokens, sink->last - sink->first, sink->cpu_last - sink->cpu_first};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Both engines on one text; false if its bound or an equality does not hold.
bool Compare(const Flags& flags, const SpeculationText& text, const std::vector<TokenId>& prompt,
             Engine& plain, Engine& drafting) {
  std::vector<double> ratios, cpu_ratios, speeds;
  bool same = true;
  const EngineSnapshot before = drafting.Snapshot();
  for (int round = 0; round < flags.rounds; ++round) {
    // The order alternates, so that a machine that slows down or speeds up favours neither.
    Run with, without;
    if (round % 2 == 0) without = RunText(plain, text, prompt);
    with = RunText(drafting, text, prompt);
    if (round % 2 == 1) without = RunText(plain, text, prompt);
    ratios.push_back(without.seconds / with.seconds);
    cpu_ratios.push_back(without.cpu_seconds / with.cpu_seconds);
    speeds.push_back(static_cast<double>(with.tokens.size() - 1) / with.seconds);
    same = same && with.tokens == without.tokens;
  }
  const EngineSnapshot after = drafting.Snapshot();
  const double ratio = Median(ratios);
  const double bound = text.repeats ? kRepeatMin : kFreeMin;
  const bool good = ratio >= bound && same;
  std::printf("%-18s %6.1f tokens/s, %.2fx without drafts (CPU time %.2fx), tried %.0f and "
              "accepted %.0f of %d; same tokens: %s; bound %.2f: %s\n",
              text.name.c_str(), Median(speeds), ratio, Median(cpu_ratios),
              static_cast<double>(after.drafted_tokens - before.drafted_tokens) / flags.rounds,
              static_cast<double>(after.accepted_tokens - before.accepted_tokens) / flags.rounds,
              text.tokens, same ? "yes" : "NO", bound, good ? "PASS" : "FAIL");
  std::fflush(stdout);
  return good;
}

int Main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--model") flags.model = argv[i + 1];
    if (flag == "--dtype") flags.dtype = argv[i + 1];
    if (flag == "--threads") flags.threads = std::atoi(argv[i + 1]);
    if (flag == "--only") flags.only = argv[i + 1];
    if (flag == "--rounds") flags.rounds = std::max(1, std::atoi(argv[i + 1]));
  }
  auto model = text::HfTextModel::Load(flags.model, 1);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    return 1;
  }
  const SystemClock clock;
  const auto plain = MakeEngine(flags, false, clock);
  const auto drafting = MakeEngine(flags, true, clock);
  bool good = true;
  bool warm = false;
  for (const SpeculationText& text : SpeculationTexts()) {
    if (text.name.find(flags.only) == std::string::npos) continue;
    const auto prompt = (*model)->Encode(text.prompt, {});
    PINTLE_CHECK(prompt.ok(), "plain text");
    // A process that has served for a while knows what its steps cost.
    if (!std::exchange(warm, true)) {
      RunText(*plain, text, *prompt);
      RunText(*drafting, text, *prompt);
    }
    good = Compare(flags, text, *prompt, *plain, *drafting) && good;
    if (std::getenv("PINTLE_BENCH_SHOW_TEXT") != nullptr) {
      const Run run = RunText(*drafting, text, *prompt);
      std::printf("---\n%s\n---\n", (*model)->Decode(run.tokens, false).c_str());
    }
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) { return pintle::Main(argc, argv); }

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
// A free text's bound is near 1 and a sample takes less than a second: many pairs of them.
constexpr int kFreePairs = 3;

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
  int rounds = 4;  // even: whatever alternates has gone either way as often
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

// Of sorted values, the one that `share` of them are below.
double At(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return At(values, 0.5);
}

// What a text's pairs came to.
struct Tally {
  std::vector<double> ratios, cpu_ratios, speeds;
  std::int64_t drafted = 0;
  std::int64_t accepted = 0;
  bool same = true;
};

// Both engines, one moment after the other.
void RunPair(const SpeculationText& text, const std::vector<TokenId>& prompt, Engine& plain,
             Engine& drafting, bool plain_first, Tally& tally) {
  const EngineSnapshot before = drafting.Snapshot();
  Run with, without;
  if (plain_first) without = RunText(plain, text, prompt);
  with = RunText(drafting, text, prompt);
  if (!plain_first) without = RunText(plain, text, prompt);
  const EngineSnapshot after = drafting.Snapshot();
  tally.ratios.push_back(without.seconds / with.seconds);
  tally.cpu_ratios.push_back(without.cpu_seconds / with.cpu_seconds);
  tally.speeds.push_back(static_cast<double>(with.tokens.size() - 1) / with.seconds);
  tally.drafted += after.drafted_tokens - before.drafted_tokens;
  tally.accepted += after.accepted_tokens - before.accepted_tokens;
  tally.same = tally.same && with.tokens == without.tokens;
}

// Prints a text's line; false if its bound or an equality does not hold.
bool Report(const SpeculationText& text, Tally tally) {
  std::sort(tally.ratios.begin(), tally.ratios.end());
  const double ratio = At(tally.ratios, 0.5);
  const double bound = text.repeats ? kRepeatMin : kFreeMin;
  const bool good = ratio >= bound && tally.same;
  const auto pairs = static_cast<double>(tally.ratios.size());
  std::printf("%-18s %6.1f tokens/s, %.2fx without drafts (half of %.0f pairs: %.2f to %.2f; CPU "
              "time %.2fx), tried %.0f and accepted %.0f of %d; same tokens: %s; bound %.2f: %s\n",
              text.name.c_str(), Median(tally.speeds), ratio, pairs, At(tally.ratios, 0.25),
              At(tally.ratios, 0.75), Median(tally.cpu_ratios),
              static_cast<double>(tally.drafted) / pairs,
              static_cast<double>(tally.accepted) / pairs, text.tokens,
              tally.same ? "yes" : "NO", bound, good ? "PASS" : "FAIL");
  return good;
}

struct Subject {
  SpeculationText text;
  std::vector<TokenId> prompt;
  Tally tally;
};

// All texts on a pair of engines made anew: which memory an engine's weights came to lie in makes
// it faster or slower by a few percent for as long as it lives. Whatever alternates within a round
// begins the other way in the next, so that a machine that slows down or speeds up favours
// neither engine.
void RunRound(const Flags& flags, int round, const Clock& clock, std::vector<Subject>& subjects) {
  const bool odd = round % 2 == 1;
  std::unique_ptr<Engine> engines[2];
  for (const bool drafts : {odd, !odd}) engines[drafts] = MakeEngine(flags, drafts, clock);
  // A process that has served for a while knows what its steps cost.
  for (const auto& engine : engines) RunText(*engine, subjects[0].text, subjects[0].prompt);
  for (Subject& subject : subjects) {
    const int pairs = subject.text.repeats ? 1 : kFreePairs;
    for (int pair = 0; pair < pairs; ++pair) {
      RunPair(subject.text, subject.prompt, *engines[0], *engines[1], (pair % 2 == 1) == odd,
              subject.tally);
    }
  }
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
  std::vector<Subject> subjects;
  for (const SpeculationText& text : SpeculationTexts()) {
    if (text.name.find(flags.only) == std::string::npos) continue;
    auto prompt = (*model)->Encode(text.prompt, {});
    PINTLE_CHECK(prompt.ok(), "plain text");
    subjects.push_back({text, *std::move(prompt), Tally()});
  }
  if (subjects.empty()) return 1;
  const SystemClock clock;
  for (int round = 0; round < flags.rounds; ++round) {
    RunRound(flags, round, clock, subjects);
    std::fprintf(stderr, "round %d of %d\n", round + 1, flags.rounds);
  }
  bool good = true;
  for (Subject& subject : subjects) good = Report(subject.text, std::move(subject.tally)) && good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) { return pintle::Main(argc, argv); }

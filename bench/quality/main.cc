// SPDX-License-Identifier: Apache-2.0
// What each type of weights and KV costs in quality, against f32 on the same text.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/quality/quality_corpus.h"
#include "bench/quality/quality_probe.h"
#include "contract/status_macros.h"
#include "worker/text/hf_text_model.h"

namespace pintle::bench {
namespace {

struct Flags {
  std::string model;
  std::string text;
  std::string only;
  std::string cpu_isa;
  int threads = 2;
  std::size_t windows = 16;
  std::size_t window_tokens = 1024;
  std::size_t prompts = 96;
  std::size_t answer_tokens = 64;
};

// Types of weights and KV, and the share of f32's choices they must agree with (0: no bound).
struct Variant {
  const char* name;
  const char* dtype;
  const char* kv_dtype;
  double bound;
};

constexpr Variant kVariants[] = {
    {"bf16", "bf16", "", 0.995},
    {"int8 (weights)", "int8", "", 0.97},
    {"w8a8", "w8a8", "", 0.97},
    {"int4", "int4", "", 0.0},
    {"bf16, int8 KV", "bf16", "int8", 0.0},
    {"int8, int8 KV", "int8", "int8", 0.0},
    {"w8a8, int8 KV", "w8a8", "int8", 0.97},
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}

// One model's way through both corpora.
struct Outcome {
  Forced answers;
  Forced text;
  double cpu_seconds = 0.0;  // of the text
  std::string kernels;
};

absl::StatusOr<std::unique_ptr<QualityProbe>> Open(const Flags& flags, const Variant& variant) {
  model::TorchDecoderOptions options;
  options.model_dir = flags.model;
  options.dtype = variant.dtype;
  options.kv_dtype = variant.kv_dtype;
  options.threads = flags.threads;
  options.cpu_isa = flags.cpu_isa;
  // All prompts with their answers at once; 512 tokens each are more than any of them has.
  return QualityProbe::Open(options, static_cast<std::int64_t>(flags.prompts * 512));
}

absl::StatusOr<Outcome> Run(QualityProbe& probe, const QualityCorpus& corpus,
                            const std::vector<std::vector<TokenId>>& answered,
                            const std::vector<std::size_t>& first) {
  Outcome outcome;
  outcome.kernels = probe.kernels();
  PINTLE_ASSIGN_OR_RETURN(outcome.answers, probe.Force(answered, first));
  const double start = CpuSeconds();
  PINTLE_ASSIGN_OR_RETURN(
      outcome.text, probe.Force(corpus.windows, std::vector<std::size_t>(corpus.windows.size())));
  outcome.cpu_seconds = CpuSeconds() - start;
  return outcome;
}

double Agreement(const Forced& one, const Forced& exact) {
  std::size_t same = 0;
  for (std::size_t i = 0; i < exact.chosen.size(); ++i) same += one.chosen[i] == exact.chosen[i];
  return static_cast<double>(same) / static_cast<double>(exact.chosen.size());
}

// The root of the mean square by which logits differ. What agreement says by a few positions in
// thousands, near ties all of them, this says by every position.
double LogitError(const Forced& one, const Forced& exact) {
  double total = 0.0;
  for (std::size_t i = 0; i < exact.logits.size(); ++i) {
    const double difference = one.logits[i] - exact.logits[i];
    total += difference * difference;
  }
  return std::sqrt(total / static_cast<double>(exact.logits.size()));
}

// Prints a line; whether the bound holds.
bool Report(const char* name, double bound, const Outcome& one, const Outcome& exact) {
  const double answers = Agreement(one.answers, exact.answers);
  const auto positions = static_cast<double>(one.text.chosen.size());
  std::printf("%-22s %8.2f %% %10.2f %% %12.3f %9.4f %9.1f   ", name, answers * 100,
              Agreement(one.text, exact.text) * 100, std::exp(one.text.loss / positions),
              LogitError(one.answers, exact.answers), one.cpu_seconds);
  if (bound > 0) {
    std::printf(">= %.1f %%: %s   ", bound * 100, answers >= bound ? "PASS" : "FAIL");
  }
  std::printf("(%s)\n", one.kernels.c_str());
  std::fflush(stdout);
  return answers >= bound;
}

absl::StatusOr<bool> Measure(const Flags& flags) {
  PINTLE_ASSIGN_OR_RETURN(const auto text, text::HfTextModel::Load(flags.model, 1));
  PINTLE_ASSIGN_OR_RETURN(const QualityCorpus corpus,
                          QualityCorpus::Read(flags.text, *text, flags.windows,
                                              flags.window_tokens, flags.prompts));
  std::vector<std::vector<TokenId>> answered = corpus.prompts;
  std::vector<std::size_t> first;
  Outcome exact;
  {
    PINTLE_ASSIGN_OR_RETURN(const auto probe, Open(flags, {"f32", "f32", "", 0.0}));
    PINTLE_ASSIGN_OR_RETURN(const auto answers, probe->Greedy(corpus.prompts, flags.answer_tokens));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      first.push_back(answered[i].size() - 1);
      answered[i].insert(answered[i].end(), answers[i].begin(), answers[i].end());
    }
    PINTLE_ASSIGN_OR_RETURN(exact, Run(*probe, corpus, answered, first));
  }
  std::printf("answers: %zu positions of %zu greedy answers of f32; text: %zu positions\n",
              exact.answers.chosen.size(), answered.size(), exact.text.chosen.size());
  std::printf("%-22s %10s %12s %12s %9s %9s\n", "", "answers", "text", "perplexity", "error",
              "CPU s");
  bool passed = Report("f32", 0.0, exact, exact);
  for (const Variant& variant : kVariants) {
    if (!flags.only.empty() && flags.only != variant.name) continue;
    PINTLE_ASSIGN_OR_RETURN(const auto probe, Open(flags, variant));
    PINTLE_ASSIGN_OR_RETURN(const Outcome one, Run(*probe, corpus, answered, first));
    passed = Report(variant.name, variant.bound, one, exact) && passed;
  }
  return passed;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Quality of every type of weights and KV against f32");
  app.add_option("--model", flags.model, "A Hugging Face folder")->required();
  app.add_option("--text", flags.text, "The text to measure on")->required();
  app.add_option("--threads", flags.threads, "Compute threads");
  app.add_option("--windows", flags.windows, "Parts of the text");
  app.add_option("--prompts", flags.prompts, "Questions answered");
  app.add_option("--only", flags.only, "Beside f32 only this type");
  app.add_option("--cpu-isa", flags.cpu_isa, "avx2, avx512, avx512_bf16 or amx");
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<bool> passed = Measure(flags);
  if (!passed.ok()) {
    std::fprintf(stderr, "%s\n", passed.status().ToString().c_str());
    return 2;
  }
  std::printf("quality against f32: %s\n", *passed ? "PASS" : "FAIL");
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace pintle::bench

int main(int argc, char** argv) { return pintle::bench::Main(argc, argv); }

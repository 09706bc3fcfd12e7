// SPDX-License-Identifier: Apache-2.0
// Must-show 4: 200 sessions on one worker over gRPC, every token held against the oracle; then
// beside a stream whose reader stopped.
#include <grpcpp/create_channel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/e2e/stream_client.h"

namespace pintle {
namespace {

constexpr int kSessions = 200;
constexpr int kTokens = 256;
constexpr double kGrowthMaxMib = 64;
constexpr double kRatioMin = 0.98;

double ResidentMib(int pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  std::string word;
  while (status >> word) {
    double kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib / 1024;
  }
  return 0;
}

double ProcessorSeconds(int pid) {
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string word;
  double ticks = 0;
  for (int field = 1; field <= 15 && stat >> word; ++field) {
    double value = 0;
    if (field >= 14 && absl::SimpleAtod(word, &value)) ticks += value;
  }
  return ticks / 100;
}

std::shared_ptr<grpc::Channel> Dial(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Fixed windows: what a stopped reader leaves unread stays where it is measured.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

// A call of more than a megabyte of output that is never read beyond its start.
class StoppedReader final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  explicit StoppedReader(const std::string& target)
      : inference_(v1::Inference::NewStub(Dial(target))) {
    request_.set_text("a reader that stops");
    request_.mutable_sampling()->set_temperature(0);
    request_.mutable_stopping()->set_max_tokens(7000);
    request_.mutable_output()->set_logprobs(true);
    request_.mutable_output()->set_top_logprobs(20);
    inference_->async()->Generate(&context_, &request_, this);
    AddHold();
    StartRead(&response_);
    StartCall();
  }
  ~StoppedReader() override {
    context_.TryCancel();
    RemoveHold();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&done_));
  }
  void OnDone(const grpc::Status&) override {
    absl::MutexLock lock(&mutex_);
    done_ = true;
  }

 private:
  const std::unique_ptr<v1::Inference::Stub> inference_;
  grpc::ClientContext context_;
  v1::GenerateRequest request_;
  v1::GenerateResponse response_;
  // Guards the end.
  absl::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

struct RunResult {
  double tokens_per_second = 0;
  double tokens_per_processor_second = 0;
  std::int64_t wrong = 0;
  std::int64_t turns = 0;
};

RunResult Run(const std::string& target, int pid, const FakeDecoder& oracle, double seconds,
              int number) {
  StreamTotals totals;
  // Without a time every session runs one turn and no more.
  std::atomic<bool> stop{seconds <= 0};
  // Four connections: one alone would make its thread the bottleneck, 200 are no realistic client.
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < 4; ++i) channels.push_back(Dial(target));
  std::vector<std::unique_ptr<SessionStream>> streams;
  for (int i = 0; i < kSessions; ++i) {
    streams.push_back(std::make_unique<SessionStream>(channels[static_cast<std::size_t>(i % 4)],
                                                      oracle, absl::StrCat("s", number, "-", i),
                                                      kTokens, totals));
  }
  const absl::Time began = absl::Now();
  const double processor = ProcessorSeconds(pid);
  for (const auto& stream : streams) stream->Start(stop);
  if (seconds > 0) absl::SleepFor(absl::Seconds(seconds));
  const double elapsed = absl::ToDoubleSeconds(absl::Now() - began);
  const double tokens = static_cast<double>(totals.tokens);
  const double used = ProcessorSeconds(pid) - processor;
  stop = true;
  for (const auto& stream : streams) stream->Wait();
  return {tokens / elapsed, used > 0 ? tokens / used : 0, totals.wrong, totals.turns};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool Verdict(const char* name, const std::string& figure, const std::string& bound, bool pass) {
  std::printf("%s: %s (bound: %s) %s\n", name, figure.c_str(), bound.c_str(),
              pass ? "PASS" : "FAIL");
  return pass;
}

int Main(const std::string& target, int pid, double pool_mib, int pairs, double seconds) {
  FakeDecoderOptions options;
  options.vocabulary = 512;
  options.eos_token = 258;
  const FakeDecoder oracle(options);
  const double before = ResidentMib(pid);
  const RunResult first = Run(target, pid, oracle, 0, 0);
  const double growth = ResidentMib(pid) - before - pool_mib;
  bool pass = Verdict("200 streams x 256 tokens, turns with a wrong token",
                      absl::StrCat(first.wrong, " of ", first.turns), "0 of 200",
                      first.wrong == 0 && first.turns == kSessions);
  pass &= Verdict("RSS growth beyond the pool", absl::StrFormat("%.1f MiB", growth), "<= 64 MiB",
                  growth <= kGrowthMaxMib);
  std::vector<double> alone, beside, alone_processor, beside_processor;
  std::int64_t wrong = 0;
  for (int pair = 0; pair < pairs; ++pair) {
    // The order alternates, so that a machine that warms up or slows down favours neither.
    for (const bool blocked : {pair % 2 == 1, pair % 2 == 0}) {
      std::unique_ptr<StoppedReader> reader;
      if (blocked) reader = std::make_unique<StoppedReader>(target);
      const RunResult run = Run(target, pid, oracle, seconds, 2 * pair + (blocked ? 2 : 1));
      std::printf("  %s: %.0f tokens/s, %.0f per CPU second\n", blocked ? "beside" : "alone ",
                  run.tokens_per_second, run.tokens_per_processor_second);
      std::fflush(stdout);
      (blocked ? beside : alone).push_back(run.tokens_per_second);
      (blocked ? beside_processor : alone_processor).push_back(run.tokens_per_processor_second);
      wrong += run.wrong;
    }
  }
  pass &= Verdict("wrong turns in the timed runs", absl::StrCat(wrong), "0", wrong == 0);
  const double ratio = Median(beside) / Median(alone);
  pass &= Verdict("throughput beside a reader that stopped / alone (medians)",
                  absl::StrFormat("%.3f", ratio), ">= 0.98", ratio >= kRatioMin);
  std::printf("  per CPU second of the worker the ratio is %.3f\n",
              Median(beside_processor) / Median(alone_processor));
  return pass ? 0 : 1;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) {
  CLI::App app{"200 streams on one fake worker, alone and beside a reader that stopped"};
  std::string target;
  int pid = 0;
  int pairs = 7;
  double pool_mib = 0;
  double seconds = 5;
  app.add_option("--target", target)->required();
  app.add_option("--pid", pid)->required();
  app.add_option("--pool-mib", pool_mib)->required();
  app.add_option("--pairs", pairs)->capture_default_str();
  app.add_option("--seconds", seconds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return pintle::Main(target, pid, pool_mib, pairs, seconds);
}

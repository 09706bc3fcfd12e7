// SPDX-License-Identifier: Apache-2.0
#include "bench/load/load_run.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "bench/load/process_time.h"
#include "bench/load/token_stream.h"

namespace pintle {
namespace {

using Json = nlohmann::json;

std::shared_ptr<grpc::Channel> Dial(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(share * last + 0.5)];
}

Json Summary(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return {{"count", values.size()},
          {"mean", values.empty() ? 0 : sum / static_cast<double>(values.size())},
          {"p50", Quantile(values, 0.5)},
          {"p95", Quantile(values, 0.95)},
          {"p99", Quantile(values, 0.99)},
          {"max", Quantile(values, 1)}};
}

double FirstTokenOf(const TokenStream& stream) {
  return stream.arrivals().empty() ? 0 : stream.arrivals().front().time - stream.began();
}

// Gaps between the messages of a stream whose both ends lie in [from, to].
void AddGaps(const TokenStream& stream, double from, double to, std::vector<double>& gaps) {
  const std::vector<TokenStream::Arrival>& arrivals = stream.arrivals();
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    if (arrivals[i - 1].time < from || arrivals[i].time > to) continue;
    gaps.push_back(arrivals[i].time - arrivals[i - 1].time);
  }
}

// The processor's time of a watched process at one moment.
struct ProcessMark {
  double seconds = 0;
  std::map<std::string, double> threads;
};

ProcessMark MarkOf(int pid) {
  if (pid <= 0) return {};
  return {ProcessorSeconds(pid), ThreadSeconds(pid)};
}

// Drains the queue for a set of streams, and notes what is measured while all of them run.
class Running {
 public:
  Running(grpc::CompletionQueue& queue, int pid) : queue_(queue), pid_(pid) {}

  std::vector<std::unique_ptr<TokenStream>> streams;
  // Begun once every stream has had `beside_after` tokens; null for none.
  std::unique_ptr<TokenStream> beside;
  std::int32_t beside_after = 0;

  // Runs until all is over.
  void Drain() {
    for (const auto& stream : streams) stream->Start();
    std::size_t left = streams.size();
    std::size_t warm = 0;   // streams that have their first token
    std::size_t ready = 0;  // streams that have beside_after tokens
    void* tag = nullptr;
    bool ok = false;
    while (left > 0 && queue_.Next(&tag, &ok)) {
      auto& stream = *static_cast<TokenStream*>(tag);
      const std::int32_t before = stream.tokens();
      stream.Advance(ok);
      if (&stream != beside.get()) {
        if (before == 0 && stream.tokens() > 0 && ++warm == streams.size()) {
          begin_ = MonotonicSeconds();
          begin_mark_ = MarkOf(pid_);
        }
        if (before < beside_after && stream.tokens() >= beside_after &&
            ++ready == streams.size() && beside != nullptr) {
          beside->Start();
          ++left;
        }
        const bool ends = stream.over() || stream.tokens() >= limit_;
        if (ends && end_ == 0) {
          end_ = MonotonicSeconds();
          end_mark_ = MarkOf(pid_);
        }
      }
      if (stream.over()) --left;
    }
  }

  void set_limit(std::int32_t tokens) { limit_ = tokens; }
  double begin() const { return begin_; }
  double end() const { return end_; }

  // Figures of the span from the last first token to the first last one.
  Json Figures() const {
    std::vector<double> first_tokens, gaps;
    std::int64_t tokens = 0, messages = 0, wrong = 0;
    for (const auto& stream : streams) {
      first_tokens.push_back(FirstTokenOf(*stream));
      wrong += stream->good() ? 0 : 1;
      AddGaps(*stream, begin_, end_, gaps);
      for (const TokenStream::Arrival& arrival : stream->arrivals()) {
        if (arrival.time <= begin_ || arrival.time > end_) continue;
        tokens += arrival.tokens;
        ++messages;
      }
    }
    const double seconds = end_ - begin_;
    Json threads = Json::object();
    for (const auto& [name, used] : end_mark_.threads) {
      const auto found = begin_mark_.threads.find(name);
      threads[name] = used - (found == begin_mark_.threads.end() ? 0 : found->second);
    }
    return {{"tokens", tokens},
            {"messages", messages},
            {"seconds", seconds},
            {"tokens_per_second", seconds > 0 ? static_cast<double>(tokens) / seconds : 0},
            {"wrong", wrong},
            {"first_token", Summary(first_tokens)},
            {"gap", Summary(gaps)},
            {"processor_seconds", end_mark_.seconds - begin_mark_.seconds},
            {"thread_seconds", threads}};
  }

 private:
  grpc::CompletionQueue& queue_;
  const int pid_;
  std::int32_t limit_ = std::numeric_limits<std::int32_t>::max();
  double begin_ = 0;
  double end_ = 0;
  ProcessMark begin_mark_;
  ProcessMark end_mark_;
};

}  // namespace

std::vector<std::unique_ptr<v1::Inference::Stub>>& LoadBench::Stubs(const std::string& target,
                                                                    int count) {
  auto& stubs = stubs_[target];
  while (stubs.size() < static_cast<std::size_t>(count)) {
    stubs.push_back(v1::Inference::NewStub(Dial(target)));
  }
  return stubs;
}

v1::GenerateRequest LoadBench::MakeRequest(const LoadRequest& request, std::int32_t prompt,
                                           std::int32_t tokens) {
  v1::GenerateRequest made;
  for (std::int32_t i = 0; i < prompt; ++i) {
    // splitmix64: no two prompts of a run share a beginning, so nothing is found cached.
    seed_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = seed_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    mixed ^= mixed >> 31;
    const auto id = request.id_min + static_cast<std::int32_t>(
                                         mixed % static_cast<std::uint64_t>(request.id_count));
    made.mutable_tokens()->add_ids(id);
  }
  made.mutable_sampling()->set_temperature(0);
  made.mutable_stopping()->set_max_tokens(tokens);
  made.mutable_stopping()->set_ignore_eos(true);
  return made;
}

Json LoadBench::Streams(const LoadRequest& request) {
  grpc::CompletionQueue queue;
  auto& stubs = Stubs(request.targets.front(), request.connections);
  Running running(queue, request.pid);
  for (int i = 0; i < request.streams; ++i) {
    auto& stub = *stubs[static_cast<std::size_t>(i % request.connections)];
    running.streams.push_back(std::make_unique<TokenStream>(
        stub, queue, MakeRequest(request, request.prompt, request.tokens)));
  }
  running.set_limit(request.tokens);
  if (request.beside_prompt > 0) {
    running.beside_after = request.beside_after;
    running.beside = std::make_unique<TokenStream>(
        *stubs.front(), queue, MakeRequest(request, request.beside_prompt, 1));
  }
  running.Drain();
  queue.Shutdown();
  Json answer = running.Figures();
  if (running.beside != nullptr) {
    const double began = running.beside->began();
    const double first = began + FirstTokenOf(*running.beside);
    std::vector<double> before, beside;
    for (const auto& stream : running.streams) {
      AddGaps(*stream, running.begin(), began, before);
      AddGaps(*stream, began, std::min(first, running.end()), beside);
    }
    answer["undisturbed_gap"] = Summary(before);
    answer["beside_gap"] = Summary(beside);
    answer["beside_first_token"] = first - began;
    answer["wrong"] = answer["wrong"].get<int>() + (running.beside->good() ? 0 : 1);
    // The streams must have run all the while, or the gaps say nothing.
    answer["beside_covered"] = first <= running.end();
  }
  return answer;
}

Json LoadBench::Health(const LoadRequest& request) {
  // HealthCheckRequest{service: "readiness"} and HealthCheckResponse{status: SERVING}, spelled out:
  // the messages are not among ours.
  constexpr absl::string_view kRequest("\x0a\x09readiness", 11);
  constexpr absl::string_view kServing("\x08\x01", 2);
  const grpc::Slice asked(kRequest.data(), kRequest.size());
  const grpc::ByteBuffer message(&asked, 1);
  grpc::GenericStub stub(Dial(request.targets.front()));
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", message, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  grpc::Slice bytes;
  const bool serving = status.ok() && answer.DumpToSingleSlice(&bytes).ok() &&
                       absl::string_view(reinterpret_cast<const char*>(bytes.begin()),
                                         bytes.size()) == kServing;
  return {{"serving", serving}};
}

Json LoadBench::FirstTokens(const LoadRequest& request) {
  const std::size_t targets = request.targets.size();
  std::vector<std::vector<double>> first(targets), gaps(targets);
  int wrong = 0;
  for (int turn = 0; turn < request.turns; ++turn) {
    for (std::size_t k = 0; k < targets; ++k) {
      // The order alternates, so that neither is always the one after the other.
      const std::size_t t = turn % 2 == 0 ? k : targets - 1 - k;
      grpc::CompletionQueue queue;
      Running running(queue, 0);
      running.streams.push_back(
          std::make_unique<TokenStream>(*Stubs(request.targets[t], 1).front(), queue,
                                        MakeRequest(request, request.prompt, request.tokens)));
      running.Drain();
      queue.Shutdown();
      const TokenStream& stream = *running.streams.front();
      wrong += stream.good() ? 0 : 1;
      first[t].push_back(FirstTokenOf(stream));
      AddGaps(stream, 0, std::numeric_limits<double>::max(), gaps[t]);
    }
  }
  Json answer = {{"wrong", wrong}, {"targets", Json::array()}};
  for (std::size_t t = 0; t < targets; ++t) {
    answer["targets"].push_back({{"first_token", Summary(first[t])}, {"gap", Summary(gaps[t])}});
  }
  return answer;
}

}  // namespace pintle

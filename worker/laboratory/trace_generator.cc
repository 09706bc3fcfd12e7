// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/trace_generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "contract/errors.h"

namespace pintle::laboratory {
namespace {

constexpr std::array<absl::string_view, 5> kKinds = {"chat", "agents", "documents", "bursts",
                                                     "scans"};
// A request above this is cut: a context of 64k tokens in blocks of 512.
constexpr std::int32_t kBlocksMax = 128;
constexpr double kTau = 6.283185307179586;

// SplitMix64: its whole output is fixed by the seed on every machine, which the standard library's
// distributions do not promise.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  // In [0, 1).
  double Uniform() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  }
  double Exponential(double mean) { return -mean * std::log(1.0 - Uniform()); }
  double LogNormal(double median, double spread) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
    return median * std::exp(spread * radius * std::cos(kTau * Uniform()));
  }
  double Pareto(double median, double power) {
    return median * std::pow(2 * (1.0 - Uniform()), -1 / power);
  }
  std::int32_t Blocks(double median, double spread, std::int32_t most = kBlocksMax) {
    return std::clamp(static_cast<std::int32_t>(std::lround(LogNormal(median, spread))), 1, most);
  }

 private:
  std::uint64_t state_;
};

struct Conversation {
  std::vector<std::int64_t> ids;
  bool one_shot = false;
  bool returned = false;
};

// A turn to come. Ties go by number, so that the order does not depend on the queue.
struct Due {
  double at = 0;
  std::int32_t conversation = 0;
  friend bool operator>(const Due& a, const Due& b) {
    return a.at != b.at ? a.at > b.at : a.conversation > b.conversation;
  }
};

class Generator {
 public:
  Generator(const WorkloadShape& shape, std::uint64_t seed) : shape_(shape), draws_(seed) {
    for (std::int32_t i = 0; i < shape.system_prompts; ++i) {
      // Popular prompts are not shorter than others: lengths go round.
      std::vector<std::int64_t> prompt;
      Append(prompt, 1 + (i * 7 + 3) % std::max(shape.system_blocks_max, 1));
      prompts_.push_back(std::move(prompt));
    }
  }

  Trace Run() {
    Trace trace;
    double arrival = 0;
    while (trace.requests() < shape_.requests) {
      if (due_.empty() || arrival <= due_.top().at) {
        due_.push(Due{arrival, Open()});
        arrival += NextArrival(arrival);
        continue;
      }
      const Due due = due_.top();
      due_.pop();
      Turn(due, trace);
    }
    return trace;
  }

 private:
  void Append(std::vector<std::int64_t>& ids, std::int32_t count) {
    for (; count > 0; --count) ids.push_back(next_id_++);
  }

  double NextArrival(double now) {
    const double swing = std::pow(shape_.burst, std::sin(kTau * now / 600.0));
    return draws_.Exponential(1.0 / (shape_.arrivals_per_second * swing));
  }

  std::int32_t Open() {
    Conversation fresh;
    if (!prompts_.empty()) {
      // The square of a uniform number: the first prompts are the popular ones.
      const double u = draws_.Uniform();
      fresh.ids = prompts_[static_cast<std::size_t>(u * u * static_cast<double>(prompts_.size()))];
    }
    fresh.one_shot = draws_.Uniform() < shape_.one_shots;
    Append(fresh.ids,
           draws_.Blocks(shape_.first_blocks * (fresh.one_shot ? 3 : 1), shape_.spread));
    conversations_.push_back(std::move(fresh));
    return static_cast<std::int32_t>(conversations_.size()) - 1;
  }

  void Turn(const Due& due, Trace& trace) {
    Conversation& it = conversations_[static_cast<std::size_t>(due.conversation)];
    trace.Add(absl::Milliseconds(std::floor(due.at * 1000)), it.ids, "");
    const double back = it.one_shot    ? 0
                        : it.returned ? shape_.return_after_later
                                      : shape_.return_after_first;
    if (draws_.Uniform() >= back || it.ids.size() >= kBlocksMax) {
      std::vector<std::int64_t>().swap(it.ids);
      return;
    }
    it.returned = true;
    it.ids.pop_back();
    Append(it.ids, 1 + draws_.Blocks(shape_.further_blocks, shape_.spread));
    due_.push(Due{due.at + draws_.LogNormal(shape_.think_seconds, shape_.think_spread),
                  due.conversation});
  }

  const WorkloadShape shape_;
  Draws draws_;
  std::int64_t next_id_ = 0;
  std::vector<std::vector<std::int64_t>> prompts_;
  std::vector<Conversation> conversations_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace

absl::Span<const absl::string_view> WorkloadKinds() { return kKinds; }

absl::StatusOr<WorkloadShape> ShapeOf(absl::string_view kind) {
  WorkloadShape shape;
  if (kind == "chat") return shape;
  if (kind == "agents") {
    // Tools answer in seconds; long shared instructions; many turns, each a little more.
    shape.arrivals_per_second = 0.5;
    shape.system_blocks_max = 12;
    shape.first_blocks = 4;
    shape.further_blocks = 1.5;
    shape.return_after_first = 0.8;
    shape.return_after_later = 0.9;
    shape.think_seconds = 8;
    shape.think_spread = 1.3;
    shape.one_shots = 0.1;
    return shape;
  }
  if (kind == "documents") {
    // Long texts, a few questions on some of them.
    shape.first_blocks = 30;
    shape.system_prompts = 2;
    shape.further_blocks = 1;
    shape.return_after_first = 0.3;
    shape.return_after_later = 0.5;
    shape.think_seconds = 45;
    shape.one_shots = 0.4;
    return shape;
  }
  if (kind == "bursts") {
    // The rate swings by sixteen between its peaks and valleys.
    shape.burst = 4;
    shape.think_seconds = 150;
    shape.think_spread = 1.5;
    return shape;
  }
  if (kind == "scans") {
    // Mostly texts read once, between a few faithful conversations.
    shape.one_shots = 0.7;
    shape.return_after_first = 0.7;
    shape.return_after_later = 0.85;
    return shape;
  }
  return InvalidField("kind", absl::StrCat("is ", kind, ", not one of: ",
                                           absl::StrJoin(WorkloadKinds(), ", ")));
}

Trace GenerateTrace(const WorkloadShape& shape, std::uint64_t seed) {
  return Generator(shape, seed).Run();
}

Trace GenerateSessions(const SessionLoad& load, std::uint64_t seed) {
  Draws draws(seed);
  struct Session {
    std::vector<std::int64_t> ids;
    std::int32_t turns = 0;  // still to come
    double pace = 1;
  };
  std::vector<Session> sessions(static_cast<std::size_t>(load.sessions));
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  std::int64_t next_id = 0;
  const auto leavers = static_cast<std::int32_t>(load.sessions * load.abandoned);
  for (std::int32_t i = 0; i < load.sessions; ++i) {
    Session& it = sessions[static_cast<std::size_t>(i)];
    it.turns = i < leavers ? load.abandoned_turns : load.turns;
    it.pace = draws.LogNormal(1, load.pace_spread);
    due.push(Due{draws.Uniform() * load.arrivals_seconds, i});
  }
  Trace trace;
  while (!due.empty()) {
    const Due now = due.top();
    due.pop();
    Session& it = sessions[static_cast<std::size_t>(now.conversation)];
    // The last block was partly full and is another one when it is continued.
    if (!it.ids.empty()) it.ids.pop_back();
    const std::int32_t more = draws.Blocks(load.turn_blocks, load.spread, load.turn_blocks_max);
    for (std::int32_t i = 0; i <= more; ++i) it.ids.push_back(next_id++);
    trace.Add(absl::Milliseconds(std::floor(now.at * 1000)), it.ids,
              absl::StrCat("session-", now.conversation));
    if (--it.turns == 0) continue;
    const double think = load.pareto > 0 ? draws.Pareto(load.think_seconds, load.pareto)
                                         : draws.LogNormal(load.think_seconds, load.think_spread);
    due.push(Due{now.at + std::min(think * it.pace, load.think_seconds_max), now.conversation});
  }
  return trace;
}

void WriteTrace(const Trace& trace, std::ostream& out) {
  for (std::int32_t r = 0; r < trace.requests(); ++r) {
    out << "{\"timestamp\": " << absl::ToInt64Milliseconds(trace.At(r)) << ", \"hash_ids\": ["
        << absl::StrJoin(trace.Path(r), ", ") << "]";
    if (trace.Session(r) >= 0) out << ", \"session\": \"" << trace.Session(r) << "\"";
    out << "}\n";
  }
}

}  // namespace pintle::laboratory

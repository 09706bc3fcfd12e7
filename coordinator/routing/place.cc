// SPDX-License-Identifier: Apache-2.0
#include "coordinator/routing/place.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// What stands in for figures a worker did not report.
struct Assumed {
  double prefill_rate = kPrefillRateAssumed;
  double decode_rate = kDecodeRateAssumed;
  double bytes_per_token = kBytesPerTokenAssumed;
  std::int64_t queued_tokens = 0;
  std::int64_t turns = 0;
  std::optional<std::int64_t> kv_tokens_free;
};

template <typename T, typename Field, typename Worse>
T WorstKnown(const std::vector<const FleetWorker*>& workers, Field field, Worse worse, T unknown) {
  std::optional<T> worst;
  for (const FleetWorker* worker : workers) {
    const std::optional<T> value = field(worker->load);
    if (value && (!worst || worse(*value, *worst))) worst = value;
  }
  return worst.value_or(unknown);
}

// A rate of zero or less, or NaN, is nobody's measurement.
std::optional<double> Positive(std::optional<double> value) {
  return value && *value > 0 ? value : std::nullopt;
}

std::optional<std::int64_t> TurnsOf(const WorkerLoad& load) {
  if (!load.turns_running && !load.turns_waiting) return std::nullopt;
  return load.turns_running.value_or(0) + load.turns_waiting.value_or(0);
}

Assumed AssumedFor(const std::vector<const FleetWorker*>& workers) {
  const auto less = [](auto a, auto b) { return a < b; };
  const auto more = [](auto a, auto b) { return a > b; };
  Assumed assumed;
  assumed.prefill_rate = WorstKnown<double>(
      workers, [](const WorkerLoad& l) { return Positive(l.prefill_tokens_per_second); }, less,
      kPrefillRateAssumed);
  assumed.decode_rate = WorstKnown<double>(
      workers, [](const WorkerLoad& l) { return Positive(l.decode_tokens_per_second); }, less,
      kDecodeRateAssumed);
  assumed.bytes_per_token = WorstKnown<double>(
      workers, [](const WorkerLoad& l) { return Positive(l.bytes_per_token); }, less,
      kBytesPerTokenAssumed);
  assumed.queued_tokens = WorstKnown<std::int64_t>(
      workers, [](const WorkerLoad& l) { return l.queued_uncached_tokens; }, more, 0);
  assumed.turns = WorstKnown<std::int64_t>(workers, TurnsOf, more, 0);
  for (const FleetWorker* worker : workers) {
    const std::optional<std::int64_t> free = worker->load.kv_tokens_free;
    if (free && *free < assumed.kv_tokens_free.value_or(*free + 1)) assumed.kv_tokens_free = free;
  }
  return assumed;
}

std::int64_t NewTokens(const PlacementQuery& query, const WorkerLoad& load,
                       const Assumed& assumed) {
  const double ratio = Positive(load.bytes_per_token).value_or(assumed.bytes_per_token);
  return query.new_tokens + static_cast<std::int64_t>(static_cast<double>(query.new_bytes) / ratio);
}

bool Resident(const PlacementQuery& query, const FleetWorker& worker) {
  return query.bound_incarnation != 0 && worker.hello.incarnation == query.bound_incarnation &&
         worker.hello.worker == query.bound_worker;
}

// Affinity comes first: until blocks can move between workers, leaving one's KV behind costs the
// session a prefill now and, when it comes back, another.
bool KeepsSession(const PlacementQuery& query, const FleetWorker& worker) {
  return query.transcript_tokens > 0 && Resident(query, worker);
}

PlacementTerms TermsOf(const FleetWorker& worker, const BookedLoad& booked,
                       const PlacementQuery& query, const Assumed& assumed) {
  const WorkerLoad& load = worker.load;
  const double prefill_rate =
      Positive(load.prefill_tokens_per_second).value_or(assumed.prefill_rate);
  const double decode_rate = Positive(load.decode_tokens_per_second).value_or(assumed.decode_rate);
  const std::int64_t queued =
      load.queued_uncached_tokens.value_or(assumed.queued_tokens) + booked.uncached_tokens;
  const std::int64_t turns = TurnsOf(load).value_or(assumed.turns) + booked.turns;
  const std::int64_t input = NewTokens(query, load, assumed);
  const std::int64_t bring = Resident(query, worker) ? 0 : query.transcript_tokens;
  const double output =
      std::min(static_cast<double>(query.output_tokens), kOutputTokensExpectedMax);

  PlacementTerms terms;
  terms.worker = worker.hello.worker;
  terms.incarnation = worker.hello.incarnation;
  terms.queue = static_cast<double>(queued + input) / prefill_rate;
  terms.bring = static_cast<double>(bring) / prefill_rate;
  // Streams share the machine's token rate: this turn's output waits for the others', and they for
  // it, by as much again for each of them.
  terms.decode = output * static_cast<double>(turns) / decode_rate;
  const std::optional<std::int64_t> free =
      load.kv_tokens_free ? load.kv_tokens_free : assumed.kv_tokens_free;
  if (free) {
    const double need = static_cast<double>(booked.uncached_tokens + input + bring) + output;
    const double evicted = std::max(0.0, need - static_cast<double>(*free));
    terms.pressure = evicted / prefill_rate;
    // What even eviction cannot give has to be waited for until running turns have ended.
    const double evictable = static_cast<double>(load.kv_tokens_evictable.value_or(0));
    terms.pressure += std::max(0.0, evicted - evictable) / decode_rate;
  }
  return terms;
}

// Highest-random-weight hashing: stable across processes, and a worker that leaves moves only the
// sessions it had.
std::uint64_t RendezvousWeight(const PlacementQuery& query, const WorkerId& worker) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const absl::string_view part :
       {absl::string_view(query.session.tenant.value()),
        absl::string_view(query.session.session.value()), absl::string_view(worker.value())}) {
    for (const char byte : part) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
    hash = (hash ^ 0xff) * 0x100000001b3ULL;  // ends the part: "ab","c" is not "a","bc"
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 33);
}

}  // namespace

absl::StatusOr<std::string> ResolveModelIn(const FleetSnapshot& fleet, const std::string& model) {
  std::set<std::string> served;
  for (const FleetWorker& worker : fleet.workers) served.insert(worker.hello.model.name);
  if (served.empty()) return MakeError(Reason::kNoWorker, "no worker has joined");
  if (model.empty()) {
    if (served.size() == 1) return *served.begin();
    return InvalidField("model",
                        absl::StrCat("must be given: ", served.size(), " models are served"));
  }
  if (served.contains(model)) return model;
  if (fleet.models_known.contains(model)) {
    return MakeError(Reason::kNoWorker, absl::StrCat("no worker serves model ", model, " now"));
  }
  return MakeError(Reason::kModelNotFound, absl::StrCat("model ", model, " is not served"));
}

absl::StatusOr<PlacementDecision> Place(const FleetSnapshot& fleet, const BookingLedger& booked,
                                        const PlacementQuery& query) {
  PlacementDecision decision;
  PINTLE_ASSIGN_OR_RETURN(decision.model, ResolveModelIn(fleet, query.model));
  std::vector<const FleetWorker*> workers;
  for (const FleetWorker& worker : fleet.workers) {
    if (worker.hello.model.name == decision.model && !worker.load.draining) {
      workers.push_back(&worker);
    }
  }
  if (workers.empty()) {
    return MakeError(Reason::kDraining,
                     absl::StrCat("all workers of model ", decision.model, " are draining"));
  }
  const Assumed assumed = AssumedFor(workers);
  const FleetWorker* best = nullptr;
  for (const FleetWorker* worker : workers) {
    const PlacementTerms terms =
        TermsOf(*worker, booked.Booked(worker->hello.incarnation, worker->load_at), query, assumed);
    decision.candidates.push_back(terms);
    const double difference = best == nullptr ? -1 : terms.Total() - decision.chosen.Total();
    const bool tie = difference == 0 && RendezvousWeight(query, terms.worker) >
                                            RendezvousWeight(query, decision.chosen.worker);
    const bool stays = best != nullptr && KeepsSession(query, *best);
    if (!stays && (difference < 0 || tie || KeepsSession(query, *worker))) {
      decision.chosen = terms;
      best = worker;
    }
  }
  decision.resident = Resident(query, *best);
  decision.uncached_tokens =
      NewTokens(query, best->load, assumed) + (decision.resident ? 0 : query.transcript_tokens);
  return decision;
}

std::string LogLine(const PlacementDecision& decision, const PlacementQuery& query) {
  std::string line = absl::StrFormat(
      "placement tenant=%s session=%s model=%s worker=%s resident=%s uncached_tokens=%d",
      query.session.tenant.value(), query.session.session.value(), decision.model,
      decision.chosen.worker.value(), decision.resident ? "true" : "false",
      decision.uncached_tokens);
  for (const PlacementTerms& terms : decision.candidates) {
    absl::StrAppendFormat(&line, " %s=%.3f(queue=%.3f,decode=%.3f,pressure=%.3f,bring=%.3f)",
                          terms.worker.value(), terms.Total(), terms.queue, terms.decode,
                          terms.pressure, terms.bring);
  }
  return line;
}

}  // namespace pintle

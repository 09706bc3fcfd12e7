// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_KV_KV_SIMULATION_H_
#define PINTLE_TESTS_WORKER_KV_KV_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/fakes/eviction_recorder.h"
#include "tests/worker/kv/simulated_tier.h"
#include "worker/kv/event_log.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_observer_list.h"

namespace pintle::kv {

// Drives a KvCache with random turns as an engine would and compares it with a naive reference: a
// device whose every position remembers a digest of the whole history it was written for, and
// transcripts kept as plain lists. A block handed out for another history, another tenant or too
// early shows as a wrong digest.
class KvSimulation {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::int32_t blocks = 32;
    std::int32_t block_tokens = 16;
    std::int32_t hash_bits = 128;
    std::string policy = "lru";
    // Random pins, leases, quotas, floors and changes of policy beside the turns.
    bool pins = false;
    // A small and unreliable tier below the device, which takes victims over and is read back from.
    bool tier = false;
    // Invariants are O(blocks x tokens): checked after every so many operations.
    std::int32_t check_every = 1;
  };
  explicit KvSimulation(const Options& options);

  // Runs `operations`; INTERNAL says what went wrong after which operation.
  absl::Status Run(std::int64_t operations);
  // Ends all turns; afterwards nothing may be in use, reserved or pinned.
  absl::Status Quiesce();

  KvCache& cache() { return *cache_; }
  std::int64_t commits() const { return commits_; }
  std::int64_t copies_done() const { return copies_done_; }
  std::int64_t forks() const { return forks_; }
  std::int64_t imports() const { return imports_; }
  std::int64_t funded_turns() const { return funded_turns_; }
  // Positions that came back from the tier below.
  std::int64_t read_back() const { return read_back_; }
  // Tokens that the tier below evicted or found damaged.
  std::int64_t lost_below() const {
    return told_lower_.removed[At(KvReason::kCapacity)] +
           told_lower_.removed[At(KvReason::kDamaged)];
  }

 private:
  struct Turn {
    KvSequence sequence;
    SessionKey key;
    std::vector<TokenId> tokens;         // what it wants to be written, prompt first
    std::vector<std::uint64_t> digests;  // of tokens[0..i]
    Position held_before = 0;
    std::int64_t evicted_before = 0;
    bool fork = false;
    bool borrowed = false;
    KvTurnSize size;
    bool funded = false;
    bool rewound = false;
  };

  std::int32_t Pick(std::int32_t below);
  bool Chance(std::int32_t percent) { return Pick(100) < percent; }
  std::vector<std::uint64_t> Digest(const TenantId& tenant, const std::vector<TokenId>& tokens);
  std::vector<TokenId> MakePrompt(const SessionKey& key);
  std::int64_t EvictedOf(const SessionKey& key) const;
  // The session's held tokens are what they were, less evictions.
  absl::Status CheckUnchanged(const SessionKey& key, Position before, std::int64_t evicted_before);
  absl::Status CheckContent(const Turn& turn);

  absl::Status Operation();
  absl::Status BeginTurn();
  absl::Status Advance();
  absl::Status ForkTurn();
  absl::Status RewindTurn();
  absl::Status EndTurn();
  absl::Status Commit(Turn turn);
  absl::Status Abort(Turn turn);
  absl::Status ChangeSession();
  absl::Status ForkSession();
  absl::Status ImportSession();
  absl::Status BorrowSession();
  absl::Status ChangePin();
  // No guarantee in force lost anything since the last look.
  absl::Status CheckGuarantees();
  absl::Status Probe();
  absl::Status TryPlan();
  // The events told so far sum up to the physical ledger.
  absl::Status CheckEvents();
  Turn TakeTurn(std::size_t at);

  void MakeTier();
  absl::Status WorkTier();
  // Reads back what continues the turn's prompt.
  absl::Status ReadBack(Turn& turn);
  // The tier's invariants, and that the events told so far sum up to its ledger.
  absl::Status CheckTier();
  absl::Status QuiesceTier();
  // What the session holds on the device.
  Position DeviceTokens(const SessionKey& key) const;

  Options options_;
  std::mt19937_64 random_;
  EvictionRecorder recorder_;
  KvObserverList observers_;
  std::unique_ptr<KvCache> cache_;
  std::unique_ptr<EventLog> events_;
  KvLedger told_;        // the sum of the events taken
  KvLedger told_lower_;  // of the tier below
  std::int64_t evictions_told_ = 0;
  std::uint64_t last_event_ = 0;
  std::vector<std::uint64_t> device_;
  std::unique_ptr<SimulatedTier> tier_;
  std::int64_t read_back_ = 0;
  std::vector<Turn> turns_;
  std::map<SessionKey, std::vector<TokenId>> transcripts_;
  absl::Duration now_ = absl::ZeroDuration();
  std::uint64_t last_record_ = 0;
  std::int64_t commits_ = 0;
  std::int64_t copies_done_ = 0;
  std::int64_t forks_ = 0;
  std::int64_t imports_ = 0;
  std::int64_t funded_turns_ = 0;
  std::map<SessionKey, std::int64_t> guarded_;  // evicted so far of sessions whose KV may not go
};

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_WORKER_KV_KV_SIMULATION_H_

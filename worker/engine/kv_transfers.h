// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_KV_TRANSFERS_H_
#define PINTLE_WORKER_ENGINE_KV_TRANSFERS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/engine/engine_kv.h"
#include "worker/kv/kv_cache.h"
#include "worker/model/seam/decoder.h"

namespace pintle {

class TierLink;

// Readings and imports of whole sessions: holds their blocks and moves their content in slices of
// at most one portion a round. Turns come first: when they cannot go on for want of blocks,
// everything here gives its own back.
// Thread: confined to the engine thread. Owns the sequences; borrows cache and decoder.
// Fails: as EngineKv says. An import that finds the pool full keeps what found room.
class KvTransfers {
 public:
  // `tier`: null without a tier below the device.
  KvTransfers(kv::KvCache& cache, Decoder& decoder, TierLink* tier)
      : cache_(cache), decoder_(decoder), tier_(tier) {}

  // What lies in a lower tier is read back first, as far as the pool has room for it.
  void Open(const SessionKey& key, Position tokens_max, absl::Duration now,
            EngineKv::ReadingDone done);
  absl::StatusOr<std::string> Read(std::uint64_t reading, Position first, std::int32_t count,
                                   absl::Duration now);
  void Close(std::uint64_t reading, absl::Duration now);
  void Import(EngineImport import, EngineKv::TokensDone done, absl::Duration now);

  // One slice of the oldest import; false when there is none.
  bool Step(absl::Duration now);
  // When the first reading has been idle for too long.
  absl::Duration NextTimer() const;
  // Gives idle readings up; whether there were any.
  bool RunTimers(absl::Duration now);
  // Turns need the blocks: ends readings and finishes imports as they are. Whether there were any.
  bool Yield(absl::Duration now);
  // Ends everything with `why`.
  void EndAll(const absl::Status& why, absl::Duration now);

 private:
  struct Reading {
    kv::KvSequence sequence;
    absl::Duration used;
  };
  struct Importing {
    EngineImport import;
    EngineKv::TokensDone done;
    kv::KvSequence sequence;
    std::size_t next = 0;  // portion
  };

  void Register(kv::KvSequence sequence, absl::Duration now, EngineKv::ReadingDone done);
  absl::Status Write(Importing& importing, const KvPortion& portion, absl::Duration now);
  void Commit(Importing& importing, absl::Duration now);

  kv::KvCache& cache_;
  Decoder& decoder_;
  TierLink* const tier_;
  std::size_t lifting_ = 0;  // readings that wait for the tier
  std::uint64_t next_reading_ = 1;
  std::map<std::uint64_t, Reading> readings_;
  std::list<Importing> imports_;
  std::vector<std::byte> scratch_;  // a slice of a portion
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_KV_TRANSFERS_H_

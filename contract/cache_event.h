// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CACHE_EVENT_H_
#define PINTLE_CONTRACT_CACHE_EVENT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "contract/cache_reason.h"
#include "contract/ids.h"

// What happens in one worker's KV cache, as watchers hear of it. Plain data.
namespace pintle {

enum class CacheEventKind : std::uint8_t { kStored, kMoved, kRemoved, kEvicted };

// Who lost a block, by which policy's doing, on whose behalf.
struct CacheEviction {
  // Sessions named; a block shared by more still counts them in `holders`.
  static constexpr std::size_t kSessionsNamed = 4;

  std::uint64_t number = 0;  // of the eviction record; 0 for a move
  std::array<SessionId, kSessionsNamed> sessions;
  std::int32_t holders = 0;  // sessions whose KV ended with the block; 0: cache content of none
  absl::string_view policy;  // static storage
  double score = 0;          // the policy's; lower goes first
  absl::Duration age = absl::ZeroDuration();
  absl::Duration idle = absl::ZeroDuration();
  std::int32_t reuse_count = 0;
  SessionKey on_behalf_of;  // an empty session is a one-shot
};

// Tokens of one block that came, moved or left. Summed up the events of a tier are its ledger.
struct CacheEvent {
  std::uint64_t sequence = 0;  // 1, 2, 3 ...: a gap shows lost events
  CacheEventKind kind = CacheEventKind::kStored;
  absl::Duration at = absl::ZeroDuration();  // monotonic
  BlockIndex block = kNoBlock;               // kNoBlock in tiers without block numbers
  // Whose turn stored, dropped or lost them; an empty session is a one-shot's or shared content.
  SessionKey key;
  Position first_position = 0;
  std::int32_t tokens = 0;
  std::int64_t bytes = 0;
  CacheTier tier = CacheTier::kDevice;          // where they are stored, or what they left
  CacheTier to = CacheTier::kDevice;            // of a move
  CacheReason reason = CacheReason::kCapacity;  // of a removal or an eviction
  CacheEviction eviction;                       // of an eviction, or of a move to a lower tier
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_CACHE_EVENT_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_IDS_H_
#define PINTLE_CONTRACT_IDS_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace pintle {

// A string that names one kind of thing; kinds do not convert into each other.
template <typename Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}
  explicit StrongString(absl::string_view value) : value_(value) {}
  explicit StrongString(const char* value) : value_(value) {}

  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend bool operator==(const StrongString&, const StrongString&) = default;
  friend auto operator<=>(const StrongString& a, const StrongString& b) {
    return a.value_.compare(b.value_) <=> 0;
  }
  template <typename H>
  friend H AbslHashValue(H h, const StrongString& s) {
    return H::combine(std::move(h), s.value_);
  }

 private:
  std::string value_;
};

// The unit of isolation: sessions, prefix sharing and quotas never cross a tenant.
using TenantId = StrongString<struct TenantTag>;
// A conversation's name, unique within its tenant; [A-Za-z0-9._-]{1,64}.
using SessionId = StrongString<struct SessionTag>;
// A client's name for one turn, echoed in logs and used to cancel; never a key across tenants.
using RequestId = StrongString<struct RequestTag>;
// A worker's stable name (its advertised address unless it was given another).
using WorkerId = StrongString<struct WorkerTag>;

// A tenant's session: the key of every session table.
struct SessionKey {
  TenantId tenant;
  SessionId session;

  friend bool operator==(const SessionKey&, const SessionKey&) = default;
  friend std::strong_ordering operator<=>(const SessionKey& a, const SessionKey& b) {
    if (auto order = a.tenant <=> b.tenant; order != 0) return order;
    return a.session <=> b.session;
  }
  template <typename H>
  friend H AbslHashValue(H h, const SessionKey& key) {
    return H::combine(std::move(h), key.tenant, key.session);
  }
};

// One vocabulary entry; signed because tokenizers and LibTorch both use signed ids.
using TokenId = std::int32_t;
// Counts transcript tokens from 0; a model's context bounds it, so 32 bits suffice.
using Position = std::int32_t;
// One block of one worker's KV pool. Blocks of all cache groups share the numbering in v1.
using BlockIndex = std::int32_t;
inline constexpr BlockIndex kNoBlock = -1;
// Random id of one worker process; a restarted worker is another owner. 0 means none.
using Incarnation = std::uint64_t;
// Version of a session's binding; only rises, stale epochs are refused. 0 means never bound.
using Epoch = std::uint64_t;
// The engine's own number of one running sequence (one choice of one turn); never reused.
using SequenceId = std::uint64_t;

}  // namespace pintle

#endif  // PINTLE_CONTRACT_IDS_H_

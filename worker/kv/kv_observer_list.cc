// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_observer_list.h"

namespace pintle::kv {

void KvObserverList::Began(const KvLookup& lookup, absl::Duration now) {
  for (KvObserver* observer : observers_) observer->Began(lookup, now);
}

void KvObserverList::Acting(const SessionKey& key) {
  for (KvObserver* observer : observers_) observer->Acting(key);
}

void KvObserverList::Stored(BlockIndex block, std::int32_t count, absl::Duration now) {
  for (KvObserver* observer : observers_) observer->Stored(block, count, now);
}

void KvObserverList::Released(BlockIndex block, const Hash128* hash) {
  for (KvObserver* observer : observers_) observer->Released(block, hash);
}

void KvObserverList::Removed(BlockIndex block, std::int32_t count, KvReason reason) {
  for (KvObserver* observer : observers_) observer->Removed(block, count, reason);
}

void KvObserverList::Evicted(const EvictionRecord& record) {
  for (KvObserver* observer : observers_) observer->Evicted(record);
}

void KvObserverList::Demoted(const EvictionRecord& record, KvTier to) {
  for (KvObserver* observer : observers_) observer->Demoted(record, to);
}

void KvObserverList::Promoted(BlockIndex block, std::int32_t count, KvTier from,
                              absl::Duration now) {
  for (KvObserver* observer : observers_) observer->Promoted(block, count, from, now);
}

void KvObserverList::StoredLower(const LowerBlock& block, absl::Duration now) {
  for (KvObserver* observer : observers_) observer->StoredLower(block, now);
}

void KvObserverList::RemovedLower(const LowerBlock& block, KvReason reason, absl::Duration now) {
  for (KvObserver* observer : observers_) observer->RemovedLower(block, reason, now);
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_observer_list.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

class Diary final : public KvObserver {
 public:
  Diary(std::string name, std::vector<std::string>* lines)
      : name_(std::move(name)), lines_(*lines) {}

  void Began(const KvLookup& lookup, absl::Duration) override { Note("began", lookup.found); }
  void Acting(const SessionKey&) override { Note("acting", 0); }
  void Stored(BlockIndex, std::int32_t count, absl::Duration) override { Note("stored", count); }
  void Released(BlockIndex block, const Hash128*) override { Note("released", block); }
  void Removed(BlockIndex, std::int32_t count, KvReason) override { Note("removed", count); }
  void Evicted(const EvictionRecord& record) override { Note("evicted", record.tokens); }
  void Demoted(const EvictionRecord& record, KvTier) override { Note("demoted", record.tokens); }
  void Promoted(BlockIndex, std::int32_t count, KvTier, absl::Duration) override {
    Note("promoted", count);
  }
  void StoredLower(const LowerBlock& block, absl::Duration) override {
    Note("stored below", block.tokens);
  }
  void RemovedLower(const LowerBlock& block, KvReason, absl::Duration) override {
    Note("removed below", block.tokens);
  }

 private:
  void Note(const char* what, std::int64_t figure) {
    lines_.push_back(absl::StrCat(name_, " ", what, " ", figure));
  }

  std::string name_;
  std::vector<std::string>& lines_;
};

TEST(KvObserverListTest, EachHearsEverythingInTheOrderTheyWereAdded) {
  std::vector<std::string> lines;
  Diary first("a", &lines);
  Diary second("b", &lines);
  KvObserverList list;
  list.Add(&first);
  list.Add(&second);
  const SessionKey key;
  list.Began(KvLookup{key, Hash128{}, {}, 1}, absl::ZeroDuration());
  list.Acting(key);
  list.Stored(0, 2, absl::ZeroDuration());
  list.Released(3, nullptr);
  list.Removed(0, 4, KvReason::kTruncated);
  EvictionRecord record;
  record.tokens = 5;
  list.Evicted(record);
  list.Demoted(record, KvTier::kDisk);
  list.Promoted(0, 6, KvTier::kDisk, absl::ZeroDuration());
  list.StoredLower({KvTier::kDisk, key.tenant, 0, 7}, absl::ZeroDuration());
  list.RemovedLower({KvTier::kDisk, key.tenant, 0, 8}, KvReason::kDamaged, absl::ZeroDuration());
  EXPECT_EQ(lines,
            (std::vector<std::string>{
                "a began 1", "b began 1", "a acting 0", "b acting 0", "a stored 2", "b stored 2",
                "a released 3", "b released 3", "a removed 4", "b removed 4", "a evicted 5",
                "b evicted 5", "a demoted 5", "b demoted 5", "a promoted 6", "b promoted 6",
                "a stored below 7", "b stored below 7", "a removed below 8",
                "b removed below 8"}));
}

}  // namespace
}  // namespace pintle::kv

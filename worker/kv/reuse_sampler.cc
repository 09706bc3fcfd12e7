// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/reuse_sampler.h"

#include <algorithm>
#include <cmath>

namespace pintle::kv {
namespace {

// Times between two renumberings for each sample: renumbering costs O(log n) per use then.
constexpr std::int32_t kTimesPerSample = 4;

}  // namespace

ReuseSampler::ReuseSampler(std::vector<std::int64_t> capacities, std::int32_t samples_max)
    : capacities_(std::move(capacities)),
      samples_max_(samples_max),
      slots_(samples_max),
      times_(static_cast<std::size_t>(samples_max)),
      marks_(static_cast<std::size_t>(samples_max) * kTimesPerSample + 1),
      hits_(capacities_.size()) {
  heap_.reserve(static_cast<std::size_t>(samples_max));
  free_.reserve(static_cast<std::size_t>(samples_max));
  order_.reserve(static_cast<std::size_t>(samples_max));
  for (std::int32_t slot = samples_max; slot-- > 0;) free_.push_back(slot);
}

double ReuseSampler::rate() const { return std::ldexp(static_cast<double>(threshold_) + 1.0, -64); }

void ReuseSampler::Mark(std::int32_t time, std::int32_t change) {
  for (auto at = static_cast<std::size_t>(time); at < marks_.size(); at += at & (~at + 1)) {
    marks_[at] += change;
  }
}

std::int64_t ReuseSampler::Later(std::int32_t time) const {
  std::int64_t until = 0;
  for (auto at = static_cast<std::size_t>(time); at > 0; at &= at - 1) until += marks_[at];
  return static_cast<std::int64_t>(heap_.size()) - until;
}

void ReuseSampler::Renumber() {
  order_.clear();
  for (const auto& [value, slot] : heap_) {
    order_.emplace_back(times_[static_cast<std::size_t>(slot)], slot);
  }
  std::sort(order_.begin(), order_.end());
  std::fill(marks_.begin(), marks_.end(), 0);
  clock_ = 0;
  for (const auto& [time, slot] : order_) {
    times_[static_cast<std::size_t>(slot)] = ++clock_;
    Mark(clock_, 1);
  }
}

void ReuseSampler::Use(std::int32_t slot) {
  if (clock_ + 1 == static_cast<std::int32_t>(marks_.size())) Renumber();
  std::int32_t& time = times_[static_cast<std::size_t>(slot)];
  Mark(time, -1);
  time = ++clock_;
  Mark(time, 1);
}

void ReuseSampler::LowerThreshold() {
  const double before = rate();
  const std::uint64_t largest = heap_.front().first;
  while (!heap_.empty() && heap_.front().first == largest) {
    const std::int32_t slot = heap_.front().second;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    Mark(times_[static_cast<std::size_t>(slot)], -1);
    slots_.Erase(slot);
    free_.push_back(slot);
  }
  threshold_ = largest == 0 ? 0 : largest - 1;
  const double factor = rate() / before;
  counted_ *= factor;
  for (double& hits : hits_) hits *= factor;
}

void ReuseSampler::Add(const Hash128& hash) {
  if (free_.empty()) LowerThreshold();
  if (!Sampled(hash)) return;
  if (clock_ + 1 == static_cast<std::int32_t>(marks_.size())) Renumber();
  const std::int32_t slot = free_.back();
  free_.pop_back();
  slots_.Insert(slot, hash);
  heap_.emplace_back(hash.high, slot);
  std::push_heap(heap_.begin(), heap_.end());
  times_[static_cast<std::size_t>(slot)] = ++clock_;
  Mark(clock_, 1);
}

void ReuseSampler::Count(const Hash128& hash) {
  ++references_;
  if (!Sampled(hash)) return;
  counted_ += 1;
  const std::int32_t slot = slots_.Find(hash);
  if (slot == -1) return;
  const double distance =
      static_cast<double>(Later(times_[static_cast<std::size_t>(slot)])) / rate();
  for (std::size_t i = 0; i < capacities_.size(); ++i) {
    if (distance < static_cast<double>(capacities_[i])) hits_[i] += 1;
  }
}

void ReuseSampler::Touch(const Hash128& hash) {
  if (!Sampled(hash)) return;
  const std::int32_t slot = slots_.Find(hash);
  if (slot == -1) {
    Add(hash);
  } else {
    Use(slot);
  }
}

void ReuseSampler::Lookup(absl::Span<const Hash128> chain) {
  for (const Hash128& hash : chain) Count(hash);
  for (std::size_t i = chain.size(); i-- > 0;) Touch(chain[i]);
}

double ReuseSampler::HitRatio(std::size_t capacity) const {
  const double expected = static_cast<double>(references_) * rate();
  if (references_ == 0 || expected <= 0) return 0;
  // Blocks used far more often than others make the sample too large or too small; such blocks are
  // found at any capacity, so the difference is theirs.
  const double hits = hits_[capacity] + (expected - counted_);
  return std::clamp(hits / expected, 0.0, 1.0);
}

}  // namespace pintle::kv

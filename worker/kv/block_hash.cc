// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_hash.h"

#include <bit>
#include <cstddef>

#include "contract/check.h"

namespace pintle::kv {
namespace {

// SipHash-2-4 with 128-bit output (Aumasson and Bernstein, 2012), fed word by word.
class SipState {
 public:
  explicit SipState(const std::array<std::uint64_t, 2>& key)
      : v0_(0x736f6d6570736575ULL ^ key[0]),
        v1_(0x646f72616e646f6dULL ^ key[1] ^ 0xeeULL),
        v2_(0x6c7967656e657261ULL ^ key[0]),
        v3_(0x7465646279746573ULL ^ key[1]) {}

  void Word(std::uint64_t word) {
    v3_ ^= word;
    Rounds(2);
    v0_ ^= word;
    ++words_;
  }

  Hash128 Finish() {
    // The last word carries the length, so that a prefix never hashes like the whole.
    Word((words_ * 8) << 56);
    v2_ ^= 0xee;
    Rounds(4);
    const std::uint64_t low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    Rounds(4);
    return Hash128{low, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

 private:
  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v3_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ += v3_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ += v1_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t words_ = 0;
};

std::uint64_t Low32(TokenId token) { return static_cast<std::uint32_t>(token); }

std::uint64_t Ones(std::int32_t bits) {
  if (bits <= 0) return 0;
  return bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
}

}  // namespace

BlockHash::BlockHash(std::array<std::uint64_t, 2> key, std::int32_t bits)
    : key_(key), mask_{Ones(bits), Ones(bits - 64)} {
  PINTLE_CHECK(bits >= 1 && bits <= 128, "a hash has 1 to 128 bits");
}

Hash128 BlockHash::Cut(Hash128 hash) const {
  return Hash128{hash.low & mask_.low, hash.high & mask_.high};
}

Hash128 BlockHash::Root(absl::string_view name) const { return Cut(WideRoot(name)); }

Hash128 BlockHash::Extend(const Hash128& previous, absl::Span<const TokenId> tokens) const {
  return Cut(WideExtend(previous, tokens));
}

Hash128 BlockHash::WideRoot(absl::string_view name) const {
  SipState state(key_);
  std::uint64_t word = 0;
  std::size_t filled = 0;
  for (const char c : name) {
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << (8 * filled);
    if (++filled == 8) {
      state.Word(word);
      word = 0;
      filled = 0;
    }
  }
  // The length ends the name, so that trailing zero bytes count.
  state.Word(word);
  state.Word(name.size());
  return state.Finish();
}

Hash128 BlockHash::WideExtend(const Hash128& previous, absl::Span<const TokenId> tokens) const {
  SipState state(key_);
  state.Word(previous.low);
  state.Word(previous.high);
  std::size_t i = 0;
  for (; i + 1 < tokens.size(); i += 2) {
    state.Word(Low32(tokens[i]) | (Low32(tokens[i + 1]) << 32));
  }
  // An odd end is marked with -1, an id no token has.
  if (i < tokens.size()) state.Word(Low32(tokens[i]) | (Low32(-1) << 32));
  return state.Finish();
}

}  // namespace pintle::kv

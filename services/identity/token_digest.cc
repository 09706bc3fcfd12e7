// SPDX-License-Identifier: Apache-2.0
#include "services/identity/token_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstddef>

#include "contract/check.h"

namespace pintle {
namespace {

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

TokenDigest TokenDigest::Of(absl::string_view token) {
  TokenDigest digest;
  const int ok =
      EVP_Digest(token.data(), token.size(), digest.bytes_.data(), nullptr, EVP_sha256(), nullptr);
  PINTLE_CHECK(ok == 1, "SHA-256 is always there");
  return digest;
}

std::optional<TokenDigest> TokenDigest::FromHex(absl::string_view hex) {
  TokenDigest digest;
  if (hex.size() != 2 * digest.bytes_.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.bytes_.size(); ++i) {
    const std::optional<unsigned> high = HexDigit(hex[2 * i]);
    const std::optional<unsigned> low = HexDigit(hex[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest.bytes_[i] = static_cast<std::uint8_t>(*high * 16 + *low);
  }
  return digest;
}

bool TokenDigest::Equals(const TokenDigest& other) const {
  return CRYPTO_memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
}

}  // namespace pintle

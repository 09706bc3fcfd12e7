// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_IDENTITY_TOKEN_DIGEST_H_
#define PINTLE_SERVICES_IDENTITY_TOKEN_DIGEST_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace pintle {

// SHA-256 of a bearer token. Files and memory hold digests, so that neither gives a token away, and
// comparing digests takes the same time wherever they first differ.
// Thread: a value. Never fails.
class TokenDigest {
 public:
  static TokenDigest Of(absl::string_view token);
  // From 64 hexadecimal digits of either case; nullopt for anything else.
  static std::optional<TokenDigest> FromHex(absl::string_view hex);

  // Takes a time that does not depend on the digests.
  bool Equals(const TokenDigest& other) const;

 private:
  std::array<std::uint8_t, 32> bytes_{};
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_IDENTITY_TOKEN_DIGEST_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_RANDOM_BITS_H_
#define PINTLE_SERVICES_HOST_RANDOM_BITS_H_

#include <cstdint>

namespace pintle {

// 64 bits from the operating system, for what must differ between processes and not be guessed:
// incarnations, ids, hash keys. A process hands this function to whatever needs randomness, so that
// tests can hand in their own. Thread: safe from any thread.
std::uint64_t RandomBits();

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_RANDOM_BITS_H_

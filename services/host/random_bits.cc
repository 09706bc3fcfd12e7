// SPDX-License-Identifier: Apache-2.0
#include "services/host/random_bits.h"

#include <random>

namespace pintle {

std::uint64_t RandomBits() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_ROPE_FREQUENCIES_H_
#define PINTLE_WORKER_MODEL_ROPE_FREQUENCIES_H_

#include <cstdint>
#include <vector>

#include "worker/model/model_config.h"

namespace pintle::model {

// One inverse frequency per pair of dimensions (head_dim / 2), computed in f32 step by step as
// transformers does, so that angles at far positions agree with the reference.
std::vector<float> RopeInverseFrequencies(const RopeConfig& rope, std::int32_t head_dim);

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_ROPE_FREQUENCIES_H_

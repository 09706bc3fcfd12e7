// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_DTYPE_H_
#define PINTLE_WORKER_MODEL_DTYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pintle::model {

// The dtype config.json names; what is loaded may differ (--dtype).
// The last three are ours alone: weights quantised while they are loaded, no dtype of a file. kInt8
// rounds weights alone, kW8A8 the rows they are multiplied with too, kInt4 to 16 steps a group.
enum class Dtype { kFloat32, kBfloat16, kFloat16, kInt8, kW8A8, kInt4 };

absl::string_view DtypeName(Dtype dtype);
bool IsQuantised(Dtype dtype);
// INVALID_FIELD for a name other than int8, w8a8, int4 and bf16, f32, f16 and their long forms.
absl::StatusOr<Dtype> ParseDtype(absl::string_view name);
// Of an element of a file or of KV. Requires: not kInt4.
std::int32_t DtypeBytes(Dtype dtype);

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_DTYPE_H_

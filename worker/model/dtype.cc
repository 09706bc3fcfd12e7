// SPDX-License-Identifier: Apache-2.0
#include "worker/model/dtype.h"

#include "absl/strings/str_cat.h"
#include "contract/errors.h"

namespace pintle::model {

absl::string_view DtypeName(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32: return "f32";
    case Dtype::kBfloat16: return "bf16";
    case Dtype::kFloat16: return "f16";
    case Dtype::kInt8: return "int8";
    case Dtype::kW8A8: return "w8a8";
    case Dtype::kInt4: return "int4";
  }
  return "f32";
}

absl::StatusOr<Dtype> ParseDtype(absl::string_view name) {
  if (name == "f32" || name == "float32" || name == "float") return Dtype::kFloat32;
  if (name == "bf16" || name == "bfloat16") return Dtype::kBfloat16;
  if (name == "f16" || name == "float16" || name == "half") return Dtype::kFloat16;
  for (const Dtype dtype : {Dtype::kInt8, Dtype::kW8A8, Dtype::kInt4}) {
    if (name == DtypeName(dtype)) return dtype;
  }
  return InvalidField("dtype",
                      absl::StrCat("is ", name, ", must be bf16, f32, f16, int8, w8a8 or int4"));
}

bool IsQuantised(Dtype dtype) {
  return dtype == Dtype::kInt8 || dtype == Dtype::kW8A8 || dtype == Dtype::kInt4;
}

std::int32_t DtypeBytes(Dtype dtype) {
  if (IsQuantised(dtype)) return 1;
  return dtype == Dtype::kFloat32 ? 4 : 2;
}

}  // namespace pintle::model

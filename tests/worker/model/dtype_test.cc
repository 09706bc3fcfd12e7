// SPDX-License-Identifier: Apache-2.0
#include "worker/model/dtype.h"

#include <gtest/gtest.h>

#include <string>

namespace pintle::model {
namespace {

TEST(DtypeTest, EveryDtypeIsReadBackFromItsName) {
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kBfloat16, Dtype::kFloat16, Dtype::kInt8,
                            Dtype::kW8A8, Dtype::kInt4}) {
    EXPECT_EQ(ParseDtype(DtypeName(dtype)).value(), dtype);
  }
  EXPECT_EQ(ParseDtype("bfloat16").value(), Dtype::kBfloat16);
  EXPECT_EQ(ParseDtype("half").value(), Dtype::kFloat16);
  EXPECT_EQ(ParseDtype("float").value(), Dtype::kFloat32);
}

TEST(DtypeTest, AnotherNameIsRefusedAndNamed) {
  const absl::Status status = ParseDtype("fp8").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("fp8"), std::string::npos);
}

TEST(DtypeTest, BytesAreThoseOfAnElementOfAFileOrOfKv) {
  EXPECT_EQ(DtypeBytes(Dtype::kFloat32), 4);
  EXPECT_EQ(DtypeBytes(Dtype::kBfloat16), 2);
  EXPECT_EQ(DtypeBytes(Dtype::kFloat16), 2);
  EXPECT_EQ(DtypeBytes(Dtype::kInt8), 1);
  EXPECT_TRUE(IsQuantised(Dtype::kW8A8));
  EXPECT_FALSE(IsQuantised(Dtype::kBfloat16));
}

}  // namespace
}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/cpu_isa.h"

#include <gtest/gtest.h>

#include <string>

#include "contract/errors.h"

namespace pintle::model::cpu {
namespace {

TEST(CpuIsaTest, ALimitWeakensAndNeverStrengthens) {
  const auto best = ChooseCpuIsa("");
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(*ChooseCpuIsa("avx2"), CpuIsa::kAvx2);
  EXPECT_EQ(*ChooseCpuIsa("avx512_bf16"), *best);
  EXPECT_GE(*ChooseCpuIsa("amx"), *best);
  EXPECT_LE(*ChooseCpuIsa("avx512"), *best);
  EXPECT_TRUE(HasReason(ChooseCpuIsa("neon").status(), Reason::kInvalidField));
}

TEST(CpuIsaTest, TilesAreForWhoAsksForThem) {
  EXPECT_LT(*ChooseCpuIsa(""), CpuIsa::kAmx);
  // Asking again is as good as asking once.
  EXPECT_EQ(*ChooseCpuIsa("amx"), *ChooseCpuIsa("amx"));
}

TEST(CpuIsaTest, EveryCombinationHasKernelsOfTheSetOrAWeakerOne) {
  for (const CpuIsa isa : kCpuIsas) {
    for (const Element weights : {Element::kFloat32, Element::kBfloat16}) {
      for (const Element kv : {Element::kFloat32, Element::kBfloat16}) {
        const KernelTable& table = KernelsFor(isa, weights, kv);
        EXPECT_NE(table.multiply, nullptr);
        EXPECT_NE(std::string(table.name), "");
      }
    }
  }
  const Element bf16 = Element::kBfloat16;
  EXPECT_EQ(KernelsFor(CpuIsa::kAvx512Bf16, bf16, bf16).activation, bf16);
  EXPECT_EQ(KernelsFor(CpuIsa::kAvx512, bf16, bf16).activation, Element::kFloat32);
  EXPECT_EQ(std::string(KernelsFor(CpuIsa::kAmx, bf16, bf16).name), "amx");
  EXPECT_EQ(&KernelsFor(CpuIsa::kAmx, Element::kInt8, bf16),
            &KernelsFor(CpuIsa::kAvx512Bf16, Element::kInt8, bf16));
}

}  // namespace
}  // namespace pintle::model::cpu

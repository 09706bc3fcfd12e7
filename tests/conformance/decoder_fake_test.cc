// SPDX-License-Identifier: Apache-2.0
// Holds FakeDecoder to the suite, for every block size worker/kv is tested with.
#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "tests/conformance/decoder_conformance.h"
#include "tests/fakes/fake_decoder.h"

namespace pintle {
namespace {

DecoderMaker Maker(std::int32_t block_tokens) {
  DecoderMaker maker;
  maker.name = absl::StrCat("Blocks", block_tokens);
  maker.make = [block_tokens](std::int32_t blocks) {
    FakeDecoderOptions options;
    options.block_tokens = block_tokens;
    auto decoder = std::make_unique<FakeDecoder>(options);
    PINTLE_CHECK(decoder->AllocateKv(blocks).ok(), "a fake allocates");
    return decoder;
  };
  return maker;
}

INSTANTIATE_TEST_SUITE_P(FakeDecoder, DecoderConformance,
                         testing::Values(Maker(16), Maker(32), Maker(256)),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pintle

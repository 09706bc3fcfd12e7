// SPDX-License-Identifier: Apache-2.0
// pintle-worker-fake: a worker whose model computes digests of its context instead of a language,
// so that any wrong, stale or missing KV block changes its output. For process tests; takes the
// worker's flags, --model for its name only. PINTLE_FAKE_STEP_MICROS makes each step cost that
// long, PINTLE_FAKE_CONTEXT_TOKENS the context that short. PINTLE_FAKE_ASCII=1 leaves it tokens
// that are characters of their own, so that none waits for another, and PINTLE_FAKE_MERGE=0 a
// message for each.
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "tests/fakes/fake_decoder.h"
#include "tests/fakes/fake_text_model.h"
#include "worker/process/worker_main.h"

namespace pintle {
namespace {

bool IsSet(const char* variable, absl::string_view value) {
  const char* const found = std::getenv(variable);
  return found != nullptr && found == value;
}

absl::StatusOr<ModelParts> LoadFakeModel(const WorkerOptions& options) {
  FakeDecoderOptions decoder;
  decoder.vocabulary = text::FakeTextModel::kVocabSize;
  decoder.eos_token = text::FakeTextModel::kImEnd;
  constexpr std::int32_t kAscii = 128;
  if (IsSet("PINTLE_FAKE_ASCII", "1")) decoder.vocabulary = kAscii;
  int micros = 0;
  const char* step = std::getenv("PINTLE_FAKE_STEP_MICROS");
  if (step != nullptr && absl::SimpleAtoi(step, &micros) && micros > 0) {
    decoder.on_collect = [micros](const StepBatch&) {
      absl::SleepFor(absl::Microseconds(micros));
      return absl::OkStatus();
    };
  }
  int context = 0;
  const char* tokens = std::getenv("PINTLE_FAKE_CONTEXT_TOKENS");
  if (tokens != nullptr && absl::SimpleAtoi(tokens, &context) && context > 0) {
    decoder.context_tokens = context;
  }
  ModelParts parts;
  parts.merge_chunks = !IsSet("PINTLE_FAKE_MERGE", "0");
  parts.info.name = ParseModelFlag(options.model).name;
  parts.info.architecture = "FakeDecoder";
  parts.info.fingerprint = "fake";
  parts.info.dtype = options.dtype;
  parts.info.kv_dtype = options.kv_dtype.empty() ? options.dtype : options.kv_dtype;
  parts.info.device = "cpu";
  parts.info.kernels = "digests";
  parts.info.context_tokens = decoder.context_tokens;
  parts.info.vocabulary = decoder.vocabulary;
  parts.defaults.eos_token_ids = {text::FakeTextModel::kImEnd};
  // Greedy unless asked: a greedy fake never makes EOS, so a turn is as long as a test says.
  parts.defaults.do_sample = false;
  parts.text = std::make_unique<text::FakeTextModel>();
  parts.decoder = std::make_unique<FakeDecoder>(decoder);
  return parts;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) {
  return pintle::WorkerMain(argc, argv, "pintle-worker-fake", pintle::LoadFakeModel);
}

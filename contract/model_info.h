// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_MODEL_INFO_H_
#define PINTLE_CONTRACT_MODEL_INFO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/generation.h"
#include "contract/ids.h"

namespace pintle {

// What a served model is, as ListModels and a worker's registration tell it.
struct ModelInfo {
  std::string name;
  std::string architecture;
  // Hash of config.json, tokenizer.json, weight files and the dtype as loaded, in hex.
  std::string fingerprint;
  std::string dtype;
  std::string kv_dtype;
  std::string device;
  // Which kernels were chosen at load, e.g. "avx512_bf16".
  std::string kernels;
  Position context_tokens = 0;
  std::int32_t vocabulary = 0;
  std::int32_t block_tokens = 0;
  std::int64_t kv_bytes_per_token = 0;
  std::int64_t weight_bytes = 0;
  bool has_chat_template = false;
  // A row's numbers do not depend on what shares its step.
  bool batch_invariant = false;

  friend bool operator==(const ModelInfo&, const ModelInfo&) = default;
};

struct TokenizeRequest {
  std::string model;
  // Prompt text or chat; token ids ask for their text.
  GenerationInput input;
  bool add_generation_prompt = true;
  // Frozen template clock; the epoch means "now".
  absl::Time template_clock = absl::UnixEpoch();
};

struct TokenizeResult {
  std::vector<TokenId> tokens;
  // The text that was tokenized (a chat rendered by its template), or the tokens' text.
  std::string text;
};

// Text without generation: the worker's text room, or a coordinator forwarding to one.
// Thread: safe from any thread; callbacks may run on any thread, once each.
class TextBackend {
 public:
  using TokenizeCallback = absl::AnyInvocable<void(absl::StatusOr<TokenizeResult>)>;

  virtual ~TextBackend() = default;
  virtual void Tokenize(TokenizeRequest request, TokenizeCallback done) = 0;
  virtual std::vector<ModelInfo> ListModels() const = 0;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_MODEL_INFO_H_

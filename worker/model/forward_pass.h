// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_FORWARD_PASS_H_
#define PINTLE_WORKER_MODEL_FORWARD_PASS_H_

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/model/attention_backend.h"
#include "worker/model/seam/step_batch.h"

namespace pintle::model {

// Gets the logits of one StepBatch::samples entry; the span is scratch and valid during the call.
// Called for different samples at the same time from threads numbered below Threads().
using LogitsConsumer =
    absl::FunctionRef<void(int thread, std::size_t sample, absl::Span<float> logits)>;

// Embedding to logits for one batch, on one kind of device.
// Thread: confined to the engine thread (which is thread 0 of its own compute threads).
// Owns the weights in their device's form and the attention backend.
// Fails: Run returns INTERNAL / MODEL_FAILED when the step broke as a whole; the KV it wrote is
// then undefined for the batch's own positions and untouched elsewhere.
class ForwardPass {
 public:
  virtual ~ForwardPass() = default;

  virtual AttentionBackend& Attention() = 0;
  virtual const AttentionBackend& Attention() const = 0;
  // What computes, for logs: instruction set and dtypes, or the device.
  virtual std::string Kernels() const = 0;
  virtual int Threads() const = 0;
  // Requires: the batch has been checked against the limits.
  virtual absl::Status Run(const StepBatch& batch, LogitsConsumer consume) = 0;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_FORWARD_PASS_H_

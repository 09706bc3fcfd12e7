// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_TURN_ENVIRONMENT_H_
#define PINTLE_WORKER_TURN_TURN_ENVIRONMENT_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "contract/clock.h"
#include "contract/generation_defaults.h"
#include "contract/ids.h"
#include "contract/model_info.h"
#include "worker/engine/engine_api.h"
#include "worker/text/seam/text_model.h"
#include "worker/turn/text_pool.h"
#include "worker/turn/transcript_cache.h"

namespace pintle {

// What every turn of a worker works with. Borrowed: all of it outlives the turns.
struct TurnEnvironment {
  WorkerId worker;
  Incarnation incarnation = 0;
  ModelInfo model;
  ModelDefaults defaults;
  const text::TextModel* text = nullptr;
  EngineApi* engine = nullptr;
  TextPool* pool = nullptr;
  TranscriptCache* transcripts = nullptr;
  const Clock* clock = nullptr;
  // Draws a seed where the client gave none. Safe from any thread.
  absl::AnyInvocable<std::uint64_t()> draw_seed;
  // Whether a reader that is behind gets fewer, larger chunks. Off only where each token's own
  // message is to be measured.
  bool merge_chunks = true;
  // The engine calls pool->Wake() when it has pushed what a round had for all turns.
  bool engine_wakes_pool = false;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_TURN_ENVIRONMENT_H_

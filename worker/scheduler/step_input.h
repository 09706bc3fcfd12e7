// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SCHEDULER_STEP_INPUT_H_
#define PINTLE_WORKER_SCHEDULER_STEP_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"
#include "contract/ids.h"

namespace pintle {

// Who goes first. Smaller rank goes first: the time of arrival, moved forward by a fixed time for
// each point of priority, so that waiting ages a request past any later one of larger priority.
// The order of two requests never changes, which is what makes the first of all unstoppable.
struct Standing {
  std::int32_t priority = 50;  // larger first
  absl::Duration submitted;    // on Clock::Monotonic()
  std::uint64_t order = 0;     // arrival number, breaks ties
};

// A turn without blocks: new, or preempted and to be computed again.
struct WaitingTurn {
  std::uint64_t turn = 0;
  Standing standing;
  absl::Duration deadline = absl::InfiniteDuration();
  std::int32_t tokens_left = 1;    // tokens to compute after what the cache is expected to give
  std::int32_t blocks_needed = 1;  // what admission takes from the available blocks
  std::int32_t sequences = 1;      // n
  bool preempted = false;          // it ran before, so the queue time no longer ends it
  bool funded = false;             // draws on a guarantee: takes nothing that others could have
  std::int32_t group = -1;         // index into StepInput::group_rooms, -1 for none
  std::int32_t tenant = 0;         // any number; prompts of different ones share a step equally
  bool paused = false;             // its reader is behind; it would only hold blocks
};

// A turn with blocks.
struct RunningTurn {
  std::uint64_t turn = 0;
  Standing standing;
  std::int32_t blocks_held = 0;  // what preempting it is expected to make available
  std::int32_t sequences = 1;    // places it takes, choices not forked yet included
  bool paused = false;           // its reader is behind: no rows, and first to lose its blocks
  bool preemptable = true;
  bool funded = false;      // its blocks are set aside: it takes none of the available ones
  std::int32_t group = -1;  // index into StepInput::group_rooms, -1 for none
  std::int32_t tenant = 0;  // any number; prompts of different ones share a step equally
};

// One choice of a running turn.
struct RunningSequence {
  SequenceId sequence = 0;
  std::size_t turn = 0;          // index into StepInput::running
  std::int32_t tokens_left = 0;  // known tokens without KV: 1 when decoding, 0 when it has ended
  std::int32_t room = 0;         // tokens that fit into blocks it has or has reserved
  // Drafts it would try beside its one row; only what nobody else needs is given to them.
  std::int32_t drafts = 0;
};

// Everything one decision depends on.
struct StepInput {
  absl::Duration now;
  std::int32_t block_tokens = 1;
  std::int32_t blocks_available = 0;  // free or evictable, and reserved by nobody
  // Prompt rows that keep the decoding sequences' next tokens in time (StepCost).
  std::int32_t prompt_rows_max = std::numeric_limits<std::int32_t>::max();
  // Of the available blocks, those that turns of one group (a tenant with a quota) may have.
  std::vector<std::int32_t> group_rooms;
  std::vector<WaitingTurn> waiting;
  std::vector<RunningTurn> running;
  std::vector<RunningSequence> sequences;

  void Clear() {
    prompt_rows_max = std::numeric_limits<std::int32_t>::max();
    group_rooms.clear();
    waiting.clear();
    running.clear();
    sequences.clear();
  }
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SCHEDULER_STEP_INPUT_H_

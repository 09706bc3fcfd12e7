// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_TURN_COST_H_
#define PINTLE_SESSIONS_TURN_COST_H_

#include <cstdint>

#include "contract/generation.h"

// What can be said of a turn's size before it is tokenized. Thread: pure functions. Never fail.
namespace pintle {

// Bytes of text yet to be tokenized; 0 for token ids.
std::int64_t InputBytesOf(const GenerationInput& input);
// Token ids given as such; 0 for text.
std::int64_t InputTokensOf(const GenerationInput& input);
// Most tokens the turn may make over all choices, as far as the request says.
std::int64_t OutputTokensOf(const GenerationRequest& request);

}  // namespace pintle

#endif  // PINTLE_SESSIONS_TURN_COST_H_

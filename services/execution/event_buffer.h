// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_EVENT_BUFFER_H_
#define PINTLE_SERVICES_EXECUTION_EVENT_BUFFER_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "contract/turn.h"

namespace pintle {

// Events of one turn between the worker's messages and the client's writes. Tokens that wait
// already go on together: one event, and so one write, however many messages they came in; a
// client that keeps up still gets each token by itself.
// Thread: confined, or under its owner's lock. Never fails; its bound is its owner's.
class EventBuffer {
 public:
  // Takes the event of one message.
  void Push(TurnEvent&& event);
  // The next event; nullopt while there is none.
  std::optional<TurnEvent> Pop();
  // Messages whose events wait here.
  std::size_t messages() const { return messages_; }

 private:
  struct Waiting {
    TurnEvent event;
    std::size_t messages = 1;
  };

  // Those from next_ on still wait. Keeps its memory: mostly one event comes and goes.
  std::vector<Waiting> waiting_;
  std::size_t next_ = 0;
  std::size_t messages_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_EVENT_BUFFER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_CLIENT_CONNECTION_H_
#define PINTLE_SERVICES_TURNS_CLIENT_CONNECTION_H_

#include <atomic>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace pintle {

// The connection that several of a client's streams share. A step brings each of them a token at
// once; gRPC writes each by a system call of its own, and each would make a packet and wake the
// client. Held (TCP_CORK) meanwhile, they leave as one packet. Only small packets are held, by the
// kernel for at most 200 ms, whatever is forgotten here.
// Thread: safe from any thread. Owns a duplicate of the descriptor, so that a connection that gRPC
// has closed is never mistaken for another.
// Fails: never; what cannot be held is written at once.
class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection() = default;
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // True once: for the caller who is to look for its socket.
  bool BeginSearch() { return !searched_.exchange(true); }
  // Gives it its TCP socket, which it then owns; -1 for none. Without one nothing is ever held.
  // Requires: called once at most.
  void Adopt(int descriptor) { descriptor_.store(descriptor); }

  // A stream is about to write: holds what is written until Release, or until the end of the burst
  // that this thread is in.
  void Hold();
  // A write is done: sends what was held, unless a burst holds it. The event that a write is done
  // comes after those that were waiting when it was made: their writes have joined it.
  void Release();

  // Between the two, on one thread, Hold lasts until EndBurst. Not nested.
  static void BeginBurst();
  static void EndBurst();

 private:
  enum class State { kFree, kHeld, kHeldByBurst };

  void Send() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<bool> searched_{false};
  std::atomic<int> descriptor_{-1};
  // Guards the state, and that the socket is as it says.
  absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kFree;
  int bursts_ ABSL_GUARDED_BY(mutex_) = 0;  // that hold it
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_CLIENT_CONNECTION_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_CLIENT_CONNECTIONS_H_
#define PINTLE_SERVICES_TURNS_CLIENT_CONNECTIONS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "services/turns/client_connection.h"

namespace pintle {

// The connections that running calls share, found by the calls' peer.
// Thread: safe from any thread. A connection is its calls'; the table only knows it.
// Fails: never; a peer that is no TCP client of this process has a connection that is never held.
class ClientConnections {
 public:
  // Calls at once from which on a connection is held: with fewer, holding costs more than the
  // packets it saves.
  static constexpr std::size_t kCallsMin = 4;

  // The connection of one more call, as gRPC names its peer; given back by dropping it.
  std::shared_ptr<ClientConnection> Join(const std::string& peer);

 private:
  // Guards the table.
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::weak_ptr<ClientConnection>> known_ ABSL_GUARDED_BY(mutex_);
  std::size_t swept_at_ ABSL_GUARDED_BY(mutex_) = 64;  // how many to know before looking for ended
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_CLIENT_CONNECTIONS_H_

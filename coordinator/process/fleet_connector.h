// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_PROCESS_FLEET_CONNECTOR_H_
#define PINTLE_COORDINATOR_PROCESS_FLEET_CONNECTOR_H_

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "contract/cache_report.h"
#include "contract/clock.h"
#include "contract/session_kv.h"
#include "coordinator/membership/worker_registry.h"
#include "coordinator/streams/worker_connector.h"
#include "services/cache_stats/forwarded_cache.h"
#include "services/execution/remote_session_kv.h"
#include "services/execution/remote_worker.h"
#include "services/host/transport_security.h"

namespace pintle {

// The coordinator's connections to its workers, and their cache figures asked over them.
// Thread: safe from any thread. Shares the connections with running turns; borrows the clock, the
// registry and the security.
class FleetConnector final : public WorkerConnector,
                             public MembershipListener,
                             public CacheStatsSource,
                             public CachePeers,
                             public SessionKvDirectory {
 public:
  FleetConnector(const TransportSecurity& security, std::string cluster_token,
                 std::string turn_prefix, const Clock& clock)
      : security_(security),
        cluster_token_(std::move(cluster_token)),
        turn_prefix_(std::move(turn_prefix)),
        clock_(clock) {}

  WorkerConnection Connect(const WorkerHello& hello) override;

  void OnJoin(const WorkerHello& hello) override;
  void OnLeave(const WorkerId& worker, Incarnation incarnation) override;

  // Asks every worker at once; one that does not answer within a second is left out.
  void GetCacheReports(const CacheQuery& query, Callback done) override;
  absl::StatusOr<CachePeer> FindPeer(const std::string& worker) override;

  std::shared_ptr<SessionKvBackend> KvOf(const WorkerId& worker, Incarnation incarnation) override;
  std::shared_ptr<SessionKvBackend> KvOfName(const WorkerId& worker) override;

 private:
  struct Entry {
    Incarnation incarnation = 0;
    std::shared_ptr<RemoteWorker> worker;
    std::shared_ptr<RemoteSessionKv> kv;
  };

  const TransportSecurity& security_;
  const std::string cluster_token_;
  const std::string turn_prefix_;
  const Clock& clock_;
  // Guards the table.
  absl::Mutex mutex_;
  std::map<WorkerId, Entry> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_PROCESS_FLEET_CONNECTOR_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_LOCAL_PLACER_H_
#define PINTLE_SESSIONS_LOCAL_PLACER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "contract/turn_placer.h"

namespace pintle {

// The placer of a worker that owns its sessions: every turn runs here.
// Thread: safe from any thread. Borrows the backend.
// Fails: MODEL_NOT_FOUND for a model this worker does not serve.
class LocalPlacer : public TurnPlacer {
 public:
  LocalPlacer(WorkerId worker, Incarnation incarnation, std::string model, TurnBackend& backend);

  absl::StatusOr<Placement> Place(const PlacementQuery& query) override;
  absl::StatusOr<std::string> ResolveModel(const std::string& model) override;
  std::shared_ptr<TurnBackend> BackendOf(const WorkerId& worker, Incarnation incarnation) override;
  // Unknown; a worker that can ask its cache overrides it.
  std::optional<std::int64_t> HeldTokens(const SessionKey& key, const WorkerId& worker,
                                         Incarnation incarnation) override;

 private:
  const WorkerId worker_;
  const Incarnation incarnation_;
  const std::string model_;
  // Shares nothing: the interface's shared_ptr around a borrowed backend.
  const std::shared_ptr<TurnBackend> backend_;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_LOCAL_PLACER_H_

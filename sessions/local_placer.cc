// SPDX-License-Identifier: Apache-2.0
#include "sessions/local_placer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {

LocalPlacer::LocalPlacer(WorkerId worker, Incarnation incarnation, std::string model,
                         TurnBackend& backend)
    : worker_(std::move(worker)),
      incarnation_(incarnation),
      model_(std::move(model)),
      backend_(std::shared_ptr<void>(), &backend) {}

absl::StatusOr<Placement> LocalPlacer::Place(const PlacementQuery& query) {
  PINTLE_ASSIGN_OR_RETURN(std::string model, ResolveModel(query.model));
  return Placement{worker_, incarnation_, std::move(model), backend_};
}

absl::StatusOr<std::string> LocalPlacer::ResolveModel(const std::string& model) {
  if (!model.empty() && model != model_) {
    return MakeError(Reason::kModelNotFound,
                     absl::StrCat("model is not served here; served is ", model_));
  }
  return model_;
}

std::shared_ptr<TurnBackend> LocalPlacer::BackendOf(const WorkerId& worker,
                                                    Incarnation incarnation) {
  return worker == worker_ && incarnation == incarnation_ ? backend_ : nullptr;
}

std::optional<std::int64_t> LocalPlacer::HeldTokens(const SessionKey&, const WorkerId& worker,
                                                    Incarnation incarnation) {
  if (worker == worker_ && incarnation == incarnation_) return std::nullopt;
  return 0;
}

}  // namespace pintle

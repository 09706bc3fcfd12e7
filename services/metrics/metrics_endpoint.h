// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_METRICS_METRICS_ENDPOINT_H_
#define PINTLE_SERVICES_METRICS_METRICS_ENDPOINT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/metrics/sample_families.h"

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace pintle {

// The Prometheus endpoint: GET /metrics over plain HTTP, figures gathered at each scrape.
// Thread: `collect` runs on the endpoint's own threads. Owns them; the destructor ends them.
// Fails: Start with INVALID_ARGUMENT or UNAVAILABLE naming the address.
class MetricsEndpoint {
 public:
  using Collect = std::function<void(SampleFamilies&)>;

  // `listen` is HOST:PORT; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const std::string& listen,
                                                                Collect collect);
  ~MetricsEndpoint();

  // HOST:PORT with the port that was taken.
  const std::string& address() const { return address_; }

 private:
  MetricsEndpoint();

  std::string address_;
  std::shared_ptr<prometheus::Collectable> source_;  // the exposer keeps weak pointers only
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_METRICS_METRICS_ENDPOINT_H_

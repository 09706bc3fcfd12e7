// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/metrics_endpoint.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace pintle {
namespace {

class Source final : public prometheus::Collectable {
 public:
  explicit Source(MetricsEndpoint::Collect collect) : collect_(std::move(collect)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    SampleFamilies families;
    collect_(families);
    return families.Take();
  }

 private:
  MetricsEndpoint::Collect collect_;
};

}  // namespace

MetricsEndpoint::MetricsEndpoint() = default;
MetricsEndpoint::~MetricsEndpoint() = default;

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(const std::string& listen,
                                                                        Collect collect) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--metrics-listen is '", listen, "', it takes HOST:PORT"));
  }
  auto endpoint = std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint);
  endpoint->source_ = std::make_shared<Source>(std::move(collect));
  // civetweb, the HTTP server within, throws when it cannot listen; no exception of a library
  // crosses a file of ours.
  try {
    // A scraper needs one thread; a second keeps a stuck one from hiding the figures.
    endpoint->exposer_ = std::make_unique<prometheus::Exposer>(listen, 2);
  } catch (const std::exception&) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", listen,
                                               ": the port is in use or not ours to take"));
  }
  const std::vector<int> ports = endpoint->exposer_->GetListeningPorts();
  endpoint->address_ =
      absl::StrCat(listen.substr(0, colon), ":", ports.empty() ? 0 : ports.front());
  endpoint->exposer_->RegisterCollectable(endpoint->source_);
  return endpoint;
}

}  // namespace pintle

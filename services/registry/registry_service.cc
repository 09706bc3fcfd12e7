// SPDX-License-Identifier: Apache-2.0
#include "services/registry/registry_service.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "contract/errors.h"
#include "services/identity/call_metadata.h"
#include "services/wire/status_conversion.h"

namespace pintle {

// One Register stream:
//
//   reading hello --joined--> welcoming and reading loads --stream ends--> left --> finishing
//        |                         |                                                    ^
//        +------ refused ----------+---------- a report is refused (gap, replaced) -----+
//
// One read is always in flight; the one write is the welcome. The finish waits for that write.
// Thread: gRPC's. Owns itself until OnDone.
class RegistryService::RegisterCall final
    : public grpc::ServerBidiReactor<v1::WorkerReport, v1::CoordinatorDirective> {
 public:
  RegisterCall(FleetMembership& fleet, absl::Duration report_interval)
      : fleet_(fleet), report_interval_(report_interval) {}

  // Reads the first report, or finishes with the error. Requires: called once, before gRPC gets it.
  void Begin(const absl::Status& identity) {
    if (!identity.ok()) return End(identity);
    StartRead(&report_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());
    const bool joined = registration_ != 0;
    const absl::Status status = joined ? TakeLoad() : TakeHello();
    if (!status.ok()) return End(status);
    if (!joined) Welcome();
    StartRead(&report_);
  }

  void OnWriteDone(bool /*ok*/) override {
    absl::Status ending;
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ended_) return;
      ending = ending_;
    }
    Finish(ToGrpcStatus(ending));
  }

  void OnDone() override { delete this; }

 private:
  absl::Status TakeHello() {
    if (!report_.has_hello()) return InvalidField("hello", "is missing in the first report");
    const auto joined = fleet_.Join(report_.hello(), report_.sequence());
    if (!joined.ok()) return joined.status();
    registration_ = *joined;
    return absl::OkStatus();
  }

  absl::Status TakeLoad() {
    if (!report_.has_load()) return InvalidField("load", "is missing in a further report");
    return fleet_.Report(registration_, report_.sequence(), report_.load());
  }

  void Welcome() {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = true;
    }
    directive_.mutable_welcome()->set_report_interval_ms(
        static_cast<std::int32_t>(absl::ToInt64Milliseconds(report_interval_)));
    StartWrite(&directive_);
  }

  // The membership ends here; nothing of this object may be touched after it.
  void End(const absl::Status& status) {
    if (registration_ != 0) fleet_.Leave(std::exchange(registration_, 0));
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
      ending_ = status;
      if (writing_) return;  // OnWriteDone finishes
    }
    Finish(ToGrpcStatus(status));
  }

  FleetMembership& fleet_;
  const absl::Duration report_interval_;
  // Touched by the reads alone, of which one is in flight at a time.
  v1::WorkerReport report_;
  std::uint64_t registration_ = 0;
  v1::CoordinatorDirective directive_;  // of the write in flight
  // Guards the hand-over between the end and the write.
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status ending_ ABSL_GUARDED_BY(mutex_);
};

grpc::ServerBidiReactor<v1::WorkerReport, v1::CoordinatorDirective>* RegistryService::Register(
    grpc::CallbackServerContext* context) {
  auto* call = new RegisterCall(fleet_, report_interval_);  // owns itself until OnDone
  call->Begin(callers_.RequireCluster(CredentialsOf(*context)));
  return call;
}

}  // namespace pintle

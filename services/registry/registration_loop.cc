// SPDX-License-Identifier: Apache-2.0
#include "services/registry/registration_loop.h"

#include <algorithm>
#include <utility>

#include "contract/errors.h"
#include "services/identity/call_metadata.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

// A restarted coordinator has its workers back within a blink; one that stays away costs little.
constexpr absl::Duration kBackoffMin = absl::Milliseconds(100);
constexpr absl::Duration kBackoffMax = absl::Seconds(2);

}  // namespace

RegistrationLoop::RegistrationLoop(RegistrationOptions options,
                                   const std::shared_ptr<grpc::Channel>& channel)
    : options_(std::move(options)),
      stub_(v1::Registry::NewStub(channel)),
      thread_([this] { Run(); }) {}

RegistrationLoop::~RegistrationLoop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  thread_.join();
}

void RegistrationLoop::ReportNow() {
  absl::MutexLock lock(&mutex_);
  report_now_ = true;
}

bool RegistrationLoop::Wait(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || report_now_;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&wanted), time);
  report_now_ = false;
  return !stopping_;
}

void RegistrationLoop::Run() {
  absl::Duration backoff = kBackoffMin;
  do {
    const absl::Status status = RunStream();
    // A stream that had been accepted starts over at the shortest delay.
    backoff = status.ok() ? kBackoffMin : std::min(backoff * 2, kBackoffMax);
  } while (Wait(backoff * (0.5 + 0.5 * options_.jitter())));
}

absl::Status RegistrationLoop::RunStream() {
  grpc::ClientContext context;
  AddCredentials(options_.cluster_token, "", context);
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::OkStatus();
    context_ = &context;
  }
  auto stream = stub_->Register(&context);
  v1::WorkerReport report;
  report.set_sequence(1);
  *report.mutable_hello() = options_.hello;
  v1::CoordinatorDirective directive;
  bool joined = stream->Write(report) && stream->Read(&directive) && directive.has_welcome();
  if (joined) {
    options_.state(absl::OkStatus());
    absl::Duration interval = absl::Milliseconds(directive.welcome().report_interval_ms());
    interval = std::clamp(interval, absl::Milliseconds(10), absl::Minutes(1));
    do {
      report.set_sequence(report.sequence() + 1);
      options_.load(report.mutable_load());
    } while (stream->Write(report) && Wait(interval));
  }
  // Ends the call also where the coordinator keeps it open.
  context.TryCancel();
  const grpc::Status status = stream->Finish();
  {
    absl::MutexLock lock(&mutex_);
    context_ = nullptr;
    if (stopping_) return absl::OkStatus();
  }
  absl::Status failure = FromGrpcStatus(status);
  if (failure.ok() || absl::IsCancelled(failure)) {
    failure = absl::UnavailableError("the coordinator ended the registration");
  }
  options_.state(failure);
  return joined ? absl::OkStatus() : failure;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/pin_front.h"

#include <memory>
#include <utility>

#include "contract/errors.h"
#include "contract/request_rules.h"
#include "sessions/session_rules.h"

namespace pintle {
namespace {

bool IsPinned(const Pin& pin) { return pin.kind != PinKind::kBestEffort; }

// What becomes of a pin that no worker was told of.
PinVerdict Untold(const Pin& pin) {
  return IsPinned(pin) ? PinVerdict::kDeferred : PinVerdict::kAccepted;
}

// Whether the worker could not be asked, so that the next turn will.
bool NotAsked(const absl::Status& status) {
  return HasReason(status, Reason::kWorkerLost) || HasReason(status, Reason::kDraining) ||
         HasReason(status, Reason::kStaleEpoch);
}

}  // namespace

void PinFront::Create(const TenantId& tenant, NewSession session, Done done) {
  const Pin pin = session.pin;
  const absl::Duration lease = session.lease;
  std::shared_ptr<SessionKvBackend> kv;
  if (IsPinned(pin)) {
    session.home = kv_.Home();
    if (session.home.incarnation != 0) {
      kv = kv_.KvOf(session.home.worker, session.home.incarnation);
    }
  }
  absl::StatusOr<SessionView> made = sessions_.Create(tenant, std::move(session));
  if (!made.ok()) return done(std::move(made).status());
  if (kv == nullptr) return done(Pinned{*std::move(made), Untold(pin)});
  const SessionKey key = made->session.key;
  const SessionBinding binding = made->session.binding;
  kv->Update(key, binding.epoch, SessionTerms{pin, lease, {}},
             [this, key, pin, done = std::move(done)](absl::StatusOr<PinVerdict> verdict) mutable {
               if (!verdict.ok() && NotAsked(verdict.status())) verdict = PinVerdict::kMissing;
               if (verdict.ok()) {
                 const bool told = *verdict != PinVerdict::kMissing;
                 return Show(key, told ? *verdict : Untold(pin), std::move(done));
               }
               // A session whose pin cannot be had is not what was asked for.
               sessions_.Delete(key).IgnoreError();
               done(std::move(verdict).status());
             });
}

void PinFront::Update(const SessionKey& key, SessionChanges changes, Done done) {
  absl::Status valid = ValidateName("id", key.session.value());
  if (valid.ok()) valid = ValidateChanges(changes);
  if (!valid.ok()) return done(std::move(valid));
  const absl::StatusOr<SessionView> known = sessions_.Get(key);
  if (!known.ok()) return done(known.status());
  SessionTerms terms;
  terms.pin = changes.pin.value_or(known->session.pin);
  terms.lease = changes.lease.value_or(known->session.lease);
  terms.hints = changes.hints;
  SessionBinding binding = known->session.binding;
  if (binding.incarnation == 0 && IsPinned(*terms.pin)) {
    changes.home = kv_.Home();
    binding.worker = changes.home.worker;
    binding.incarnation = changes.home.incarnation;
  }
  const std::shared_ptr<SessionKvBackend> kv =
      binding.incarnation == 0 ? nullptr : kv_.KvOf(binding.worker, binding.incarnation);
  if (kv == nullptr) {
    return Apply(key, binding, changes, Untold(*terms.pin), std::move(done));
  }
  const Epoch epoch = binding.epoch;
  kv->Update(key, epoch, std::move(terms),
             [this, key, binding, changes = std::move(changes),
              done = std::move(done)](absl::StatusOr<PinVerdict> verdict) mutable {
               Apply(key, binding, changes, std::move(verdict), std::move(done));
             });
}

void PinFront::Apply(const SessionKey& key, const SessionBinding& asked,
                     const SessionChanges& changes, absl::StatusOr<PinVerdict> verdict, Done done) {
  if (!verdict.ok() && NotAsked(verdict.status())) verdict = PinVerdict::kMissing;
  if (!verdict.ok()) return done(std::move(verdict).status());
  const absl::StatusOr<StoredSession> stored = store_.Update(key, changes);
  if (!stored.ok()) {
    // It was deleted meanwhile: nothing of it may stay pinned.
    const auto kv = kv_.KvOf(asked.worker, asked.incarnation);
    const SessionTerms none{Pin{}, absl::ZeroDuration(), {}};
    if (kv != nullptr) kv->Update(key, asked.epoch, none, [](const auto&) {});
    return done(stored.status());
  }
  const bool moved = stored->binding.incarnation != asked.incarnation;
  if (moved || *verdict == PinVerdict::kMissing) verdict = Untold(stored->pin);
  Show(key, *verdict, std::move(done));
}

void PinFront::Show(const SessionKey& key, PinVerdict verdict, Done done) {
  absl::StatusOr<SessionView> view = sessions_.Get(key);
  if (!view.ok()) return done(std::move(view).status());
  done(Pinned{*std::move(view), verdict});
}

}  // namespace pintle

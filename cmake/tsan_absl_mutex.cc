// SPDX-License-Identifier: Apache-2.0

// Linked into every program of a ThreadSanitizer build, and into no other. Debian's Abseil is not
// instrumented, so that ThreadSanitizer would not see that absl::Mutex orders anything and report
// a race behind every lock. These definitions take the place of the library's, tell
// ThreadSanitizer what happens, and call the library's own; nothing about locking changes.
// The forms with a timeout call those with a deadline, so these alone are wrapped.
// A condition that another thread evaluates inside Unlock is not watched: it runs under the lock.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "contract/check.h"

// A Status counts its owners within the library: whoever lets go last frees it. ThreadSanitizer
// sees the freeing but not the counting that ordered it, so these libraries' frees are not judged.
// Nor is what the search for lock cycles moves about under a spin lock of its own.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libabsl_status.so\ncalled_from_lib:libabsl_cord.so\n"
         "called_from_lib:libabsl_graphcycles_internal.so\n";
}

namespace {

// The library's definition of a symbol defined here.
template <typename Function>
Function Real(const char* symbol) {
  void* const found = dlsym(RTLD_NEXT, symbol);
  PINTLE_CHECK(found != nullptr, "Abseil has no such symbol: its inline namespace is another");
  return reinterpret_cast<Function>(found);
}

void BeginRelease(void* mutex, unsigned flags) { __tsan_mutex_pre_unlock(mutex, flags); }
void EndRelease(void* mutex, unsigned flags) { __tsan_mutex_post_unlock(mutex, flags); }
void BeginAcquire(void* mutex, unsigned flags) { __tsan_mutex_pre_lock(mutex, flags); }
void EndAcquire(void* mutex, unsigned flags) { __tsan_mutex_post_lock(mutex, flags, 0); }

constexpr unsigned kRead = __tsan_mutex_read_lock;

// A wait lets the mutex go and takes it again; the library does both in one call.
template <typename Call>
auto WhileReleased(void* mutex, Call call) {
  BeginRelease(mutex, 0);
  EndRelease(mutex, 0);
  BeginAcquire(mutex, 0);
  struct Reacquired {
    void* mutex;
    ~Reacquired() { EndAcquire(mutex, 0); }
  } const reacquired{mutex};
  return call();
}

}  // namespace

#define PINTLE_REAL(type, name) static const auto real = Real<type>("_ZN4absl7debian3" name)

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  PINTLE_REAL(void (*)(Mutex*), "5MutexD1Ev");
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
  real(this);
}

void Mutex::Lock() {
  PINTLE_REAL(void (*)(Mutex*), "5Mutex4LockEv");
  BeginAcquire(this, 0);
  real(this);
  EndAcquire(this, 0);
}

void Mutex::Unlock() {
  PINTLE_REAL(void (*)(Mutex*), "5Mutex6UnlockEv");
  BeginRelease(this, 0);
  real(this);
  EndRelease(this, 0);
}

void Mutex::ReaderLock() {
  PINTLE_REAL(void (*)(Mutex*), "5Mutex10ReaderLockEv");
  BeginAcquire(this, kRead);
  real(this);
  EndAcquire(this, kRead);
}

void Mutex::ReaderUnlock() {
  PINTLE_REAL(void (*)(Mutex*), "5Mutex12ReaderUnlockEv");
  BeginRelease(this, kRead);
  real(this);
  EndRelease(this, kRead);
}

bool Mutex::TryLock() {
  PINTLE_REAL(bool (*)(Mutex*), "5Mutex7TryLockEv");
  BeginAcquire(this, __tsan_mutex_try_lock);
  const bool locked = real(this);
  EndAcquire(this, __tsan_mutex_try_lock | (locked ? 0U : __tsan_mutex_try_lock_failed));
  return locked;
}

void Mutex::LockWhen(const Condition& condition) {
  PINTLE_REAL(void (*)(Mutex*, const Condition&), "5Mutex8LockWhenERKNS0_9ConditionE");
  BeginAcquire(this, 0);
  real(this, condition);
  EndAcquire(this, 0);
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  PINTLE_REAL(bool (*)(Mutex*, const Condition&, Time),
              "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  BeginAcquire(this, 0);
  const bool holds = real(this, condition, deadline);
  EndAcquire(this, 0);
  return holds;
}

void Mutex::Await(const Condition& condition) {
  PINTLE_REAL(void (*)(Mutex*, const Condition&), "5Mutex5AwaitERKNS0_9ConditionE");
  WhileReleased(this, [&] { real(this, condition); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  PINTLE_REAL(bool (*)(Mutex*, const Condition&, Time),
              "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return WhileReleased(this, [&] { return real(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  PINTLE_REAL(void (*)(CondVar*, Mutex*), "7CondVar4WaitEPNS0_5MutexE");
  WhileReleased(mutex, [&] { real(this, mutex); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  PINTLE_REAL(bool (*)(CondVar*, Mutex*, Time),
              "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return WhileReleased(mutex, [&] { return real(this, mutex, deadline); });
}

void Notification::Notify() {
  PINTLE_REAL(void (*)(Notification*), "12Notification6NotifyEv");
  __tsan_release(this);
  real(this);
}

void Notification::WaitForNotification() const {
  static const auto real =
      Real<void (*)(const Notification*)>("_ZNK4absl7debian312Notification19WaitForNotificationEv");
  real(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static const auto real = Real<bool (*)(const Notification*, Duration)>(
      "_ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = real(this, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl

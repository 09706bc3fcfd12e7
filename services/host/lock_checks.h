// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_LOCK_CHECKS_H_
#define PINTLE_SERVICES_HOST_LOCK_CHECKS_H_

namespace pintle {

// Switches Abseil's search for lock cycles off for the process, in builds without assertions.
// Debian's Abseil is compiled with it and runs it on every lock, gRPC's own among them: a tenth of
// what relaying a token costs. Builds with assertions keep it.
// Thread: any; takes effect for locks taken later.
void SkipLockChecks();

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_LOCK_CHECKS_H_

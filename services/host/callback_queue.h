// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_CALLBACK_QUEUE_H_
#define PINTLE_SERVICES_HOST_CALLBACK_QUEUE_H_

namespace pintle {

// Keeps gRPC's queue of callbacks for the rest of the process. All servers and channels share the
// one queue; the last of them to go takes it down while its threads still use it, and gRPC 1.51
// then now and then aborts ("prior > 0"). Costs one channel that connects to nothing.
// Where gRPC would run the queue by two threads (below six cores), it leaves one: two pass the
// polling to each other by futex with each event, which is dearer than what they then do.
// Thread: any; the first call does it, which takes no time worth mentioning.
void KeepCallbackQueue();

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_CALLBACK_QUEUE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_SESSION_KV_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_SESSION_KV_CONVERSION_H_

#include "contract/session_kv.h"
#include "pintle/v1/sessions.pb.h"

// KV that travels, as messages and back. The rules of the fields are its receiver's.
// Thread: pure functions.
namespace pintle {

void ToProto(const KvShape& shape, v1::KvShape* out);
KvShape FromProto(const v1::KvShape& shape);

// Moves the bytes.
void ToProto(KvPortion portion, v1::KvPortion* out);
KvPortion FromProto(v1::KvPortion portion);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_SESSION_KV_CONVERSION_H_

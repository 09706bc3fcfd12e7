// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_IDENTITY_CALL_METADATA_H_
#define PINTLE_SERVICES_IDENTITY_CALL_METADATA_H_

#include <string>

#include "absl/strings/string_view.h"
#include "services/identity/caller_rules.h"

namespace grpc {
class ClientContext;
class ServerContextBase;
}  // namespace grpc

// The metadata of a call: who calls, and the trace it belongs to.
// Thread: pure functions of the context they are given.
namespace pintle {

// What the call says about its caller. A key given twice counts as not given: proxies and servers
// that pick different ones have been played against each other.
CallCredentials CredentialsOf(const grpc::ServerContextBase& context);
// W3C traceparent; empty unless it has that header's form (it reaches the log).
std::string TraceparentOf(const grpc::ServerContextBase& context);

// For calls inside the cluster: the token unless empty, the tenant unless empty.
void AddCredentials(absl::string_view token, absl::string_view tenant,
                    grpc::ClientContext& context);

}  // namespace pintle

#endif  // PINTLE_SERVICES_IDENTITY_CALL_METADATA_H_

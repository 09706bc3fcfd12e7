// SPDX-License-Identifier: Apache-2.0
#include "services/identity/call_metadata.h"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pintle {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr char kTenant[] = "x-pintle-tenant";

std::string ValueOf(const grpc::ServerContextBase& context, const char* key) {
  const auto [begin, end] = context.client_metadata().equal_range(key);
  if (begin == end || std::next(begin) != end) return {};
  return std::string(begin->second.data(), begin->second.size());
}

}  // namespace

CallCredentials CredentialsOf(const grpc::ServerContextBase& context) {
  return {ValueOf(context, kAuthorization), ValueOf(context, kTenant)};
}

std::string TraceparentOf(const grpc::ServerContextBase& context) {
  std::string value = ValueOf(context, "traceparent");
  const bool clean = value.size() == 55 && std::all_of(value.begin(), value.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
                     });
  return clean ? value : std::string();
}

void AddCredentials(absl::string_view token, absl::string_view tenant,
                    grpc::ClientContext& context) {
  if (!token.empty()) context.AddMetadata(kAuthorization, absl::StrCat("Bearer ", token));
  if (!tenant.empty()) context.AddMetadata(kTenant, std::string(tenant));
}

}  // namespace pintle

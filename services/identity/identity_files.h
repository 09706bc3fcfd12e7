// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_IDENTITY_IDENTITY_FILES_H_
#define PINTLE_SERVICES_IDENTITY_IDENTITY_FILES_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "services/identity/caller_rules.h"

// Reads the files of --tenants, --cluster-token-file, --admin-token-file and of TLS at start-up.
// Thread: called by main before anything is served.
// Fails: NOT_FOUND or INVALID_ARGUMENT naming the flag, never a file's content.
namespace pintle {

// Paths as the flags gave them; empty for flags that were not given.
struct IdentityFiles {
  std::string tenants;
  std::string cluster_token;
  std::string admin_token;
};

// The whole file, at most `limit` bytes. `flag` is what the message names.
absl::StatusOr<std::string> ReadSecretFile(const std::string& flag, const std::string& path,
                                           std::size_t limit);

// A token file's one token: visible ASCII, surrounding whitespace dropped.
absl::StatusOr<std::string> ReadTokenFile(const std::string& flag, const std::string& path);

// The rules a process with these files answers by.
absl::StatusOr<CallerRules> LoadCallerRules(ProcessKind kind, bool loopback,
                                            const IdentityFiles& files);

}  // namespace pintle

#endif  // PINTLE_SERVICES_IDENTITY_IDENTITY_FILES_H_

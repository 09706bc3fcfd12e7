// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_SESSION_TRANSFER_H_
#define PINTLE_CLI_SESSION_TRANSFER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/command.h"
#include "pintle/v1/sessions.pb.h"

// A session's archive as a file: its parts one after another, each with its length before it
// (protobuf's delimited form). A terminal sees how far it is on standard error.
// Thread: one call at a time. Fails: the server's error, or a local one naming the file's fault.
namespace pintle {

// Writes the archive beside `path` and gives it that name once it is whole. Returns its header.
absl::StatusOr<v1::ArchiveHeader> ExportToFile(const v1::ExportSessionRequest& request,
                                               const std::string& path, CommandContext& context);

absl::StatusOr<v1::ImportSessionResponse> ImportFromFile(const std::string& id,
                                                         bool transcript_only,
                                                         const std::string& path,
                                                         CommandContext& context);

}  // namespace pintle

#endif  // PINTLE_CLI_SESSION_TRANSFER_H_

// SPDX-License-Identifier: Apache-2.0
#include "cli/session_transfer.h"

#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/exit_codes.h"
#include "cli/interrupt.h"
#include "contract/status_macros.h"
#include "pintle/v1/sessions.grpc.pb.h"

namespace pintle {
namespace {

// A bar of this many cells on a line that is drawn over and over.
constexpr int kCells = 30;

// How much of the KV has passed, on a terminal's standard error only.
class Progress {
 public:
  Progress(const char* what, bool shown) : what_(what), shown_(shown) {}
  ~Progress() {
    if (drawn_ >= 0) std::cerr << "\r\x1b[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Take(const v1::ArchivePart& part) {
    if (part.has_header()) total_ = part.header().kv_bytes();
    if (part.has_kv()) done_ += static_cast<std::int64_t>(part.kv().data().size());
    if (!shown_ || total_ == 0) return;
    const int cells = static_cast<int>(done_ * kCells / total_);
    if (cells == drawn_) return;
    drawn_ = cells;
    std::cerr << absl::StrFormat("\r%s [%s%s] %d of %d MiB", what_,
                                 std::string(static_cast<std::size_t>(cells), '#'),
                                 std::string(static_cast<std::size_t>(kCells - cells), ' '),
                                 done_ >> 20, total_ >> 20)
              << std::flush;
  }

 private:
  const char* const what_;
  const bool shown_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
  int drawn_ = -1;
};

absl::Status Receive(grpc::ClientReader<v1::ExportSessionResponse>& reader, std::ostream& file,
                     Progress& progress, v1::ArchiveHeader* header, bool* whole) {
  v1::ExportSessionResponse response;
  while (reader.Read(&response)) {
    if (response.part().has_header()) *header = response.part().header();
    *whole = response.part().has_trailer();
    if (!google::protobuf::util::SerializeDelimitedToOstream(response.part(), &file)) {
      return LocalError("FILE takes no more: is the disk full?");
    }
    progress.Take(response.part());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::ArchiveHeader> ExportToFile(const v1::ExportSessionRequest& request,
                                               const std::string& path, CommandContext& context) {
  const std::string partial = absl::StrCat(path, ".part");
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  if (!file) return LocalError(absl::StrCat("FILE cannot be written: ", partial));
  grpc::ClientContext call;
  context.connection.Prepare(absl::InfiniteDuration(), call);
  const Interrupt::Watch watch(context.connection.interrupt(), [&call] { call.TryCancel(); });
  v1::Sessions::Stub stub(context.connection.channel());
  Progress progress("exporting", context.terminal.traits().err_is_terminal);
  auto reader = stub.ExportSession(&call, request);
  v1::ArchiveHeader header;
  bool whole = false;
  absl::Status status = Receive(*reader, file, progress, &header, &whole);
  if (!status.ok()) call.TryCancel();
  const absl::Status answered = FromGrpcStatus(reader->Finish());
  if (status.ok()) status = answered;
  file.close();
  if (status.ok() && !whole) status = LocalError("the server ended the archive before its trailer");
  if (status.ok() && (!file || std::rename(partial.c_str(), path.c_str()) != 0)) {
    status = LocalError(absl::StrCat("FILE cannot be written: ", path));
  }
  if (!status.ok()) {
    std::remove(partial.c_str());
    return status;
  }
  return header;
}

absl::StatusOr<v1::ImportSessionResponse> ImportFromFile(const std::string& id,
                                                         bool transcript_only,
                                                         const std::string& path,
                                                         CommandContext& context) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return LocalError(absl::StrCat("FILE cannot be read: ", path));
  google::protobuf::io::IstreamInputStream input(&file);
  grpc::ClientContext call;
  context.connection.Prepare(absl::InfiniteDuration(), call);
  const Interrupt::Watch watch(context.connection.interrupt(), [&call] { call.TryCancel(); });
  v1::Sessions::Stub stub(context.connection.channel());
  Progress progress("importing", context.terminal.traits().err_is_terminal);
  v1::ImportSessionResponse response;
  auto writer = stub.ImportSession(&call, &response);
  v1::ImportSessionRequest request;
  request.set_id(id);
  request.set_transcript_only(transcript_only);
  bool clean_end = false;
  bool sent = true;
  // A server that has seen enough ends the call; its reason comes with Finish.
  while (sent && google::protobuf::util::ParseDelimitedFromZeroCopyStream(
                     request.mutable_part(), &input, &clean_end)) {
    progress.Take(request.part());
    sent = writer->Write(request);
    request.Clear();
  }
  if (sent && !clean_end) {
    call.TryCancel();
    writer->Finish();
    return LocalError(absl::StrCat("FILE is no archive of a session, or is damaged: ", path));
  }
  writer->WritesDone();
  PINTLE_RETURN_IF_ERROR(FromGrpcStatus(writer->Finish()));
  return response;
}

}  // namespace pintle

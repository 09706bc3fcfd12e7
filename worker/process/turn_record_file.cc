// SPDX-License-Identifier: Apache-2.0
#include "worker/process/turn_record_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"

namespace pintle {

absl::StatusOr<std::unique_ptr<TurnRecordFile>> TurnRecordFile::Create(
    const std::string& folder, std::int64_t bytes_max, absl::Time time, const std::string& name,
    std::shared_ptr<kv::TurnRecorder> recorder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string path =
      absl::StrCat(folder, "/turns-", absl::FormatTime("%Y%m%dT%H%M%SZ", time, absl::UTCTimeZone()),
                   "-", name, ".jsonl");
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--record-turns ", folder, ": no file can be made there: ",
                     std::generic_category().message(errno)));
  }
  return std::unique_ptr<TurnRecordFile>(
      new TurnRecordFile(file, path, bytes_max, std::move(recorder)));
}

TurnRecordFile::TurnRecordFile(int file, std::string path, std::int64_t bytes_max,
                               std::shared_ptr<kv::TurnRecorder> recorder)
    : file_(file),
      path_(std::move(path)),
      bytes_max_(bytes_max),
      recorder_(std::move(recorder)) {}

TurnRecordFile::~TurnRecordFile() {
  Flush();
  if (file_ >= 0) close(file_);
}

void TurnRecordFile::Flush() {
  lines_.clear();
  recorder_->Take(lines_);
  const std::int64_t lost = recorder_->Lost();
  if (file_ < 0) return;
  if (lost > lost_said_) {
    std::fprintf(stderr, "turn record: %lld turns came too fast to be written\n",
                 static_cast<long long>(lost - lost_said_));
    lost_said_ = lost;
  }
  const std::int64_t room = bytes_max_ - bytes_;
  const bool full = static_cast<std::int64_t>(lines_.size()) > room;
  if (full) {
    // Whole lines only, so that what is there can be replayed.
    const std::size_t end = room == 0 ? std::string::npos
                                      : lines_.rfind('\n', static_cast<std::size_t>(room - 1));
    lines_.resize(end == std::string::npos ? 0 : end + 1);
  }
  if (!Write()) {
    End("the disk took no more");
  } else if (full) {
    End("--record-turns-size is reached");
  }
}

bool TurnRecordFile::Write() {
  for (std::size_t written = 0; written < lines_.size();) {
    const ssize_t count = write(file_, lines_.data() + written, lines_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    written += static_cast<std::size_t>(count);
  }
  bytes_ += static_cast<std::int64_t>(lines_.size());
  return true;
}

void TurnRecordFile::End(const char* why) {
  close(file_);
  file_ = -1;
  std::fprintf(stderr, "turn record: ended, %s\n", why);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_TURN_RECORD_FILE_H_
#define PINTLE_WORKER_PROCESS_TURN_RECORD_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/kv/turn_recorder.h"

namespace pintle {

// The file of --record-turns: what a TurnRecorder wrote down, for `pintle simulate --trace`. Each
// process writes one of its own, turns-TIME-NAME.jsonl, mode 0600, which never grows above its
// bound: recording then ends with one line on standard error, and so does it when the disk fails.
// Thread: one at a time. Owns the descriptor; shares the recorder.
// Fails: Create names the flag.
class TurnRecordFile {
 public:
  // Makes the folder if need be. `name` tells processes of one folder apart; `time` is now.
  static absl::StatusOr<std::unique_ptr<TurnRecordFile>> Create(
      const std::string& folder, std::int64_t bytes_max, absl::Time time, const std::string& name,
      std::shared_ptr<kv::TurnRecorder> recorder);
  ~TurnRecordFile();
  TurnRecordFile(const TurnRecordFile&) = delete;
  TurnRecordFile& operator=(const TurnRecordFile&) = delete;

  const std::string& path() const { return path_; }
  // Appends what was recorded since the last call. Waits for the disk: not for the engine thread.
  void Flush();

 private:
  TurnRecordFile(int file, std::string path, std::int64_t bytes_max,
                 std::shared_ptr<kv::TurnRecorder> recorder);
  bool Write();
  void End(const char* why);

  int file_;  // -1 once recording has ended
  const std::string path_;
  const std::int64_t bytes_max_;
  const std::shared_ptr<kv::TurnRecorder> recorder_;
  std::int64_t bytes_ = 0;
  std::int64_t lost_said_ = 0;
  std::string lines_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_TURN_RECORD_FILE_H_

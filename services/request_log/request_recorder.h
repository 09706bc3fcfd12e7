// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_REQUEST_LOG_REQUEST_RECORDER_H_
#define PINTLE_SERVICES_REQUEST_LOG_REQUEST_RECORDER_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "contract/turn.h"
#include "services/request_log/request_record.h"

namespace pintle {

// Watches one turn go by and tells the observers.
// Thread: one turn's consumer. Borrows everything it is given.
class RequestRecorder {
 public:
  RequestRecorder(std::vector<RequestObserver*> observers, const Clock& clock);

  // What the caller said; filled by the service before the first event.
  RequestRecord& record() { return record_; }
  void OnEvent(const TurnEvent& event);
  // The call is over. Further calls have no effect.
  void End(const absl::Status& status);

 private:
  const std::vector<RequestObserver*> observers_;
  const Clock& clock_;
  const absl::Duration began_;
  RequestRecord record_;
  std::optional<absl::Duration> last_tokens_;
  bool ended_ = false;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_REQUEST_LOG_REQUEST_RECORDER_H_

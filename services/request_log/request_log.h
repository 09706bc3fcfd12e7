// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_REQUEST_LOG_REQUEST_LOG_H_
#define PINTLE_SERVICES_REQUEST_LOG_REQUEST_LOG_H_

#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/clock.h"
#include "services/request_log/request_record.h"

namespace pintle {

enum class LogFormat { kText, kJson };

// "text" or "json"; INVALID_ARGUMENT naming --log-format.
absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text);

// The line of one request, without its newline. Keys are the same in both formats; what is unknown
// is left out.
std::string FormatRequest(const RequestRecord& record, absl::Time now, LogFormat format);

// Writes one line per request to a stream, standard error as a rule.
// Thread: safe from any thread; a line is one write, so lines do not mix. Borrows clock and stream.
class RequestLog final : public RequestObserver {
 public:
  RequestLog(LogFormat format, const Clock& clock, std::FILE* out)
      : format_(format), clock_(clock), out_(out) {}

  void OnTokens(absl::Duration, std::int64_t) override {}
  void OnEnd(const RequestRecord& record) override;

 private:
  const LogFormat format_;
  const Clock& clock_;
  std::FILE* const out_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_REQUEST_LOG_REQUEST_LOG_H_

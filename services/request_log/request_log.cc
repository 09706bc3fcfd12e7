// SPDX-License-Identifier: Apache-2.0
#include "services/request_log/request_log.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "contract/errors.h"

namespace pintle {
namespace {

// A key and its value; numbers are bare in JSON.
struct Field {
  absl::string_view key;
  std::string value;
  bool number = false;
};

std::vector<Field> FieldsOf(const RequestRecord& record, absl::Time now) {
  std::vector<Field> fields;
  const auto text = [&](absl::string_view key, const std::string& value) {
    if (!value.empty()) fields.push_back({key, value, false});
  };
  const auto count = [&](absl::string_view key, const std::optional<std::int64_t>& value) {
    if (value) fields.push_back({key, absl::StrCat(*value), true});
  };
  const auto seconds = [&](absl::string_view key, const std::optional<absl::Duration>& value) {
    if (!value) return;
    fields.push_back({key, absl::StrFormat("%.6f", absl::ToDoubleSeconds(*value)), true});
  };
  text("time", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone()));
  text("method", record.method);
  text("request_id", record.request_id);
  text("traceparent", record.traceparent);
  text("tenant", record.tenant);
  text("session", record.session);
  text("model", record.model);
  text("worker", record.worker);
  count("prompt_tokens", record.prompt_tokens);
  count("cached_tokens", record.cached_tokens);
  count("output_tokens", record.output_tokens);
  seconds("queue_seconds", record.queue);
  seconds("ttft_seconds", record.time_to_first_token);
  seconds("duration_seconds", record.duration);
  text("code", absl::StatusCodeToString(record.status.code()));
  if (const std::optional<ErrorDetail> detail = DetailOf(record.status)) {
    text("reason", std::string(ReasonName(detail->reason)));
  }
  return fields;
}

// A client chooses request ids and models: whatever could end a value or a line is escaped.
std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool IsBare(absl::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
  }
  return !text.empty();
}

}  // namespace

absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError(absl::StrCat("--log-format ", text, ": is text or json"));
}

std::string FormatRequest(const RequestRecord& record, absl::Time now, LogFormat format) {
  std::string line = format == LogFormat::kJson ? "{" : "";
  bool first = true;
  for (const Field& field : FieldsOf(record, now)) {
    if (format == LogFormat::kJson) {
      absl::StrAppend(&line, first ? "" : ",", "\"", field.key,
                      "\":", field.number ? field.value : Quoted(field.value));
    } else {
      absl::StrAppend(&line, first ? "" : " ", field.key, "=",
                      IsBare(field.value) ? field.value : Quoted(field.value));
    }
    first = false;
  }
  if (format == LogFormat::kJson) line += "}";
  return line;
}

void RequestLog::OnEnd(const RequestRecord& record) {
  const std::string line = FormatRequest(record, clock_.Wall(), format_) + "\n";
  std::fwrite(line.data(), 1, line.size(), out_);
  std::fflush(out_);
}

}  // namespace pintle

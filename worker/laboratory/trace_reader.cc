// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/trace_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/laboratory/json_scanner.h"

namespace pintle::laboratory {
namespace {

// A prompt of two million tokens in blocks of 16; a line of so many ids of 20 digits.
constexpr std::size_t kIdsPerRequest = std::size_t{1} << 17;
constexpr std::size_t kLineBytes = kIdsPerRequest * 22;
// 350 times the largest trace published so far; about 1 GiB while it is read.
constexpr std::size_t kIdsMax = 100'000'000;
// 30 years: longer is a clock in another unit, and nothing of ours overflows before it.
constexpr double kTimestampMax = 1e12;
constexpr std::size_t kSessionBytes = 256;

struct Request {
  double timestamp = -1;
  std::size_t first = 0;  // of its ids in the reader's list
  std::size_t count = 0;
  bool has_ids = false;
  std::string session;
};

absl::Status ReadIds(JsonScanner& json, Request& request, std::vector<std::int64_t>& ids) {
  if (!json.Take('[')) return InvalidField("hash_ids", "is not a list of integers");
  request.has_ids = true;
  request.first = ids.size();
  if (json.Take(']')) return absl::OkStatus();
  do {
    std::int64_t id = 0;
    if (!json.TakeInteger(&id)) {
      return InvalidField(absl::StrCat("hash_ids[", request.count, "]"),
                          "is not an integer of 64 bits");
    }
    if (++request.count > kIdsPerRequest) {
      return InvalidField("hash_ids", absl::StrCat("has more than ", kIdsPerRequest, " ids"));
    }
    if (ids.size() >= kIdsMax) {
      return InvalidField("hash_ids", absl::StrCat("brings the trace above ", kIdsMax, " ids"));
    }
    ids.push_back(id);
  } while (json.Take(','));
  if (!json.Take(']')) return InvalidField("hash_ids", "is not a list of integers");
  return absl::OkStatus();
}

absl::Status ReadField(JsonScanner& json, const std::string& name, Request& request,
                       std::vector<std::int64_t>& ids) {
  if (name == "timestamp") {
    if (!json.TakeNumber(&request.timestamp) || !(request.timestamp >= 0) ||
        request.timestamp > kTimestampMax) {
      return InvalidField("timestamp", absl::StrCat("is not a number of milliseconds from 0 to ",
                                                    kTimestampMax));
    }
    return absl::OkStatus();
  }
  if (name == "hash_ids") {
    if (request.has_ids) return InvalidField("hash_ids", "is there twice");
    return ReadIds(json, request, ids);
  }
  if (name == "session") {
    if (!json.TakeString(&request.session) || request.session.size() > kSessionBytes) {
      return InvalidField("session", absl::StrCat("is not a text of at most ", kSessionBytes,
                                                  " bytes"));
    }
    return absl::OkStatus();
  }
  return json.SkipValue() ? absl::OkStatus() : InvalidField(name, "has no JSON value");
}

absl::Status ReadLine(const std::string& line, Request& request, std::vector<std::int64_t>& ids) {
  JsonScanner json(line);
  if (!json.Take('{')) return absl::InvalidArgumentError("is not a JSON object");
  if (!json.Take('}')) {
    do {
      std::string name;
      if (!json.TakeString(&name) || !json.Take(':')) {
        return absl::InvalidArgumentError("is not a JSON object");
      }
      PINTLE_RETURN_IF_ERROR(ReadField(json, name, request, ids));
    } while (json.Take(','));
    if (!json.Take('}')) return absl::InvalidArgumentError("is not a JSON object");
  }
  if (!json.AtEnd()) return absl::InvalidArgumentError("has text after its JSON object");
  if (request.timestamp < 0) return InvalidField("timestamp", "is missing");
  if (!request.has_ids) return InvalidField("hash_ids", "is missing");
  return absl::OkStatus();
}

// The next line into `line`; false at the end. A line above the bound is cut just above it.
bool NextLine(std::istream& in, std::string& line) {
  line.clear();
  std::streambuf* const buffer = in.rdbuf();
  int c = buffer->sbumpc();
  if (c == std::char_traits<char>::eof()) return false;
  while (c != '\n' && c != std::char_traits<char>::eof() && line.size() <= kLineBytes) {
    line.push_back(static_cast<char>(c));
    c = buffer->sbumpc();
  }
  return true;
}

}  // namespace

absl::StatusOr<Trace> ReadTrace(std::istream& in) {
  std::vector<Request> requests;
  std::vector<std::int64_t> ids;
  std::string line;
  for (std::int64_t number = 1; NextLine(in, line); ++number) {
    const bool too_long = line.size() > kLineBytes;
    if (!too_long && line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Request request;
    absl::Status read = too_long
                            ? absl::InvalidArgumentError(
                                  absl::StrCat("is longer than ", kLineBytes, " bytes"))
                            : ReadLine(line, request, ids);
    if (!read.ok()) {
      return InvalidField("trace", absl::StrCat("line ", number, ": ", read.message()));
    }
    if (request.count > 0) requests.push_back(std::move(request));
  }
  if (in.bad()) return InvalidField("trace", "could not be read to its end");
  if (requests.empty()) return InvalidField("trace", "has no request with blocks");
  std::stable_sort(requests.begin(), requests.end(), [](const Request& a, const Request& b) {
    return a.timestamp < b.timestamp;
  });
  Trace trace;
  for (const Request& request : requests) {
    trace.Add(absl::Milliseconds(request.timestamp),
              absl::MakeConstSpan(ids).subspan(request.first, request.count), request.session);
  }
  return trace;
}

}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_JSON_FIELDS_H_
#define PINTLE_WORKER_MODEL_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/ids.h"
#include "nlohmann/json.hpp"

namespace pintle::model {

// Typed reading of one JSON object's fields. The first fault is kept and named; reading goes on
// with defaults, so that a parser reads like a list and checks status() once.
// Thread: plain data. Owns nothing: the object must outlive it.
// Fails: status() is INVALID_FIELD naming the field; null counts as absent.
class JsonFields {
 public:
  // `prefix` stands before each field's name in messages ("rope_scaling.").
  JsonFields(const nlohmann::json& object, std::string prefix);

  bool Has(const char* name) const;
  // Present even if null.
  bool Contains(const char* name) const { return object_.contains(name); }
  bool IsObject(const char* name) const;
  const nlohmann::json& At(const char* name) const { return object_[name]; }

  // Whole number in [1, limit]; the field is required.
  std::int32_t Count(const char* name, std::int64_t limit);
  // The same, `fallback` when absent.
  std::int32_t CountOr(const char* name, std::int64_t limit, std::int32_t fallback);
  // Whole number in [0, limit]; `fallback` when absent.
  std::int32_t WholeOr(const char* name, std::int64_t limit, std::int32_t fallback);
  double Number(const char* name);
  double NumberOr(const char* name, double fallback);
  std::optional<double> MaybeNumber(const char* name);
  bool BoolOr(const char* name, bool fallback);
  std::string TextOr(const char* name, const std::string& fallback);
  // One id or a list of ids; empty when absent.
  std::vector<TokenId> Ids(const char* name);

  const absl::Status& status() const { return status_; }
  void Fault(const char* name, absl::string_view description);

 private:
  std::int32_t Integer(const char* name, std::int64_t least, std::int64_t limit);

  const nlohmann::json& object_;
  std::string prefix_;
  absl::Status status_;
};

// The object `text` holds. INVALID_FIELD naming `file` when it is no JSON object.
absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text, absl::string_view file);

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_JSON_FIELDS_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/json_fields.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"

namespace pintle::model {

JsonFields::JsonFields(const nlohmann::json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {}

void JsonFields::Fault(const char* name, absl::string_view description) {
  if (status_.ok()) status_ = InvalidField(absl::StrCat(prefix_, name), description);
}

bool JsonFields::Has(const char* name) const {
  const auto it = object_.find(name);
  return it != object_.end() && !it->is_null();
}

bool JsonFields::IsObject(const char* name) const {
  const auto it = object_.find(name);
  return it != object_.end() && it->is_object();
}

std::int32_t JsonFields::Integer(const char* name, std::int64_t least, std::int64_t limit) {
  const auto& value = object_[name];
  if (!value.is_number_integer()) {
    Fault(name, "is not a whole number");
    return static_cast<std::int32_t>(least);
  }
  // Unsigned numbers beyond 2^63 would wrap when read as signed.
  const bool huge =
      value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(limit);
  const std::int64_t number = huge ? limit : value.get<std::int64_t>();
  if (huge || number < least || number > limit) {
    Fault(name, absl::StrCat("is ", value.dump(), ", must be in [", least, ", ", limit, "]"));
    return static_cast<std::int32_t>(least);
  }
  return static_cast<std::int32_t>(number);
}

std::int32_t JsonFields::Count(const char* name, std::int64_t limit) {
  if (!Has(name)) {
    Fault(name, "is missing");
    return 1;
  }
  return Integer(name, 1, limit);
}

std::int32_t JsonFields::CountOr(const char* name, std::int64_t limit, std::int32_t fallback) {
  return Has(name) ? Integer(name, 1, limit) : fallback;
}

std::int32_t JsonFields::WholeOr(const char* name, std::int64_t limit, std::int32_t fallback) {
  return Has(name) ? Integer(name, 0, limit) : fallback;
}

double JsonFields::Number(const char* name) {
  if (!Has(name)) {
    Fault(name, "is missing");
    return 1.0;
  }
  return NumberOr(name, 1.0);
}

std::optional<double> JsonFields::MaybeNumber(const char* name) {
  if (!Has(name)) return std::nullopt;
  const auto& value = object_[name];
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    Fault(name, "is not a finite number");
    return std::nullopt;
  }
  return value.get<double>();
}

double JsonFields::NumberOr(const char* name, double fallback) {
  return MaybeNumber(name).value_or(fallback);
}

bool JsonFields::BoolOr(const char* name, bool fallback) {
  if (!Has(name)) return fallback;
  const auto& value = object_[name];
  if (!value.is_boolean()) {
    Fault(name, "is neither true nor false");
    return fallback;
  }
  return value.get<bool>();
}

std::string JsonFields::TextOr(const char* name, const std::string& fallback) {
  if (!Has(name)) return fallback;
  const auto& value = object_[name];
  if (!value.is_string()) {
    Fault(name, "is not a string");
    return fallback;
  }
  return value.get<std::string>();
}

std::vector<TokenId> JsonFields::Ids(const char* name) {
  std::vector<TokenId> ids;
  if (!Has(name)) return ids;
  const auto& value = object_[name];
  const auto add = [&](const nlohmann::json& id) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
        id.get<std::int64_t>() > INT32_MAX) {
      Fault(name, "is not a token id or a list of them");
      return;
    }
    ids.push_back(id.get<TokenId>());
  };
  if (value.is_array()) {
    for (const auto& id : value) add(id);
  } else {
    add(value);
  }
  return ids;
}

absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text, absl::string_view file) {
  auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return InvalidField(file, "is no JSON object");
  return json;
}

}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_TEXT_TEXT_CASES_H_
#define PINTLE_TESTS_WORKER_TEXT_TEXT_CASES_H_

#include <memory>
#include <string>
#include <vector>

#include "contract/generation.h"
#include "nlohmann/json.hpp"
#include "worker/text/hf_text_model.h"

namespace pintle::text {

// The moment make_text_data.py froze.
inline const absl::Time kCaseTime = absl::FromUnixSeconds(1700000000);

std::string DataPath(const std::string& name);
std::string ReadData(const std::string& name);
nlohmann::ordered_json ReadCases(const std::string& name);

// One of the small tokenizers with one of the templates ("" = none).
std::unique_ptr<HfTextModel> SmallModel(const std::string& tokenizer, const std::string& name);
// The same with a template given as text.
std::unique_ptr<HfTextModel> ModelWith(const std::string& tokenizer, const std::string& source);
// The demo model's text; null where the model was not set up.
std::unique_ptr<HfTextModel> SmolLm2();

Message MessageOf(const std::string& role, const std::string& text);
std::vector<Message> MessagesOf(const nlohmann::ordered_json& messages);

}  // namespace pintle::text

#endif  // PINTLE_TESTS_WORKER_TEXT_TEXT_CASES_H_

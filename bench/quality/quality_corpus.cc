// SPDX-License-Identifier: Apache-2.0
#include "bench/quality/quality_corpus.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "contract/generation.h"
#include "contract/status_macros.h"

namespace pintle::bench {
namespace {

// Long enough to ask about, short enough for many prompts in one run.
constexpr std::size_t kPassageBytes = 350;

// What is asked, in turn: one kind of answer would measure one kind of sentence.
constexpr const char* kQuestions[] = {
    "Explain in plain words what this passage says:\n\n",
    "Write three questions that this passage raises:\n\n",
    "Continue this text in the same style:\n\n",
    "Translate this old text into modern English:\n\n",
    "List the main claims of this passage:\n\n",
};

// Paragraphs as single lines: the file's own line ends are the printer's, not the author's.
absl::StatusOr<std::vector<std::string>> Paragraphs(const std::string& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) return absl::NotFoundError("the text cannot be read");
  std::vector<std::string> paragraphs = absl::StrSplit(text.str(), "\n\n", absl::SkipWhitespace());
  for (std::string& paragraph : paragraphs) {
    paragraph = absl::StrReplaceAll(paragraph, {{"\n", " "}});
  }
  return paragraphs;
}

absl::StatusOr<std::vector<TokenId>> Prompt(const text::TextModel& model,
                                            const std::string& content) {
  Message message;
  message.role = std::string("user");
  message.text = content;
  PINTLE_ASSIGN_OR_RETURN(const text::RenderedChat chat,
                          model.RenderChat({&message, 1}, text::RenderOptions()));
  return model.EncodeRendered(chat, 0);
}

}  // namespace

absl::StatusOr<QualityCorpus> QualityCorpus::Read(const std::string& file,
                                                  const text::TextModel& model,
                                                  std::size_t windows, std::size_t window_tokens,
                                                  std::size_t prompts) {
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> paragraphs, Paragraphs(file));
  std::string whole;
  for (const std::string& paragraph : paragraphs) absl::StrAppend(&whole, paragraph, "\n\n");
  PINTLE_ASSIGN_OR_RETURN(const std::vector<TokenId> tokens, model.Encode(whole, {}));
  if (tokens.size() < windows * window_tokens || whole.size() < 2 * kPassageBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the text has ", tokens.size(),
                                                   " tokens, must have ", windows * window_tokens));
  }
  QualityCorpus corpus;
  for (std::size_t i = 0; i < windows; ++i) {
    const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(i * window_tokens);
    corpus.windows.emplace_back(first, first + static_cast<std::ptrdiff_t>(window_tokens));
  }
  const std::size_t last = whole.size() - kPassageBytes;
  for (std::size_t i = 0; i < prompts; ++i) {
    // From the start of a word on.
    const std::size_t begin = whole.find(' ', i * (last - 100) / prompts) + 1;
    const std::string passage = whole.substr(begin, kPassageBytes);
    PINTLE_ASSIGN_OR_RETURN(
        std::vector<TokenId> prompt,
        Prompt(model, absl::StrCat(kQuestions[i % std::size(kQuestions)],
                                   absl::StrReplaceAll(passage, {{"\n\n", " "}}))));
    corpus.prompts.push_back(std::move(prompt));
  }
  return corpus;
}

}  // namespace pintle::bench

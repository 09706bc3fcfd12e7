// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_CHAT_RENDERER_H_
#define PINTLE_WORKER_TEXT_CHAT_RENDERER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "worker/text/seam/text_model.h"
#include "worker/text/tokenizer_handle.h"

namespace pintle::text {

// One compiled chat template. It is compiled with every special token it writes replaced by that
// token's marker, so the rendered text tells the template's control tokens from a message's
// characters whatever the template does with the message (trim, split, replace).
// A few templates assemble control tokens from parts ('<|' + role + '|>'). Create finds them with a
// harmless conversation; then each render is repeated with the client's characters kept apart, and
// what is whole nevertheless was the template's. If the template reacts to that, it is plain text.
// Thread: immutable, safe from any thread. Borrows the tokenizer, owns the compiled template.
class ChatRenderer {
 public:
  // INVALID_FIELD (chat_template) when it does not compile.
  static absl::StatusOr<std::unique_ptr<ChatRenderer>> Create(
      absl::string_view source, const TokenizerHandle& tokenizer,
      std::vector<std::pair<std::string, std::string>> named_tokens);
  ~ChatRenderer() { pintle_template_free(template_); }
  ChatRenderer(const ChatRenderer&) = delete;
  ChatRenderer& operator=(const ChatRenderer&) = delete;

  // Errors as TextModel::RenderChat.
  absl::StatusOr<RenderedChat> Render(absl::Span<const Message> messages,
                                      const RenderOptions& options) const;

 private:
  ChatRenderer(pintle_template* chat_template, const TokenizerHandle& tokenizer,
               std::vector<std::pair<std::string, std::string>> named_tokens);

  absl::StatusOr<std::string> RenderMarked(absl::Span<const Message> messages,
                                           const RenderOptions& options) const;
  RenderedChat ResolveMarkers(absl::string_view marked) const;
  void FindAssembledTokens();
  void AddAssembled(absl::Span<const Message> messages, const RenderOptions& options,
                    RenderedChat& chat) const;

  pintle_template* template_;
  const TokenizerHandle& tokenizer_;
  std::vector<std::pair<std::string, std::string>> named_tokens_;
  // Special tokens this template puts together from parts.
  std::vector<const MarkedToken*> assembled_;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_CHAT_RENDERER_H_

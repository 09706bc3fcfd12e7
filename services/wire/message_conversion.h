// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_MESSAGE_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_MESSAGE_CONVERSION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/generation.h"
#include "contract/turn.h"
#include "google/protobuf/repeated_field.h"
#include "pintle/v1/chat.pb.h"
#include "pintle/v1/sessions.pb.h"

// Messages of a conversation, chats, token ids and transcripts.
// Thread: pure functions.
namespace pintle {

using TokenIdField = google::protobuf::RepeatedField<google::protobuf::int32>;

void ToProto(const Message& message, v1::Message* out);
// `field` is the message's path in the request, for the error. UNSUPPORTED_OPTION for a part that
// is no text.
absl::StatusOr<Message> FromProto(const v1::Message& message, absl::string_view field);

void ToProto(const ChatInput& chat, v1::Chat* out);
// INVALID_FIELD, UNSUPPORTED_OPTION with paths under "chat".
absl::StatusOr<ChatInput> FromProto(const v1::Chat& chat);

void ToProto(const std::vector<TokenId>& tokens, TokenIdField* out);
std::vector<TokenId> FromProto(const TokenIdField& tokens);

void ToProto(const TranscriptTurn& turn, v1::TranscriptTurn* out);
absl::StatusOr<TranscriptTurn> FromProto(const v1::TranscriptTurn& turn);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_MESSAGE_CONVERSION_H_

// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_call.h"

#include <grpcpp/support/sync_stream.h>

#include <memory>

#include "contract/errors.h"
#include "contract/status_macros.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"

namespace pintle {
namespace {

absl::StatusOr<TurnRecord> CallOnce(const v1::GenerateRequest& request, Connection& connection,
                                    const Clock& clock, const ChunkSink& sink) {
  grpc::ClientContext context;
  connection.Prepare(absl::InfiniteDuration(), context);
  const Interrupt::Watch watch(connection.interrupt(), [&context] { context.TryCancel(); });
  v1::Inference::Stub stub(connection.channel());
  TurnRecord record(clock.Monotonic());
  const std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> reader =
      stub.Generate(&context, request);
  absl::Status broken;
  v1::GenerateResponse response;
  while (broken.ok() && reader->Read(&response)) {
    broken = record.Add(response, clock.Monotonic());
    if (broken.ok() && response.has_chunk()) sink(response.chunk());
  }
  if (!broken.ok()) context.TryCancel();
  const absl::Status ended = FromGrpcStatus(reader->Finish());
  PINTLE_RETURN_IF_ERROR(broken);
  PINTLE_RETURN_IF_ERROR(ended);
  PINTLE_RETURN_IF_ERROR(record.Finish());
  return record;
}

absl::Status CreateSession(const v1::GenerateRequest& turn, Connection& connection) {
  v1::CreateSessionRequest request;
  request.set_id(turn.session());
  request.set_model(turn.model());
  v1::CreateSessionResponse response;
  const absl::Status made = connection.Call(&v1::Sessions::Stub::CreateSession, request, &response);
  // Somebody else was quicker: then it is there.
  return HasReason(made, Reason::kSessionExists) ? absl::OkStatus() : made;
}

}  // namespace

absl::StatusOr<TurnRecord> RunTurn(const v1::GenerateRequest& request, Connection& connection,
                                   const Clock& clock, const ChunkSink& sink) {
  absl::StatusOr<TurnRecord> record = CallOnce(request, connection, clock, sink);
  const bool absent =
      !request.session().empty() && HasReason(record.status(), Reason::kSessionNotFound);
  if (!absent) return record;
  PINTLE_RETURN_IF_ERROR(CreateSession(request, connection));
  return CallOnce(request, connection, clock, sink);
}

}  // namespace pintle

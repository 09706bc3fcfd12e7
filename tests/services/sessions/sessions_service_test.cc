// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/sessions_service.h"

#include <memory>
#include <string>
#include <utility>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::FieldOf;
using testing::Of;
using testing::ServiceWorld;

class SessionsServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ServiceWorld::Options options;
    options.identity.tenants = *TenantTable::Parse(
        "alice 9c220f200955d76c0a38d308225e0ef10c5f971acaf2f8d1d8f732affa5bd1dc\n"
        "bob 97dd3707015dcf069cf73022ed7173b1165db6eff24b441cb57fd069a8c4e525\n");
    world_ = std::make_unique<ServiceWorld>(std::move(options));
    stub_ = v1::Sessions::NewStub(world_->channel());
  }
  // Calls a method as a tenant.
  template <typename Method, typename Request, typename Response>
  absl::Status As(const std::string& tenant, Method method, const Request& request,
                  Response* response) {
    grpc::ClientContext context;
    testing::Authorize(tenant + "-token", context);
    return Of(((*stub_).*method)(&context, request, response));
  }
  absl::Status Create(const std::string& tenant, const std::string& id,
                      v1::Session* out = nullptr) {
    v1::CreateSessionRequest request;
    v1::CreateSessionResponse response;
    request.set_id(id);
    (*request.mutable_labels())["team"] = "x";
    const absl::Status status = As(tenant, &v1::Sessions::Stub::CreateSession, request, &response);
    if (out != nullptr) *out = response.session();
    return status;
  }
  absl::Status Get(const std::string& tenant, const std::string& id,
                   v1::GetSessionResponse* response) {
    v1::GetSessionRequest request;
    request.set_id(id);
    request.set_include_transcript(true);
    return As(tenant, &v1::Sessions::Stub::GetSession, request, response);
  }

  std::unique_ptr<ServiceWorld> world_;
  std::unique_ptr<v1::Sessions::Stub> stub_;
};

TEST_F(SessionsServiceTest, ASessionIsMadeReadAndDeleted) {
  v1::Session made;
  ASSERT_TRUE(Create("alice", "chat", &made).ok());
  EXPECT_EQ(made.id(), "chat");
  EXPECT_EQ(made.model(), "fake");
  EXPECT_EQ(made.state(), v1::COLD);
  EXPECT_EQ(made.pin().kind(), v1::BEST_EFFORT);
  EXPECT_EQ(made.lease().seconds(), 600);
  EXPECT_EQ(made.labels().at("team"), "x");
  EXPECT_TRUE(HasReason(Create("alice", "chat"), Reason::kSessionExists));
  v1::DeleteSessionRequest remove;
  v1::DeleteSessionResponse removed;
  remove.set_id("chat");
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::DeleteSession, remove, &removed).ok());
  v1::GetSessionResponse response;
  EXPECT_TRUE(HasReason(Get("alice", "chat", &response), Reason::kSessionNotFound));
}

TEST_F(SessionsServiceTest, ASessionThatHoldsNothingReleasesNothingAndThatIsKnown) {
  ASSERT_TRUE(Create("alice", "chat").ok());
  v1::GetSessionResponse response;
  ASSERT_TRUE(Get("alice", "chat", &response).ok());
  EXPECT_TRUE(response.session().has_held_tokens());
  EXPECT_EQ(response.session().held_tokens(), 0);
  v1::DeleteSessionRequest remove;
  v1::DeleteSessionResponse removed;
  remove.set_id("chat");
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::DeleteSession, remove, &removed).ok());
  EXPECT_EQ(removed.released_tokens(), 0);
  EXPECT_FALSE(removed.released_unknown());
}

TEST_F(SessionsServiceTest, AnEmptyIdLetsTheServerChoose) {
  v1::Session first;
  v1::Session second;
  ASSERT_TRUE(Create("alice", "", &first).ok() && Create("alice", "", &second).ok());
  EXPECT_FALSE(first.id().empty());
  EXPECT_NE(first.id(), second.id());
}

TEST_F(SessionsServiceTest, TenantsDoNotSeeEachOther) {
  ASSERT_TRUE(Create("alice", "chat").ok());
  v1::GetSessionResponse response;
  EXPECT_TRUE(HasReason(Get("bob", "chat", &response), Reason::kSessionNotFound));
  EXPECT_TRUE(HasReason(Get("mallory", "chat", &response), Reason::kBadToken));
  ASSERT_TRUE(Create("bob", "chat").ok());
  v1::ListSessionsResponse list;
  ASSERT_TRUE(As("bob", &v1::Sessions::Stub::ListSessions, v1::ListSessionsRequest(), &list).ok());
  EXPECT_EQ(list.sessions_size(), 1);
}

TEST_F(SessionsServiceTest, ATurnShowsInTheTranscript) {
  ASSERT_TRUE(Create("alice", "chat").ok());
  grpc::ClientContext context;
  testing::Authorize("alice-token", context);
  v1::GenerateRequest request;
  request.set_session("chat");
  request.mutable_tokens()->add_ids(5);
  request.mutable_stopping()->set_max_tokens(3);
  const auto inference = v1::Inference::NewStub(world_->channel());
  auto reader = inference->Generate(&context, request);
  v1::GenerateResponse event;
  while (reader->Read(&event)) {
  }
  ASSERT_TRUE(reader->Finish().ok());
  v1::GetSessionResponse response;
  ASSERT_TRUE(Get("alice", "chat", &response).ok());
  EXPECT_EQ(response.session().turns(), 1);
  EXPECT_EQ(response.session().position(), 4);
  EXPECT_EQ(response.session().worker(), "fake");
  ASSERT_EQ(response.transcript_size(), 1);
  EXPECT_EQ(response.transcript(0).token_ids_size(), 4);
  EXPECT_EQ(response.transcript(0).output_tokens(), 3);
}

TEST_F(SessionsServiceTest, PagesFollowEachOther) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(Create("alice", id).ok());
  v1::ListSessionsRequest request;
  v1::ListSessionsResponse page;
  request.set_page_size(2);
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::ListSessions, request, &page).ok());
  ASSERT_EQ(page.sessions_size(), 2);
  request.set_page_token(page.next_page_token());
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::ListSessions, request, &page).ok());
  ASSERT_EQ(page.sessions_size(), 1);
  EXPECT_EQ(page.sessions(0).id(), "c");
  EXPECT_EQ(page.next_page_token(), "");
  request.set_page_size(-1);
  EXPECT_EQ(FieldOf(As("alice", &v1::Sessions::Stub::ListSessions, request, &page)), "page_size");
}

TEST_F(SessionsServiceTest, FieldsAreHeldToTheirRules) {
  v1::GetSessionResponse response;
  EXPECT_EQ(FieldOf(Get("alice", "a b", &response)), "id");
  EXPECT_EQ(FieldOf(Create("alice", "a/b")), "id");
  v1::CreateSessionRequest request;
  v1::CreateSessionResponse made;
  request.mutable_lease()->set_seconds(-1);
  EXPECT_EQ(FieldOf(As("alice", &v1::Sessions::Stub::CreateSession, request, &made)), "lease");
  request.Clear();
  request.mutable_pin()->set_kind(v1::GUARANTEED);
  EXPECT_EQ(FieldOf(As("alice", &v1::Sessions::Stub::CreateSession, request, &made)),
            "pin.budget_tokens");
}

TEST_F(SessionsServiceTest, APinIsAnsweredWithItsVerdictAndShown) {
  v1::CreateSessionRequest request;
  request.set_id("a");
  request.mutable_pin()->set_kind(v1::GUARANTEED);
  request.mutable_pin()->set_budget_tokens(64);
  v1::CreateSessionResponse made;
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::CreateSession, request, &made).ok());
  EXPECT_EQ(made.verdict(), v1::DEFERRED);
  EXPECT_EQ(made.session().pin().budget_tokens(), 64);
  v1::UpdateSessionRequest update;
  update.set_id("a");
  update.mutable_pin()->set_kind(v1::BEST_EFFORT);
  update.set_outlook(v1::CLOSED);
  v1::UpdateSessionResponse changed;
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::UpdateSession, update, &changed).ok());
  EXPECT_EQ(changed.verdict(), v1::ACCEPTED);
  EXPECT_EQ(changed.session().pin().kind(), v1::BEST_EFFORT);
  EXPECT_EQ(changed.session().outlook(), v1::CLOSED);
}

TEST_F(SessionsServiceTest, ForkAndTruncateAnswerTheSession) {
  v1::CreateSessionRequest request;
  request.set_id("a");
  v1::CreateSessionResponse made;
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::CreateSession, request, &made).ok());
  v1::ForkSessionRequest fork;
  fork.set_id("a");
  fork.set_new_id("b");
  v1::ForkSessionResponse forked;
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::ForkSession, fork, &forked).ok());
  EXPECT_EQ(forked.session().id(), "b");
  EXPECT_TRUE(HasReason(As("alice", &v1::Sessions::Stub::ForkSession, fork, &forked),
                        Reason::kSessionExists));
  v1::TruncateSessionRequest truncate;
  truncate.set_id("a");
  truncate.set_position(1);
  v1::TruncateSessionResponse truncated;
  EXPECT_EQ(FieldOf(As("alice", &v1::Sessions::Stub::TruncateSession, truncate, &truncated)),
            "position");
  EXPECT_TRUE(HasReason(As("bob", &v1::Sessions::Stub::TruncateSession, truncate, &truncated),
                        Reason::kSessionNotFound));
}

TEST_F(SessionsServiceTest, WhatIsExportedIsImportedUnderAnotherName) {
  v1::CreateSessionRequest request;
  request.set_id("a");
  v1::CreateSessionResponse made;
  ASSERT_TRUE(As("alice", &v1::Sessions::Stub::CreateSession, request, &made).ok());
  grpc::ClientContext context;
  testing::Authorize("alice-token", context);
  v1::ExportSessionRequest ask;
  ask.set_id("a");
  auto reader = stub_->ExportSession(&context, ask);
  v1::ExportSessionResponse part;
  grpc::ClientContext import_context;
  testing::Authorize("bob-token", import_context);
  v1::ImportSessionResponse imported;
  auto writer = stub_->ImportSession(&import_context, &imported);
  v1::ImportSessionRequest message;
  message.set_id("moved");
  while (reader->Read(&part)) {
    *message.mutable_part() = part.part();
    EXPECT_TRUE(writer->Write(message));
  }
  EXPECT_TRUE(reader->Finish().ok());
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(imported.session().id(), "moved");
}

TEST_F(SessionsServiceTest, AnImportWithoutItsEndLeavesNothing) {
  grpc::ClientContext context;
  testing::Authorize("alice-token", context);
  v1::ImportSessionResponse imported;
  auto writer = stub_->ImportSession(&context, &imported);
  v1::ImportSessionRequest message;
  message.set_id("half");
  auto* header = message.mutable_part()->mutable_header();
  header->set_version(1);
  header->set_model("fake");
  header->mutable_shape()->set_fingerprint("f");
  header->mutable_lease()->set_seconds(60);
  writer->Write(message);
  writer->WritesDone();
  EXPECT_EQ(FieldOf(Of(writer->Finish())), "part");
  v1::GetSessionRequest get;
  get.set_id("half");
  v1::GetSessionResponse got;
  EXPECT_TRUE(HasReason(As("alice", &v1::Sessions::Stub::GetSession, get, &got),
                        Reason::kSessionNotFound));
}

}  // namespace
}  // namespace pintle

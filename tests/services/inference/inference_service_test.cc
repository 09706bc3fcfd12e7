// SPDX-License-Identifier: Apache-2.0
#include "services/inference/inference_service.h"

#include <memory>
#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::FieldOf;
using testing::Of;
using testing::ServiceWorld;

class InferenceServiceTest : public ::testing::Test {
 protected:
  absl::Status Tokenize(const v1::TokenizeRequest& request, v1::TokenizeResponse* response) {
    grpc::ClientContext context;
    return Of(stub_->Tokenize(&context, request, response));
  }
  absl::Status Cancel(const v1::CancelGenerateRequest& request,
                      v1::CancelGenerateResponse* response) {
    grpc::ClientContext context;
    return Of(stub_->CancelGenerate(&context, request, response));
  }

  ServiceWorld world_;
  std::unique_ptr<v1::Inference::Stub> stub_ = v1::Inference::NewStub(world_.channel());
};

TEST_F(InferenceServiceTest, ModelsAreListed) {
  grpc::ClientContext context;
  v1::ListModelsResponse response;
  ASSERT_TRUE(stub_->ListModels(&context, v1::ListModelsRequest(), &response).ok());
  ASSERT_EQ(response.models_size(), 1);
  EXPECT_EQ(response.models(0).name(), "fake");
  EXPECT_EQ(response.models(0).context_tokens(), 4096);
}

TEST_F(InferenceServiceTest, TextIsTokenized) {
  v1::TokenizeRequest request;
  request.mutable_prompt()->set_text("ab");
  v1::TokenizeResponse response;
  ASSERT_TRUE(Tokenize(request, &response).ok());
  EXPECT_EQ(response.token_ids_size(), 2);
  EXPECT_EQ(response.text(), "text");
}

TEST_F(InferenceServiceTest, TokenizingIsHeldToTheSameLimits) {
  v1::TokenizeRequest request;
  v1::TokenizeResponse response;
  EXPECT_EQ(FieldOf(Tokenize(request, &response)), "input");
  request.mutable_prompt()->set_text(std::string(10 << 20, 'x'));
  EXPECT_TRUE(HasReason(Tokenize(request, &response), Reason::kPromptTooLong));
  request.mutable_prompt()->set_text("fail");
  EXPECT_TRUE(HasReason(Tokenize(request, &response), Reason::kTemplateFailed));
}

TEST_F(InferenceServiceTest, CancellingNothingNamesTheProblem) {
  v1::CancelGenerateRequest request;
  v1::CancelGenerateResponse response;
  EXPECT_TRUE(HasReason(Cancel(request, &response), Reason::kInvalidField));
  request.set_request_id("never-ran");
  ASSERT_TRUE(Cancel(request, &response).ok());
  EXPECT_FALSE(response.found());
  request.set_keep(static_cast<v1::Keep>(9));
  EXPECT_EQ(FieldOf(Cancel(request, &response)), "keep");
}

}  // namespace
}  // namespace pintle

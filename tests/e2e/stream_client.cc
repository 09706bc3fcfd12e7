// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/stream_client.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle {
namespace {

// A session is left for a fresh one after so many turns, so that its context, and with it the cost
// of a step, stays alike from run to run.
constexpr int kTurnsPerSession = 4;
constexpr int kPromptTokens = 16;

}  // namespace

// One Generate call.
class SessionStream::Turn final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  Turn(SessionStream& owner, std::vector<TokenId> prompt)
      : owner_(owner), prompt_(std::move(prompt)) {}

  void Begin() {
    request_.set_session(owner_.session_);
    for (const TokenId token : prompt_) request_.mutable_tokens()->add_ids(token);
    request_.mutable_sampling()->set_temperature(0);
    request_.mutable_stopping()->set_max_tokens(owner_.tokens_);
    request_.mutable_stopping()->set_ignore_eos(true);
    owner_.inference_->async()->Generate(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_chunk()) {
      const v1::Chunk& chunk = response_.chunk();
      ok_ = ok_ && chunk.first_index() == static_cast<int>(output_.size());
      output_.insert(output_.end(), chunk.token_ids().begin(), chunk.token_ids().end());
      owner_.totals_.tokens += chunk.token_ids_size();
    }
    finished_ = finished_ || response_.has_finished();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    owner_.TurnEnded(prompt_, output_, ok_ && finished_ && status.ok());
  }

 private:
  SessionStream& owner_;
  const std::vector<TokenId> prompt_;
  grpc::ClientContext context_;
  v1::GenerateRequest request_;
  v1::GenerateResponse response_;
  std::vector<TokenId> output_;
  bool ok_ = true;
  bool finished_ = false;
};

SessionStream::SessionStream(const std::shared_ptr<grpc::Channel>& channel,
                             const FakeDecoder& oracle, std::string name, int tokens,
                             StreamTotals& totals)
    : inference_(v1::Inference::NewStub(channel)),
      sessions_(v1::Sessions::NewStub(channel)),
      oracle_(oracle),
      name_(std::move(name)),
      tokens_(tokens),
      totals_(totals) {}

SessionStream::~SessionStream() = default;

void SessionStream::Start(const std::atomic<bool>& stop) {
  stop_ = &stop;
  FreshSession();
  Next();
}

void SessionStream::FreshSession() {
  // Called between turns only; a blocking call on a callback thread would be wrong in a server, in
  // this client it only delays its own stream.
  grpc::ClientContext delete_context, create_context;
  if (!session_.empty()) {
    v1::DeleteSessionRequest request;
    v1::DeleteSessionResponse response;
    request.set_id(session_);
    sessions_->DeleteSession(&delete_context, request, &response);
  }
  session_ = absl::StrCat(name_, "-", ++generation_);
  context_.clear();
  turn_ = 0;
  v1::CreateSessionRequest request;
  v1::CreateSessionResponse response;
  request.set_id(session_);
  if (!sessions_->CreateSession(&create_context, request, &response).ok()) ++totals_.wrong;
}

void SessionStream::Next() {
  std::vector<TokenId> prompt;
  for (int i = 0; i < kPromptTokens; ++i) {
    // Different for each session and turn, so that sessions share nothing by chance.
    const std::size_t mixed =
        absl::Hash<std::pair<std::string, int>>{}({session_, turn_ * 100 + i});
    prompt.push_back(static_cast<TokenId>(mixed % 256));
  }
  running_ = std::make_unique<Turn>(*this, std::move(prompt));
  running_->Begin();
}

void SessionStream::TurnEnded(const std::vector<TokenId>& prompt,
                              const std::vector<TokenId>& output, bool ok) {
  context_.insert(context_.end(), prompt.begin(), prompt.end());
  if (!ok || output != oracle_.ReferenceTokens(context_, tokens_)) ++totals_.wrong;
  context_.insert(context_.end(), output.begin(), output.end());
  ++totals_.turns;
  if (*stop_) {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    return;
  }
  if (++turn_ >= kTurnsPerSession) FreshSession();
  // The reactor that calls this is replaced only after it has nothing more to do.
  const std::unique_ptr<Turn> last = std::move(running_);
  Next();
}

void SessionStream::Wait() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&ended_));
}

}  // namespace pintle

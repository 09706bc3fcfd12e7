// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/worker_session_kv.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "contract/errors.h"
#include "contract/limits.h"
#include "gtest/gtest.h"
#include "sessions/archive_checksum.h"

namespace pintle {
namespace {

// An engine whose KV of any session is token i = i, 40 of them, 8 bytes each; answers at once.
class CountingEngine final : public EngineKv {
 public:
  void UpdateSession(const SessionKey&, SessionTerms terms, VerdictDone done) override {
    updated = std::move(terms);
    done(PinVerdict::kClipped);
  }
  void ForkSession(const SessionKey&, const SessionKey&, Position tokens, Done done) override {
    forked = tokens;
    done(absl::OkStatus());
  }
  void TruncateSession(const SessionKey&, Position tokens, Done done) override {
    truncated = tokens;
    done(absl::OkStatus());
  }
  void OpenReading(const SessionKey&, Position tokens_max, ReadingDone done) override {
    EngineReading reading;
    reading.number = 1;
    for (TokenId i = 0; i < std::min<Position>(40, tokens_max); ++i) reading.tokens.push_back(i);
    done(std::move(reading));
  }
  void ReadPositions(std::uint64_t, Position, std::int32_t count, BytesDone done) override {
    done(std::string(static_cast<std::size_t>(count) * 8, 'x'));
  }
  void CloseReading(std::uint64_t number) override { closed = number; }
  void Import(EngineImport import, TokensDone done) override {
    imported = std::move(import);
    done(static_cast<Position>(imported.tokens.size()));
  }

  std::optional<SessionTerms> updated;
  Position forked = -1;
  Position truncated = -1;
  std::uint64_t closed = 0;
  EngineImport imported;
};

class WorkerSessionKvTest : public testing::Test {
 protected:
  WorkerSessionKvTest() : kv_(Parts()) {}

  WorkerSessionKv::Parts Parts() {
    WorkerSessionKv::Parts parts;
    parts.engine = &engine_;
    parts.transcripts = &transcripts_;
    parts.clock = &clock_;
    parts.layout = {16, 128, 8, 1, 1, 1, 4};
    parts.model.fingerprint = std::string("f");
    parts.model.kv_dtype = std::string("f32");
    parts.model.context_tokens = 100;
    parts.query_sessions = [this](const std::vector<SessionKey>& keys, auto done) {
      if (busy_) return MakeError(Reason::kQueueFull, "too many messages");
      std::vector<kv::KvSessionStats> known;
      for (const SessionKey& key : keys) {
        if (key.session == SessionId("unknown")) continue;
        known.insert(known.begin(), kv::KvSessionStats());
        known.front().key = key;
        known.front().held_tokens = static_cast<std::int64_t>(key.session.value().size());
      }
      done(std::move(known));
      return absl::OkStatus();
    };
    parts.random = [n = std::uint64_t{0}]() mutable { return ++n; };
    return parts;
  }
  absl::StatusOr<KvTransferId> OpenWrite(KvShape shape, std::size_t tokens) {
    KvWriting writing;
    writing.key = key_;
    writing.shape = std::move(shape);
    writing.tokens.resize(tokens);
    absl::StatusOr<KvTransferId> id;
    kv_.OpenWrite(std::move(writing), [&](auto i) { id = std::move(i); });
    return id;
  }
  absl::Status Write(KvTransferId id, Position first, std::int32_t tokens) {
    KvPortion portion{first, tokens, std::string(static_cast<std::size_t>(tokens) * 8, 'y'), 0};
    portion.checksum = PortionChecksum(portion.data);
    return Write(id, std::move(portion));
  }
  absl::Status Write(KvTransferId id, KvPortion portion) {
    absl::Status status;
    kv_.Write(id, std::move(portion), [&](auto s) { status = std::move(s); });
    return status;
  }
  absl::StatusOr<Position> Finish(KvTransferId id) {
    absl::StatusOr<Position> held;
    kv_.FinishWrite(id, [&](auto h) { held = std::move(h); });
    return held;
  }

  const SessionKey key_{TenantId("t"), SessionId("s")};
  bool busy_ = false;
  ManualClock clock_;
  CountingEngine engine_;
  TranscriptCache transcripts_{10};
  WorkerSessionKv kv_;
};

TEST_F(WorkerSessionKvTest, PortionsFollowEachOtherToTheEnd) {
  absl::StatusOr<KvReading> reading;
  kv_.OpenRead(key_, 100, [&](auto r) { reading = std::move(r); });
  ASSERT_TRUE(reading.ok());
  EXPECT_EQ(reading->tokens, 40);
  EXPECT_EQ(reading->shape, kv_.shape());
  Position next = 0;
  while (next < reading->tokens) {
    absl::StatusOr<KvPortion> portion;
    kv_.Read(reading->transfer, [&](auto p) { portion = std::move(p); });
    ASSERT_TRUE(portion.ok());
    EXPECT_EQ(portion->first, next);
    EXPECT_LE(portion->first % 16 + portion->tokens, 16);
    EXPECT_EQ(portion->checksum, PortionChecksum(portion->data));
    next += portion->tokens;
  }
  absl::Status after;
  kv_.Read(reading->transfer, [&](auto p) { after = p.status(); });
  EXPECT_TRUE(HasReason(after, Reason::kInvalidField));
  kv_.Close(reading->transfer);
  EXPECT_EQ(engine_.closed, 1U);
}

TEST_F(WorkerSessionKvTest, HeldTokensComeInTheOrderAskedForAndUnknownIsNone) {
  const TenantId t("t");
  std::vector<SessionKey> keys = {
      {t, SessionId("abc")}, {t, SessionId("unknown")}, {t, SessionId("ab")}};
  absl::StatusOr<std::vector<std::int64_t>> held;
  kv_.QueryHeld(keys, [&](const auto& h) { held = h; });
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(*held, (std::vector<std::int64_t>{3, 0, 2}));
  busy_ = true;
  kv_.QueryHeld(keys, [&](const auto& h) { held = h; });
  EXPECT_TRUE(HasReason(held.status(), Reason::kQueueFull));
}

TEST_F(WorkerSessionKvTest, TheEngineTakesAnImportOnceAllOfItIsThere) {
  const auto id = OpenWrite(kv_.shape(), 30);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_TRUE(Write(*id, 0, 20).ok());
  EXPECT_TRUE(Write(*id, 20, 10).ok());
  EXPECT_TRUE(engine_.imported.portions.empty());
  EXPECT_EQ(*Finish(*id), 30);
  EXPECT_EQ(engine_.imported.portions.size(), 2U);
  EXPECT_NE(engine_.imported.secret, 0U);
  EXPECT_TRUE(HasReason(Finish(*id).status(), Reason::kInvalidField));
}

TEST_F(WorkerSessionKvTest, GapsDamageAndForeignShapesAreRefused) {
  KvShape other = kv_.shape();
  other.dtype = std::string("bf16");
  EXPECT_TRUE(HasReason(OpenWrite(other, 30).status(), Reason::kFingerprintMismatch));
  EXPECT_TRUE(HasReason(OpenWrite(kv_.shape(), 100).status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(OpenWrite(kv_.shape(), 0).status(), Reason::kInvalidField));
  const auto id = OpenWrite(kv_.shape(), 30);
  EXPECT_TRUE(HasReason(Write(*id, 1, 20), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(Write(*id, 0, 31), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(Write(*id, {0, 2, std::string(16, 'y'), 1}), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(Write(*id, {0, 2, std::string(15, 'y'), PortionChecksum("")}),
                        Reason::kInvalidField));
  EXPECT_TRUE(Write(*id, 0, 20).ok());
  EXPECT_TRUE(HasReason(Finish(*id).status(), Reason::kInvalidField));
  EXPECT_TRUE(engine_.imported.tokens.empty());
}

TEST_F(WorkerSessionKvTest, TransfersAreBoundedAndGivenUpWhenIdle) {
  KvTransferId first = 0;
  for (std::size_t i = 0; i < limits::kTransfers; ++i) {
    const auto id = OpenWrite(kv_.shape(), 30);
    ASSERT_TRUE(id.ok());
    if (first == 0) first = *id;
  }
  EXPECT_TRUE(HasReason(OpenWrite(kv_.shape(), 30).status(), Reason::kQueueFull));
  clock_.Advance(limits::kTransferIdle);
  EXPECT_TRUE(OpenWrite(kv_.shape(), 30).ok());
  EXPECT_TRUE(HasReason(Write(first, 0, 1), Reason::kInvalidField));
}

TEST_F(WorkerSessionKvTest, ForkAndTruncateReachTheEngine) {
  kv_.Fork(key_, {key_.tenant, SessionId("b")}, 7, [](const auto& s) { EXPECT_TRUE(s.ok()); });
  kv_.Truncate(key_, 5, [](const auto& s) { EXPECT_TRUE(s.ok()); });
  EXPECT_EQ(engine_.forked, 7);
  EXPECT_EQ(engine_.truncated, 5);
}

TEST_F(WorkerSessionKvTest, TermsOfTheNewestBindingReachTheEngineAndOlderOnesDoNot) {
  transcripts_.Store(key_, 5, std::make_shared<const std::vector<TranscriptTurn>>());
  SessionTerms terms;
  terms.pin = Pin{.kind = PinKind::kGuaranteed, .budget_tokens = 32};
  absl::StatusOr<PinVerdict> verdict;
  const auto take = [&verdict](absl::StatusOr<PinVerdict> given) { verdict = std::move(given); };
  kv_.Update(key_, 4, terms, take);
  EXPECT_TRUE(HasReason(verdict.status(), Reason::kStaleEpoch));
  EXPECT_FALSE(engine_.updated);
  kv_.Update(key_, 5, terms, take);
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(*verdict, PinVerdict::kClipped);
  EXPECT_EQ(engine_.updated->pin->budget_tokens, 32);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/sessions/front_fixture.h"

// Random histories of the front and its store against a model that is nothing but vectors of ids.
namespace pintle {
namespace {

struct Running {
  std::unique_ptr<TurnStream> stream;
  std::shared_ptr<FakeTurn> fake;
  std::vector<TokenId> prompt;
  std::vector<TokenId> seen;
};

class ModelRun {
 public:
  explicit ModelRun(std::uint32_t seed) : random_(seed), f_(/*answer_at_once=*/false) {}

  void Step() {
    const std::string name(1, static_cast<char>('a' + Pick(6)));
    const auto running = running_.find(name);
    switch (Pick(10)) {
      case 0: return Create(name);
      case 1: return Pick(8) == 0 ? Delete(name) : Check(name);
      case 2: f_.placer.current = static_cast<std::size_t>(Pick(2)); return;
      case 3:
        if (Pick(4) != 0) return Check(name);
        return f_.placer.worker(static_cast<std::size_t>(Pick(2))).ForgetCopies();
      case 4:
        if (running == running_.end()) return Begin(name);
        running_.erase(running);  // the client goes away
        return;
      case 5:
        if (running == running_.end()) return Begin(name);
        return Cancel(name);
      default:
        if (running == running_.end()) return Begin(name);
        return Advance(name);
    }
  }

  void Finish() {
    running_.clear();
    EXPECT_EQ(f_.front.running(), 0U);
    for (const auto& [name, tokens] : model_) Check(name);
    EXPECT_EQ(f_.store.size(), model_.size());
  }
  int commits() const { return commits_; }

 private:
  int Pick(int below) { return static_cast<int>(random_() % static_cast<std::uint32_t>(below)); }
  SessionKey KeyOf(const std::string& name) const { return {f_.tenant, SessionId(name)}; }

  void Create(const std::string& name) {
    NewSession session;
    session.id = SessionId(name);
    session.model = std::string("m");
    const auto made = f_.store.Create(f_.tenant, session);
    EXPECT_EQ(made.ok(), !model_.contains(name));
    model_.try_emplace(name);
  }

  void Delete(const std::string& name) {
    const auto deleted = f_.front.DeleteSession(KeyOf(name));
    EXPECT_EQ(deleted.ok(), model_.contains(name));
    model_.erase(name);
    const auto it = running_.find(name);
    if (it == running_.end()) return;
    EXPECT_TRUE(HasReason(EndOf(Drain(*it->second.stream)), Reason::kSessionDeleted));
    running_.erase(it);
  }

  void Begin(const std::string& name) {
    Running turn;
    for (int i = Pick(4); i >= 0; --i) turn.prompt.push_back(Pick(1000));
    auto stream = f_.Generate(f_.Request(name.c_str(), turn.prompt));
    EXPECT_EQ(stream.ok(), model_.contains(name)) << stream.status();
    if (!stream.ok()) return;
    turn.stream = *std::move(stream);
    turn.fake = f_.placer.worker(f_.placer.current).last();
    running_.emplace(name, std::move(turn));
  }

  void Advance(const std::string& name) {
    Running& turn = running_.at(name);
    const std::size_t starts[] = {f_.placer.worker(0).starts(), f_.placer.worker(1).starts()};
    turn.fake->Step();
    Read(name);
    // Sent again: the hand moves to the new turn.
    const auto it = running_.find(name);
    for (const std::size_t w : {0U, 1U}) {
      if (it != running_.end() && f_.placer.worker(w).starts() > starts[w]) {
        it->second.fake = f_.placer.worker(w).last();
      }
    }
  }

  void Cancel(const std::string& name) {
    const CancelMode mode = Pick(2) ? CancelMode::kRollback : CancelMode::kCommitPartial;
    EXPECT_TRUE(*f_.front.CancelGenerate(f_.tenant, SessionId(name), {}, mode));
    Read(name);
  }

  void Read(const std::string& name) {
    Running& turn = running_.at(name);
    const std::vector<TurnEvent> events = Drain(*turn.stream);
    for (const TokenId token : OutputOf(events)) turn.seen.push_back(token);
    if (events.empty() || !IsLast(events.back())) return;
    if (EndOf(events).ok()) {
      ++commits_;
      std::vector<TokenId>& tokens = model_.at(name);
      tokens.insert(tokens.end(), turn.prompt.begin(), turn.prompt.end());
      const auto expected = FakeAnswer(ExtendTranscriptDigest(kEmptyTranscriptDigest, tokens), 4);
      for (std::size_t i = 0; i < turn.seen.size(); ++i) EXPECT_EQ(turn.seen[i], expected[i]);
      tokens.insert(tokens.end(), turn.seen.begin(), turn.seen.end());
    }
    running_.erase(name);
    Check(name);
  }

  void Check(const std::string& name) {
    const auto stored = f_.store.Get(KeyOf(name));
    ASSERT_EQ(stored.ok(), model_.contains(name));
    if (!stored.ok()) return;
    std::vector<TokenId> tokens;
    for (const TranscriptTurn& turn : stored->transcript.From(0)) {
      tokens.insert(tokens.end(), turn.tokens.begin(), turn.tokens.end());
    }
    EXPECT_EQ(tokens, model_.at(name));
    EXPECT_EQ(stored->running != 0, running_.contains(name));
    EXPECT_EQ(stored->transcript.digest(), ExtendTranscriptDigest(kEmptyTranscriptDigest, tokens));
  }

  std::mt19937 random_;
  FrontFixture f_;
  std::map<std::string, std::vector<TokenId>> model_;
  std::map<std::string, Running> running_;
  int commits_ = 0;
};

TEST(TurnFrontModelTest, RandomHistoriesEqualTheModel) {
  const char* fixed = std::getenv("PINTLE_TEST_SEED");
  const std::uint32_t first = fixed == nullptr ? 1 : static_cast<std::uint32_t>(std::atoi(fixed));
  int commits = 0;
  for (std::uint32_t seed = first; seed < first + (fixed == nullptr ? 30U : 1U); ++seed) {
    SCOPED_TRACE("PINTLE_TEST_SEED=" + std::to_string(seed));
    ModelRun run(seed);
    for (int i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) run.Step();
    run.Finish();
    commits += run.commits();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(commits, 10);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_FAKE_SESSION_KV_H_
#define PINTLE_TESTS_FAKES_FAKE_SESSION_KV_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "contract/session_kv.h"

namespace pintle {

// One worker's KV as token ids: what a session holds is what was put, forked or written. A
// position's content is its token's bytes, in portions of three positions.
// Thread: safe from any thread; answers at once.
class FakeSessionKv final : public SessionKvBackend {
 public:
  void Put(const SessionKey& key, std::vector<TokenId> tokens);
  std::vector<TokenId> Held(const SessionKey& key) const;
  std::size_t open_transfers() const;
  // QueryHeld is not answered while it is.
  void set_silent(bool silent);

  // What Update was told last and did not refuse; what it answers from now on.
  std::optional<SessionTerms> TermsOf(const SessionKey& key) const;
  void Answer(absl::StatusOr<PinVerdict> verdict);

  void Update(const SessionKey& key, Epoch epoch, SessionTerms terms, VerdictDone done) override;
  void Fork(const SessionKey& from, const SessionKey& to, Position position, Done done) override;
  void Truncate(const SessionKey& key, Position position, Done done) override;
  void QueryHeld(std::vector<SessionKey> keys, HeldDone done) override;
  void OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) override;
  void Read(KvTransferId transfer, PortionDone done) override;
  void OpenWrite(KvWriting writing, TransferDone done) override;
  void Write(KvTransferId transfer, KvPortion portion, Done done) override;
  void FinishWrite(KvTransferId transfer, TokensDone done) override;
  void Close(KvTransferId transfer) override;

  // Of fingerprint "f"; 4 bytes a token.
  static KvShape Shape() { return {"f", "f32", 1, 1, 1, 2}; }

 private:
  struct Transfer {
    SessionKey key;
    std::vector<TokenId> tokens;
    std::size_t next = 0;
  };
  mutable absl::Mutex mutex_;
  std::map<SessionKey, std::vector<TokenId>> held_;
  std::map<SessionKey, SessionTerms> terms_;
  absl::StatusOr<PinVerdict> verdict_ = PinVerdict::kAccepted;
  std::map<KvTransferId, Transfer> transfers_;
  KvTransferId next_ = 1;
  bool silent_ = false;
  std::vector<std::pair<std::vector<SessionKey>, HeldDone>> unanswered_;
};

// Every worker is this one.
class OneSessionKv final : public SessionKvDirectory {
 public:
  std::shared_ptr<SessionKvBackend> KvOf(const WorkerId&, Incarnation) override { return kv; }
  std::shared_ptr<SessionKvBackend> KvOfName(const WorkerId&) override { return kv; }

  SessionHome Home() const override { return home; }

  // Where sessions live before their first turn.
  SessionHome home;
  const std::shared_ptr<FakeSessionKv> kv = std::make_shared<FakeSessionKv>();
};

}  // namespace pintle

#endif  // PINTLE_TESTS_FAKES_FAKE_SESSION_KV_H_

# SPDX-License-Identifier: Apache-2.0
"""The small bugs that mutants.py plants, and the test that must turn red for each.

`old` occurs exactly once in `file`; `test` is a GoogleTest filter of `target`, which is built with
the pure rooms alone. Ordered by file, so that neighbours share what is compiled.
"""

import collections

Mutant = collections.namedtuple("Mutant", "name file old new target test")

KV = "worker.kv.kv_test"
POLICIES = "worker.kv.kv_policies_test"
TIER = "worker.tier.tier_test"
TIER_LINK = "worker.engine.tier_link_test"
STORE = "sessions.memory_session_store_test"

MUTANTS = [
    # --- Sessions ---
    Mutant(
        "a changed binding keeps its epoch",
        "sessions/memory_session_store.cc",
        "SessionBinding{worker, incarnation, ++next_epoch_, 0}",
        "SessionBinding{worker, incarnation, next_epoch_, 0}",
        STORE,
        "*/SessionStoreConformance.ChangedBindingRaisesTheEpochAndForgetsWhatWasSynced/*",
    ),
    Mutant(
        "a session runs two turns at once",
        "sessions/memory_session_store.cc",
        "if (session.running != 0) {\n    return MakeError(Reason::kSessionBusy",
        "if (session.running != 0 && expected) {\n    return MakeError(Reason::kSessionBusy",
        STORE,
        "*/SessionStoreConformance.SecondTurnIsBusyUntilTheFirstEnds/*",
    ),
    Mutant(
        "a truncating turn keeps one turn too many",
        "sessions/transcript.cc",
        "rows->assign(rows_->begin(), rows_->begin() + kept);",
        "rows->assign(rows_->begin(), rows_->begin() + (kept < turns() ? kept + 1 : kept));",
        STORE,
        "*/SessionStoreConformance.TurnThatKeepsFewerTurnsTruncates/*",
    ),
    # --- The engine ---
    Mutant(
        "a tier that does not answer is waited for forever",
        "worker/engine/tier_link.cc",
        "!promotion.read[promotion.written] && now >= promotion.deadline;",
        "!promotion.read[promotion.written] && now < absl::ZeroDuration();",
        TIER_LINK,
        "TierLinkTest.ATierThatDoesNotAnswerCostsABoundedTime",
    ),
    Mutant(
        "a read that comes late is taken for its turn's",
        "worker/engine/tier_link.cc",
        "absl::erase_if(tickets_, [id](const auto& ticket) { return ticket.second.turn == id; });",
        "",
        TIER_LINK,
        "TierLinkTest.ATierThatDoesNotAnswerCostsABoundedTime",
    ),
    Mutant(
        "a cancelled turn is committed",
        "worker/engine/turn_table.cc",
        "if (turn.choice(0).kv.valid()) cache_.Rollback(std::move(turn.choice(0).kv), now);",
        "if (turn.choice(0).kv.valid()) {\n"
        "    cache_.CommitTurn(std::move(turn.choice(0).kv), turn.prompt_tokens(), now);\n"
        "  }",
        "worker.engine.engine_sessions_test",
        "EngineSessionsTest.ARolledBackTurnLeavesTheSessionExactlyAsItWas",
    ),
    Mutant(
        "a commit keeps what the transcript does not have",
        "worker/engine/turn_table.cc",
        "static_cast<Position>(ours - output.begin());",
        "static_cast<Position>(std::max(ours - output.begin(), output.end() - output.begin()));",
        "worker.engine.engine_sessions_test",
        "EngineSessionsTest.CommitKeepsOnlyWhatEqualsTheTranscript",
    ),
    Mutant(
        "a preempted turn publishes its tokens again",
        "worker/engine/turn_table.cc",
        "turn.choice(i).refusals = 0;",
        "turn.choice(i).tokens = turn.request().prompt;",
        "worker.engine.engine_equality_test",
        "*/EngineEqualityTest.PreemptedEqualsNotPreempted/*",
    ),
    # --- The KV cache: hashes and the index ---
    Mutant(
        "a hash forgets its namespace",
        "worker/kv/block_hash.cc",
        "return Cut(WideRoot(name));",
        "return Cut(WideRoot(name.substr(0, 0)));",
        KV,
        "BlockHashTest.KeyNamespaceHistoryTokensAndLengthAllCount",
    ),
    Mutant(
        "the event log loses an event when it wraps around",
        "worker/kv/event_log.cc",
        "if (size_ == ring_.size()) {",
        "if (size_ + 1 == ring_.size()) {",
        KV,
        "EventLogTest.OverflowShowsAsAGapAndIsCounted",
    ),
    Mutant(
        "the event log hides what it lost",
        "worker/kv/event_log.cc",
        "    ++lost_;\n",
        "",
        KV,
        "EventLogTest.OverflowShowsAsAGapAndIsCounted",
    ),
    Mutant(
        "a tail is never told of",
        "worker/kv/event_log.cc",
        "const Hash128* /*hash*/) { Tell(block); }",
        "const Hash128* /*hash*/) { OpenOf(block) = -1; }",
        KV,
        "EventLogTest.AFullBlockIsToldAtOnceAndATailWhenItsTurnLetsGo",
    ),
    Mutant(
        "a regret is charged twice",
        "worker/kv/ghost_list.cc",
        "  const Ghost ghost = At(slot).ghost;\n  Forget(slot);\n",
        "  const Ghost ghost = At(slot).ghost;\n",
        KV,
        "RegretMeterTest.TheHistoryOfAnEvictedSessionIsChargedToItsReasonOnce",
    ),
    Mutant(
        "ghosts forgotten for want of room are not counted",
        "worker/kv/ghost_list.cc",
        "    overflow_tokens_ += At(oldest_).ghost.tokens;\n",
        "",
        KV,
        "GhostListTest.OverflowForgetsTheOldestAndCountsItsTokens",
    ),
    Mutant(
        "a parent is not told that its child is gone",
        "worker/kv/holdings.cc",
        "  } else {\n    --pool[it.parent].children;\n",
        "  } else {\n",
        KV,
        "HoldingsTest.ABlockNobodyNeedsIsFreedAndItsParentsAfterIt",
    ),
    Mutant(
        "a partly used tail is not trimmed",
        "worker/kv/holdings.cc",
        "  TrimToUse(block, reason);\n  it.last_use = now;",
        "  it.last_use = now;",
        KV,
        "KvCacheTurnsTest.RollbackRestoresThePreviousTurnExactly",
    ),
    Mutant(
        "a source of a copy is freed under its reader",
        "worker/kv/holdings.cc",
        "  ++pool[block].source_refs;\n",
        "",
        KV,
        "HoldingsTest.ASourceOfACopyIsNotFreed",
    ),
    Mutant(
        "the source of a copy stays referenced",
        "worker/kv/holdings.cc",
        "  --pool[block].source_refs;\n",
        "",
        KV,
        "KvCacheTurnsTest.TheSourceOfACopyIsLetGoOnceTheCopyIsWritten",
    ),
    Mutant(
        "a truncation is off by one block",
        "worker/kv/kv_cache_sessions.cc",
        "const std::int32_t last = BlocksFor(keep) - 1;",
        "const std::int32_t last = BlocksFor(keep);",
        KV,
        "KvCacheTest.TruncationForgetsTheRest",
    ),
    Mutant(
        "a fork shares the turn that its source runs",
        "worker/kv/kv_cache_sessions.cc",
        "const Position keep = std::clamp<Position>(tokens, 0, it.held);\n"
        "  sessions[target].last_use",
        "const Position keep = std::clamp<Position>(\n"
        "      tokens, 0, it.running == -1 ? it.held : sequences_[it.running].tokens);\n"
        "  sessions[target].last_use",
        KV,
        "KvCacheSessionsTest.AForkTakesTheLastCommittedStateOfARunningSource",
    ),
    Mutant(
        "a rewind is off by one block",
        "worker/kv/kv_cache_turns.cc",
        "DropTable(slot, BlocksFor(total_tokens), KvReason::kRolledBack, now);",
        "DropTable(slot, BlocksFor(total_tokens) + 1, KvReason::kRolledBack, now);",
        KV,
        "KvCacheTurnsTest.CommitKeepsOnlyWhatItIsTold",
    ),
    Mutant(
        "a rolled back turn keeps its reservation",
        "worker/kv/kv_cache_turns.cc",
        "  reserved_ -= it.reserved;\n",
        "",
        KV,
        "KvCacheTurnsTest.CancelStormsLeaveEveryBlockFreeOrEvictable",
    ),
    Mutant(
        "the ledger books a rollback as overwritten",
        "worker/kv/kv_cache_turns.cc",
        "holdings_.Detach(it.session, it.tokens - it.own, KvReason::kRolledBack);",
        "holdings_.Detach(it.session, it.tokens - it.own, KvReason::kOverwritten);",
        KV,
        "KvCacheTurnsTest.RollbackRestoresThePreviousTurnExactly",
    ),
    Mutant(
        "two choices write into one block",
        "worker/kv/kv_cache_turns.cc",
        "return tail.filled > used || tail.table_refs > 1;",
        "return tail.filled > used;",
        KV,
        "KvCacheTurnsTest.AForkSharesAllAndCopiesOnlyThePartialBlock",
    ),
    Mutant(
        "a preempted turn's blocks are thrown away",
        "worker/kv/kv_cache_turns.cc",
        "  MarkPreempted(slot);\n",
        "",
        KV,
        "KvCacheTurnsTest.APreemptedTurnFindsItsBlocksAgainUnlessTheyWereTaken",
    ),
    # --- The KV cache: policies ---
    Mutant(
        "a proposal ignores what is on offer",
        "worker/kv/leaf_walk.cc",
        "if (!offer(leaf.block)) {",
        "if (!offer(leaf.block) && n < 0) {",
        POLICIES,
        "LeafWalkTest.AKeptBlockKeepsItsAncestors",
    ),
    Mutant(
        "lfu never counts",
        "worker/kv/lfu_policy.cc",
        "  ++uses_[static_cast<std::size_t>(block)];\n",
        "",
        POLICIES,
        "LfuPolicyTest.TheLeastUsedGoesFirstHoweverRecent",
    ),
    Mutant(
        "the index forgets the namespace",
        "worker/kv/prefix_index.cc",
        "|| block.space != space) continue;",
        "|| space < 0) continue;",
        KV,
        "PrefixIndexTest.EqualHashesAreToldApartByTokensParentAndNamespace",
    ),
    Mutant(
        "the index trusts a hash without its tokens",
        "worker/kv/prefix_index.cc",
        "if (std::equal(tokens.begin(), tokens.end(), pool_.TokensOf(at).begin())) return at;",
        "if (!tokens.empty()) return at;",
        "worker.kv.kv_cache_model_test",
        "*/KvCacheModelTest.AFourBitHashGivesNoWrongBlock/*",
    ),
    Mutant(
        "a whole prompt is taken from the cache",
        "worker/kv/prefix_matcher.cc",
        "const std::int32_t limit = size - 1;",
        "const std::int32_t limit = size;",
        KV,
        "PrefixMatcherTest.TheLastTokenIsAlwaysLeft",
    ),
    Mutant(
        "what was found is charged as regret",
        "worker/kv/regret_meter.cc",
        "Position covered = std::max(start, lookup.found);",
        "Position covered = start;",
        KV,
        "RegretMeterTest.WhatCameBackByAnImportIsNotCharged",
    ),
    Mutant(
        "a sample's distances are not scaled",
        "worker/kv/reuse_sampler.cc",
        "static_cast<double>(Later(times_[static_cast<std::size_t>(slot)])) / rate();",
        "static_cast<double>(Later(times_[static_cast<std::size_t>(slot)]));",
        KV,
        "ReuseSamplerTest.ASampleIsWithinThreeHundredthsOfTheExactRatio",
    ),
    Mutant(
        "s3fifo promotes nothing",
        "worker/kv/s3fifo_policy.cc",
        "if (uses >= (take_small ? kUsesToMove : 1)) {",
        "if (uses >= (take_small ? kUsesMax + kUsesToMove : 1)) {",
        POLICIES,
        "S3FifoPolicyTest.OneHitWondersLeaveThroughTheSmallQueue",
    ),
    Mutant(
        "session_aware ignores that a session closed",
        "worker/kv/session_aware_policy.cc",
        "  if (facts.outlook == SessionOutlook::kClosed) {\n    own.group.claim",
        "  if (facts.sessions < 0) {\n    own.group.claim",
        "worker.kv.session_aware_test",
        "SessionAwarePolicyTest.AClosedSessionGoesBeforeEveryOpenOne",
    ),
    # --- The tier below ---
    Mutant(
        "a block's checksum is not verified",
        "worker/tier/disk_block_store.cc",
        "if (SumOf(bytes) != content_sum) {",
        "if (SumOf(bytes) != content_sum && bytes.empty()) {",
        TIER,
        "DiskBlockStoreTest.AnyFlippedBitOfASlotIsFound",
    ),
    Mutant(
        "another model's file is taken up",
        "worker/tier/disk_block_store.cc",
        "std::memcmp(&found, &wanted, sizeof(found)) != 0;",
        "found.magic != wanted.magic;",
        TIER,
        "DiskBlockStoreTest.AnotherModelsFileIsEmptied",
    ),
    Mutant(
        "a damaged block is served",
        "worker/tier/lower_tier.cc",
        "const bool same = done.status.ok() && done.label.hash == it.hash &&",
        "const bool same = done.label.hash == it.hash &&",
        TIER,
        "LowerTierTest.ADamagedBlockIsAMissAndForgotten",
    ),
    Mutant(
        "another key's blocks are taken up after a restart",
        "worker/tier/lower_tier.cc",
        "    if (label.hash != hash_.WideExtend(label.parent, label.tokens)) continue;\n",
        "",
        TIER,
        "LowerTierTest.WhatAnotherKeyHasHashedIsNotTakenUp",
    ),
    Mutant(
        "a read overtakes the write it waits for",
        "worker/tier/store_queue.cc",
        "if (first && !awaited_.contains(job.done.slot)) {",
        "if (first) {",
        TIER,
        "StoreQueueTest.AReadSeesWhatWasToBeWrittenBeforeIt",
    ),
    Mutant(
        "the tier trusts a hash without its tokens",
        "worker/tier/tier_index.cc",
        "return slot != -1 && TokensOf(slot) == tokens ? slot : -1;",
        "return tokens.empty() ? -1 : slot;",
        TIER,
        "TierIndexTest.FindsByHashAndComparesTokens",
    ),
    Mutant(
        "a slot is used again while it is read",
        "worker/tier/tier_index.cc",
        "    busy_tokens_ -= it.tokens;\n    return;\n  }\n  it.used = false;\n"
        "  free_.push_back(slot);\n}\n\nvoid TierIndex::Occupy",
        "    busy_tokens_ -= it.tokens;\n  }\n  it.used = false;\n"
        "  free_.push_back(slot);\n}\n\nvoid TierIndex::Occupy",
        TIER,
        "LowerTierTest.ASlotForgottenWhileItIsReadIsFreedAfterwards",
    ),
    Mutant(
        "a block about to be read makes room",
        "worker/tier/tier_index.cc",
        "if ((*this)[leaf].busy == 0) return leaf;",
        "return leaf;",
        TIER,
        "LowerTierTest.ABlockAboutToBeReadIsNoVictim",
    ),
]

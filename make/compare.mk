# SPDX-License-Identifier: Apache-2.0
# Beside other engines, in one run; each line prints figure, bound and PASS, FAIL or NOT RUN.
COMPARE := python3 bench/compare/compare.py --bin $(RELEASE)/bin
COMPARE_FLAGS ?=

.PHONY: bench-compare bench-compare-setup bench-compare-synthetic bench-compare-tools
.PHONY: show-decode show-batch show-prefill show-chat show-synthetic

## bench-compare-setup: llama.cpp, vLLM and transformers beside us, in .deps/compare (7 GiB)
bench-compare-setup:
	@scripts/setup.sh model
	@python3 bench/compare/setup/install.py

## bench-compare-synthetic: the 1.1B Llama of random weights for show-synthetic (6 GiB)
bench-compare-synthetic: bench-compare-setup
	@python3 bench/compare/setup/install.py synthetic

# A peer that cannot be set up is named by the comparison, whose lines then fail as NOT RUN.
bench-compare-tools: build
	@scripts/setup.sh e2e
	@python3 bench/compare/setup/install.py || true

## bench-compare: all of it beside llama.cpp, vLLM and transformers; build/compare.json and .svg
bench-compare: bench-compare-tools
	@$(COMPARE) --json build/compare.json --svg build/compare.svg $(COMPARE_FLAGS)

## show-decode: one stream against llama.cpp (bf16, 4,096 cached, int8) and the read bandwidth
show-decode: bench-compare-tools
	@$(COMPARE) --only decode $(COMPARE_FLAGS)

## show-batch: 8 and 32 streams against the best peer, 64 against 32
show-batch: bench-compare-tools
	@$(COMPARE) --only batch $(COMPARE_FLAGS)

## show-prefill: prompts of 512 and 4,096 tokens against the best peer; int8 x int8 against bf16
show-prefill: bench-compare-tools
	@$(COMPARE) --only prefill $(COMPARE_FLAGS)

## show-chat: 1, 8 and 16 conversations of six turns against the servers of llama.cpp and vLLM
show-chat: bench-compare-tools
	@$(COMPARE) --only chat $(COMPARE_FLAGS)

## show-synthetic: decode, batch and prefill of a 1.1B Llama, against bounds of its own
show-synthetic: bench-compare-tools
	@python3 bench/compare/setup/install.py synthetic || true
	@$(COMPARE) --synthetic $(COMPARE_FLAGS)

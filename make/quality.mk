# SPDX-License-Identifier: Apache-2.0
.PHONY: show-quality show-parity-isa

## show-quality: agreement with f32 and perplexity of every type of weights and KV on a fixed text
show-quality: build
	@$(RELEASE)/bin/pintle-bench-quality --model models/SmolLM2-135M-Instruct \
	  --text bench/data/opticks.txt --threads $(JOBS) $(QUALITY_FLAGS)

## show-parity-isa: the parity tests on every kernel path of this processor, each forced
show-parity-isa: build
	@scripts/show/parity_isa.sh $(RELEASE)/tests

# SPDX-License-Identifier: Apache-2.0
BENCH_PYTHON ?= .deps/compare/venv/bin/python
BENCH_MODEL ?= models/SmolLM2-135M-Instruct
BENCH_FLAGS ?= --threads 2

.PHONY: bench show-bench bench-setup

# transformers in a virtual environment of its own; never a dependency of the product.
bench-setup:
	@python3 bench/compare/setup/install.py python

## bench: prefill and decode speed beside transformers, interleaved in one run
bench: build bench-setup
	@$(BENCH_PYTHON) bench/peers/compare.py --binary $(RELEASE)/bin/pintle-bench-decode \
	  --model $(BENCH_MODEL) $(BENCH_FLAGS)

## show-bench: decode >= 2x (1 stream) and >= 4x (32) transformers; with KV cache >= 6x without
show-bench: build bench-setup
	@$(BENCH_PYTHON) bench/peers/compare.py --binary $(RELEASE)/bin/pintle-bench-decode \
	  --model $(BENCH_MODEL) $(BENCH_FLAGS) --check

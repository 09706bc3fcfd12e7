# SPDX-License-Identifier: Apache-2.0

.PHONY: show-ledgers show-expected-hit
## show-ledgers: a minute of churn without and one with a disk tier, 100,000 cancels: no ledger is off
show-ledgers: build
	@scripts/setup.sh test
	@PINTLE_BIN=$(RELEASE)/bin PINTLE_MODEL=models/SmolLM2-135M-Instruct PYTHONDONTWRITEBYTECODE=1 \
	  .deps/venv-e2e/bin/python tests/e2e/show_ledgers.py
	@scripts/show/cancels.sh $(RELEASE)/tests/worker.engine.engine_cancels_test 100000

## show-expected-hit TRACE=FILE: the sampled hit ratio of LRU against the exact one, at six capacities
show-expected-hit: build
	@scripts/show/expected_hit.sh $(RELEASE)/tests/show_expected_hit "$(TRACE)"

# SPDX-License-Identifier: Apache-2.0
# Figures of the KV cache's bookkeeping; each prints figure, bound and PASS or FAIL.

.PHONY: show-cache-ops show-plan
# STEP_MS overrides the decode step that bookkeeping is compared with.
STEP_MS ?= 5
POLICY ?= all
## show-cache-ops: ns per cache operation at 10^3..10^6 blocks, its growth, a policy's share of a step
show-cache-ops: build
	@$(RELEASE)/bin/pintle-bench-cache --policy $(POLICY) --step-ms $(STEP_MS) --check

## show-plan: `pintle plan` equals what a worker allocates, for three models
show-plan: build
	@python3 scripts/show/plan.py $(RELEASE)/bin .

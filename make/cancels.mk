# SPDX-License-Identifier: Apache-2.0

.PHONY: show-cancels show-engine-streams
CANCELS ?= 10000
## show-cancels [CANCELS=10000]: random cancels leave no block in use or reserved, no stream hanging
show-cancels: build
	@scripts/show/cancels.sh $(RELEASE)/tests/worker.engine.engine_cancels_test $(CANCELS)

## show-engine-streams: 200 sessions x 256 tokens on one engine, then beside a reader that stopped
show-engine-streams: build
	@$(RELEASE)/tests/show_engine_streams

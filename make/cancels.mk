# SPDX-License-Identifier: Apache-2.0

.PHONY: show-cancels show-engine-streams
## show-cancels: 10,000 random cancels leave no block in use, reserved or pinned and no stream hanging
show-cancels: build
	@scripts/show/cancels.sh $(RELEASE)/tests/worker.engine.engine_cancels_test

## show-engine-streams: 200 sessions x 256 tokens on one engine, then beside a reader that stopped
show-engine-streams: build
	@$(RELEASE)/tests/show_engine_streams

# SPDX-License-Identifier: Apache-2.0
# Figures over real processes; each prints figure, bound and PASS or FAIL and exits accordingly.

.PHONY: show-demo show-streams show-lost-worker
## show-demo: turn 2 of the demo against the same prompt cold
show-demo: build
	@scripts/demo.sh --check

## show-streams: 200 streams over gRPC on one fake worker, then beside a reader that stopped
show-streams: build
	@scripts/show/streams.sh $(RELEASE)/bin

## show-lost-worker: a worker killed and a worker stopped; streams, rollback, the next turns
show-lost-worker: build
	@scripts/setup.sh test
	@PINTLE_BIN=$(RELEASE)/bin PINTLE_MODEL=models/SmolLM2-135M-Instruct PYTHONDONTWRITEBYTECODE=1 \
	  .deps/venv-e2e/bin/python tests/e2e/show_lost_worker.py

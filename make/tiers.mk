# SPDX-License-Identifier: Apache-2.0
# The tier below the device, over real processes; each prints figure, bound and PASS or FAIL.

.PHONY: show-disk-restart show-ttft
## show-disk-restart: a worker stopped and killed goes on from its disk tier, token for token
show-disk-restart: build
	@scripts/setup.sh test
	@PINTLE_BIN=$(RELEASE)/bin PINTLE_MODEL=models/SmolLM2-135M-Instruct PYTHONDONTWRITEBYTECODE=1 \
	  .deps/venv-e2e/bin/python tests/e2e/show_disk_restart.py

## show-ttft: time to first token of 32 new tokens: history in memory, on disk, nowhere
show-ttft: build
	@scripts/setup.sh test
	@PINTLE_BIN=$(RELEASE)/bin PINTLE_MODEL=models/SmolLM2-135M-Instruct PYTHONDONTWRITEBYTECODE=1 \
	  .deps/venv-e2e/bin/python tests/e2e/show_ttft.py

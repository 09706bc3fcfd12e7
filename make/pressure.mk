# SPDX-License-Identifier: Apache-2.0
# Sessions that do not fit: what the policies and the disk tier save, seen by the clients.
.PHONY: show-pressure
## show-pressure: 40 sessions over a pool for half their KV: lru, session_aware, without and with disk
show-pressure: build
	@scripts/setup.sh test
	@PINTLE_BIN=$(RELEASE)/bin PINTLE_MODEL=models/SmolLM2-135M-Instruct PYTHONDONTWRITEBYTECODE=1 \
	  .deps/venv-e2e/bin/python tests/e2e/show_pressure.py

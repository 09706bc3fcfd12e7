# SPDX-License-Identifier: Apache-2.0

.PHONY: show-export
## show-export: a session exported from one worker and imported into another answers bit for bit
show-export: build
	@scripts/setup.sh test
	@PINTLE_BIN=$(RELEASE)/bin PINTLE_MODEL=models/SmolLM2-135M-Instruct PYTHONDONTWRITEBYTECODE=1 \
	  .deps/venv-e2e/bin/python tests/e2e/show_export.py

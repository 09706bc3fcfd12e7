# SPDX-License-Identifier: Apache-2.0
.PHONY: show-speculation

## show-speculation: drafts from the text itself: quoting, editing, and free text beside without
show-speculation: build
	@$(RELEASE)/bin/pintle-bench-speculation --model models/SmolLM2-135M-Instruct --threads $(JOBS)

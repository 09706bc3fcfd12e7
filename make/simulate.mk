# SPDX-License-Identifier: Apache-2.0
# The policy laboratory on a recorded trace, which the caller brings: make show-simulate TRACE=FILE

.PHONY: show-simulate
## show-simulate: hit ratios on TRACE=FILE against published ones and session_aware against LRU
ifndef TRACE
show-simulate:
	@echo "show-simulate: NOT RUN (give TRACE=FILE, the Mooncake FAST'25 conversation trace)"
	@exit 1
else
show-simulate: build
	@python3 scripts/show/simulate.py $(RELEASE)/bin/pintle "$(TRACE)"
endif

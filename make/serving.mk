# SPDX-License-Identifier: Apache-2.0
# What serving costs beside computing; SERVING_FLAGS are passed to the scripts (--rounds, --threads).
.PHONY: show-relay show-server-share show-latency show-start bench-profile
SERVING_MODEL ?= models/SmolLM2-135M-Instruct
serving = PYTHONDONTWRITEBYTECODE=1 python3 bench/serving/$(1) --binaries $(RELEASE)/bin --model $(SERVING_MODEL) \
  --threads $(JOBS) $(SERVING_FLAGS)

## show-relay: the coordinator's CPU per relayed token, and what it adds to the latencies
show-relay: build
	@$(call serving,relay.py)

## show-server-share: decode speed of 32 streams over gRPC against the bare engine
show-server-share: build
	@$(call serving,server_share.py)

## show-latency: inter-token latency of 8 streams while a 4,096-token prompt is computed
show-latency: build
	@$(call serving,latency.py)

## show-start: seconds from start to SERVING, and what is resident after the first turns
show-start: build
	@$(call serving,start.py)

## bench-profile: where a step's time goes by phase, and a server's by thread
bench-profile: build
	@$(RELEASE)/bin/pintle-bench-profile --model $(SERVING_MODEL) --threads $(JOBS)
	@$(call serving,server_share.py)

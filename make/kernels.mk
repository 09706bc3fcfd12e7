# SPDX-License-Identifier: Apache-2.0
.PHONY: bench-kernels

## bench-kernels: every CPU kernel against the read bandwidth and the bf16 peak of the same run
bench-kernels: build
	@$(RELEASE)/bin/pintle-bench-kernels --threads $(JOBS) $(KERNEL_FLAGS)

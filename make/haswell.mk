# SPDX-License-Identifier: Apache-2.0
.PHONY: show-haswell

## show-haswell: every tiny model answers as transformers does on an emulated AVX2-only processor
show-haswell: build
	@command -v qemu-x86_64 > /dev/null || { echo "qemu-x86_64 is missing: apt-get install qemu-user"; exit 1; }
	@qemu-x86_64 -cpu Haswell-noTSX $(RELEASE)/tests/worker.model.family_parity_test --gtest_brief=1 \
	  --gtest_filter='*LogitsEqualTransformers*:*BitForBit*'
	@echo "parity on Haswell-noTSX (no AVX-512): PASS"

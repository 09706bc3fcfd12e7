# SPDX-License-Identifier: Apache-2.0
.PHONY: show-parity

## show-parity: parity with transformers is green, and red after 5 % in any one kind of tensor
show-parity: build
	@$(RELEASE)/tests/worker.model.family_parity_test --gtest_brief=1
	@$(RELEASE)/tests/worker.model.smollm2_parity_test --gtest_brief=1
	@$(RELEASE)/tests/worker.model.parity_mutation_test --gtest_brief=1
	@echo "parity green, every mutation red: PASS"

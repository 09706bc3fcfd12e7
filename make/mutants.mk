# SPDX-License-Identifier: Apache-2.0
.PHONY: show-mutants
## show-mutants: small bugs planted in a copy of the sources; each turns a named test red
show-mutants:
	@scripts/show/mutants.py $(MUTANTS_FLAGS)

# SPDX-License-Identifier: Apache-2.0
# The commands of the README. Everything but system packages lands in .deps, models and build.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The steps share one build folder; Ninja and ctest use the processors by themselves.
.NOTPARALLEL:

JOBS ?= $(shell nproc)
RELEASE := build/release
CACHE := $(CURDIR)/.deps/cache

# Caches stay inside the checkout; the user's cargo settings (mirror, proxy) go on being honoured.
export USER_CARGO_HOME := $(or $(CARGO_HOME),$(HOME)/.cargo)
export CARGO_HOME := $(CURDIR)/.deps/cargo
export PIP_CACHE_DIR := $(CACHE)/pip
export CCACHE_DIR ?= $(CACHE)/ccache
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# ccache is used where it is installed and never required.
CCACHE := $(shell command -v ccache)
ifneq ($(CCACHE),)
LAUNCHER := -DCMAKE_CXX_COMPILER_LAUNCHER=$(CCACHE) -DCMAKE_C_COMPILER_LAUNCHER=$(CCACHE)
endif

# $(call stage,what happens): a headline in a long log.
stage = printf '\n=== %s (%(%H:%M:%S)T)\n' '$(1)' -1
# $(call configure,preset): once, and again only when Ninja finds a changed list file.
configure = [[ -f build/$(1)/build.ninja ]] || cmake --preset $(1) $(LAUNCHER)
# $(call compile,preset): with Ninja's own progress line.
compile = ninja -C build/$(1) -j $(JOBS)
# $(call check,preset)
check = ctest --test-dir build/$(1) --output-on-failure --no-tests=error -j $(JOBS)

.PHONY: help setup build test test-asan test-tsan test-release demo lint format clean

## help: list the targets
help:
	@grep -hE '^## [a-z]' $(MAKEFILE_LIST) | sed 's/^## /  make /'

## setup: install what is missing (system packages, LibTorch, Rust crates, the demo model)
setup:
	@scripts/setup.sh

## build: set up, then build the release binaries in build/release/bin
build: setup
	@$(call stage,release build)
	@$(call configure,release)
	@$(call compile,release)

## test: set up, build and run all tests (sanitizers first, the release suite last)
test: setup test-setup test-asan test-tsan test-release

.PHONY: test-setup
test-setup:
	@scripts/setup.sh test

## test-asan: the rooms without LibTorch and gRPC under address and undefined sanitizers
test-asan:
	@$(call stage,asan and ubsan: pure rooms)
	@$(call configure,asan)
	@$(call compile,asan)
	@$(call check,asan)

## test-tsan: the same rooms under the thread sanitizer
test-tsan:
	@$(call stage,tsan: pure rooms)
	@$(call configure,tsan)
	@$(call compile,tsan)
	@$(call check,tsan)

test-release:
	@$(call stage,release: build and all tests)
	@$(call configure,release)
	@$(call compile,release)
	@$(call check,release)

## demo: a two-turn chat through one coordinator and two workers
demo: build
	@scripts/demo.sh

## lint: clang-format and clang-tidy over our sources
lint: build
	@scripts/setup.sh lint
	@scripts/lint.sh

## format: let clang-format rewrite our sources
format:
	@scripts/setup.sh lint
	@scripts/lint.sh --format

## clean: remove the builds (downloads stay; remove .deps and models for those)
clean:
	rm -rf build

# One file per group of further targets, such as the figures of `make show-...`.
-include $(wildcard make/*.mk)

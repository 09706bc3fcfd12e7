#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Parity with transformers on each kernel path, forced by the tests' environment switch. A path that
# this processor lacks is NOT RUN: the tests themselves fail when another path answers in its place.
set -uo pipefail
tests=${1:?usage: parity_isa.sh TESTS_FOLDER}

has() {
  local flag
  for flag in "$@"; do
    grep -qw "$flag" /proc/cpuinfo || return 1
  done
}

failed=0
# run PATH FLAG...: the parity tests on one path, if the processor has its flags.
run() {
  local isa=$1 log test
  shift
  if ! has "$@"; then
    echo "parity on $isa: NOT RUN (this processor lacks it)"
    return
  fi
  log=$(mktemp)
  for test in worker.model.cpu.kernels_test worker.model.cpu.kernels_bytes_test \
    worker.model.family_parity_test worker.model.smollm2_parity_test; do
    if ! PINTLE_CPU_ISA=$isa "$tests/$test" --gtest_brief=1 > "$log" 2>&1; then
      grep -E 'FAILED|Failure|Expected' "$log" | head -20
      echo "parity on $isa: FAIL ($test)"
      failed=1
      rm -f "$log"
      return
    fi
    grep -E 'positions differ' "$log" | sed 's/^/  /'
  done
  rm -f "$log"
  echo "parity on $isa: PASS"
}

run avx2 avx2 fma
run avx512 avx512f avx512bw avx512dq avx512vl
run avx512_bf16 avx512f avx512bw avx512dq avx512vl avx512_bf16 avx512_vnni
run amx avx512f avx512bw avx512dq avx512vl avx512_bf16 avx512_vnni amx_tile amx_bf16
exit $failed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings a bare machine to the point where `cmake --preset release` works: scripts/setup.sh
# [STEP...]. Steps that are done are skipped, so a second run takes a second. Everything except
# system packages stays inside the checkout (.deps/, models/).
#
# Steps: system rust libtorch googleapis model (the default), test (with promtool and e2e), lint.
# Environment: PINTLE_CUDA=1 keeps LibTorch's GPU half; LibTorch_ROOT uses a LibTorch of yours.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HERE="$ROOT/scripts/setup"
DEPS="$ROOT/.deps"

for part in progress stamps wheels system rust libtorch googleapis model promtool e2e; do
  # shellcheck source=/dev/null
  source "$HERE/$part.sh"
done

main() {
  local step steps=("$@") started=$SECONDS
  ((${#steps[@]})) || steps=(system rust libtorch googleapis model)
  mkdir -p "$DEPS/cache" || fail "cannot write into the checkout" "check its owner and its disk"
  # Two set-ups at once would unpack over each other.
  exec 9>"$DEPS/lock"
  flock --nonblock 9 || { say "waiting for another set-up in this checkout"; flock 9; }
  for step in "${steps[@]}"; do
    declare -F "setup_$step" >/dev/null ||
      fail "there is no step '$step'" \
        "choose from: system rust libtorch googleapis model test lint promtool e2e"
    "setup_$step"
  done
  say "done (${steps[*]}) in $((SECONDS - started)) s"
}

main "$@"

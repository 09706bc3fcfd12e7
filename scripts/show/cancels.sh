#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the cancel test given as $1 with $2 (10,000) cancels; prints its figures with their bounds,
# and PASS or FAIL.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
verdict=PASS
cancels=${2:-10000}
PINTLE_CANCELS=$cancels "$1" >"$log" 2>&1 || verdict=FAIL
figures=$(grep '^cancels ' "$log") || { cat "$log"; figures='no figures'; verdict=FAIL; }
[[ $figures =~ ^cancels\ ([0-9]+) && ${BASH_REMATCH[1]} -ge $cancels ]] || verdict=FAIL
echo "$figures"
echo "bound: cancels at least $cancels, in use 0, pinned 0, reserved 0, free + evictable = all," \
  "hanging 0"
[[ $verdict == PASS ]] || grep -E 'Failure|Expected|Which' "$log" || true
echo "$verdict"
[[ $verdict == PASS ]]

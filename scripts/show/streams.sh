#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Must-show 4 over gRPC: starts a fake worker, runs tests/e2e/streams_main.cc against it, stops it.
# Usage: streams.sh BIN_FOLDER [BENCH FLAG...]
set -euo pipefail
BIN=$1
shift
WORK=$(mktemp -d)
POOL_MIB=16
"$BIN/pintle-worker-fake" --model fake --listen 127.0.0.1:0 --kv-bytes "${POOL_MIB}MiB" \
  >"$WORK/out" 2>"$WORK/err" &
PID=$!
trap 'kill $PID 2>/dev/null || true; wait $PID 2>/dev/null || true; rm -rf "$WORK"' EXIT
until grep -q '^listening on ' "$WORK/out"; do
  kill -0 $PID 2>/dev/null || { cat "$WORK/err" >&2; exit 1; }
  sleep 0.1
done
"$BIN/pintle-show-streams" --target "$(sed -n 's/^listening on //p' "$WORK/out")" --pid $PID \
  --pool-mib $POOL_MIB "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A two-turn chat through one coordinator and two workers on loopback, then the same second prompt
# cold from another tenant, then both workers' cache stats. Stops everything it started.
# Usage: scripts/demo.sh [--check]. With --check it also prints the figures' bounds with PASS or
# FAIL and exits accordingly. Needs build/release/bin and the demo model (make demo sees to both).
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BIN="$ROOT/build/release/bin"
MODEL="$ROOT/models/SmolLM2-135M-Instruct"
TEXT="$ROOT/scripts/demo_text.txt"
WORK=$(mktemp -d)
PIDS=()

fail() {
  printf 'demo: %s\n  what to do: %s\n' "$1" "$2" >&2
  exit 1
}

# Everything started is stopped, however this ends.
cleanup() {
  local pid
  for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$WORK"
}
trap cleanup EXIT

# start NAME BINARY ARGUMENT...: starts a process and waits for its address in $WORK/NAME.address.
start() {
  local name=$1 binary=$2 waited=0
  shift 2
  : >"$WORK/$name.out"  # It must exist before the first look at it.
  "$BIN/$binary" "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" &
  local pid=$!
  PIDS+=("$pid")
  until grep -q '^listening on ' "$WORK/$name.out"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      cat "$WORK/$name.err" >&2
      fail "$name did not start" "read the message above; 'make build' rebuilds the binaries"
    fi
    ((waited++ < 600)) ||
      fail "$name was not ready within 60 s" "see whether the machine is overloaded"
    sleep 0.1
  done
  sed -n 's/^listening on //p' "$WORK/$name.out" >"$WORK/$name.address"
}

headline() { printf '\n\033[1m%s\033[0m\n' "$1"; }

for needed in "$BIN"/pintle{,-coordinator,-worker} "$MODEL/model.safetensors"; do
  [[ -e $needed ]] || fail "${needed#"$ROOT"/} is missing" "run 'make demo', which makes it first"
done

# Two tenants, so that the cold prompt at the end finds nothing of the chat's cache.
random_token() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
for tenant in demo cold; do
  random_token >"$WORK/$tenant.token"
  printf '%s %s\n' "$tenant" "$(sha256sum "$WORK/$tenant.token" | cut -d' ' -f1)" >>"$WORK/tenants"
done

headline "Starting one coordinator and two workers"
started=$(date +%s%N)
start coordinator pintle-coordinator --listen 127.0.0.1:0 --tenants "$WORK/tenants"
TARGET=$(<"$WORK/coordinator.address")
for n in 1 2; do
  start "worker-$n" pintle-worker --model "$MODEL" --listen 127.0.0.1:0 --coordinator "$TARGET" \
    --name "worker-$n" --threads 1 --kv-bytes 256MiB
done
"$BIN/pintle" workers --target "$TARGET" --wait 2 --timeout 30 >/dev/null ||
  fail "the workers did not join the coordinator" "see the messages above"
printf 'coordinator on %s, two workers, ready after %d ms\n' "$TARGET" \
  $((($(date +%s%N) - started) / 1000000))

generate() {
  local tenant=$1
  shift
  "$BIN/pintle" generate --target "$TARGET" --token-file "$WORK/$tenant.token" --temperature 0 "$@"
}

headline "Turn 1: a text of about 1,000 tokens and a question (session 'tea')"
{
  printf 'Read this text.\n\n'
  cat "$TEXT"
  printf '\n\nIn one sentence: what is the text about?'
} >"$WORK/first.txt"
generate demo --session tea --chat-file "$WORK/first.txt" --max-tokens 48 \
  --output-json "$WORK/1.json"

headline "Turn 2: a short question on the same session"
QUESTION='Thank you. Now name one thing the text says that a visitor should bring along.'
printf '> %s\n' "$QUESTION"
generate demo --session tea --chat "$QUESTION" --max-tokens 48 --output-json "$WORK/2.json"

headline "The same prompt as turn 2, cold, from another tenant"
# A warm-up first, so that only the cache differs.
generate cold --chat "Say hello." --max-tokens 4 --json >/dev/null
"$BIN/pintle" sessions get tea --transcript --target "$TARGET" \
  --token-file "$WORK/demo.token" --json >"$WORK/session.json"
"$ROOT/scripts/demo_summary.py" prompt "$WORK/session.json" >"$WORK/prompt.ids"
generate cold --tokens-file "$WORK/prompt.ids" --max-tokens 48 --output-json "$WORK/cold.json"

headline "What the workers' caches hold"
"$BIN/pintle" cache --target "$TARGET" --token-file "$WORK/demo.token" --sessions

headline "Summary"
"$ROOT/scripts/demo_summary.py" summary "$WORK/1.json" "$WORK/2.json" "$WORK/cold.json" "$@"

# SPDX-License-Identifier: Apache-2.0
# A step is done when its stamp holds the hash of everything that decides its result: its
# script, its pinned versions, its options. A changed pin repeats that step and no other.

# stamp_key TEXT FILE...: the hash that a finished step records. The paths are left out of it,
# so that a moved checkout stays fresh.
stamp_key() {
  local text=$1
  shift
  { printf '%s\n' "$text"; cat "$@"; } | sha256sum | cut -c1-64
}

# stamp_fresh NAME KEY
stamp_fresh() { [[ -f "$DEPS/stamps/$1" && "$(<"$DEPS/stamps/$1")" == "$2" ]]; }

# stamp_write NAME KEY
stamp_write() {
  mkdir -p "$DEPS/stamps"
  printf '%s\n' "$2" >"$DEPS/stamps/$1"
}

# SPDX-License-Identifier: Apache-2.0
# What the user sees: one line per step, and one clear message when a step cannot go on.
# Sourced by scripts/setup.sh; needs bash 5.

say() { printf 'setup: %s\n' "$*"; }

# fail WHAT NEXT: names what went wrong and what to do about it, then ends the set-up.
fail() {
  printf '\nsetup: FAILED: %s\n  what to do: %s\n' "$1" "$2" >&2
  printf '  then run the same command again; finished steps are not repeated.\n' >&2
  exit 1
}

# need_disk_gib DIR GIB WHY: refuses early instead of breaking off in the middle of a download.
need_disk_gib() {
  local free_kib
  free_kib=$(df -Pk "$1" | awk 'NR == 2 {print $4}')
  if ((free_kib < $2 * 1024 * 1024)); then
    fail "only $((free_kib / 1024)) MiB of disk are free here; $3 needs $2 GiB" \
      "free some space, or put the checkout on a larger disk"
  fi
}

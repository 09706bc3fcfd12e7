#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-format and clang-tidy over our sources: scripts/lint.sh [--format] [FILE...].
# --format rewrites; otherwise nothing is changed and the exit status says whether all is clean.
# clang-tidy needs a finished build/release, for its flags and generated headers (make lint sees to
# it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BUILD=${PINTLE_LINT_BUILD:-build/release}
ROOMS='contract|sessions|services|worker|coordinator|cli|tests|bench'

format=0
[[ "${1:-}" == --format ]] && { format=1; shift; }
if (($#)); then
  files=("$@")
else
  mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cc' '*.h' |
    grep -E "^($ROOMS)/" | grep -v '^tests/data/')
fi

if ((format)); then
  printf '%s\n' "${files[@]}" | xargs clang-format-14 -i
  exit 0
fi

echo "lint: clang-format over ${#files[@]} files"
printf '%s\n' "${files[@]}" | xargs clang-format-14 --dry-run -Werror

# Only files of the build can be parsed; headers are seen through them.
[[ -f $BUILD/compile_commands.json ]] || { echo "lint: run 'make build' first" >&2; exit 1; }
mapfile -t units < <(printf '%s\n' "${files[@]}" | grep '\.cc$' | while read -r file; do
  grep -qF "\"file\": \"$PWD/$file\"" "$BUILD/compile_commands.json" && echo "$file" || true
done)
echo "lint: clang-tidy over ${#units[@]} files (a few seconds each)"
# GCC's own flags mean nothing to clang; its warnings are the compiler's business, not the linter's.
printf '%s\n' "${units[@]}" | xargs -n 1 -P "$(nproc)" clang-tidy-14 -p "$BUILD" --quiet \
  --header-filter="^$PWD/($ROOMS)/" --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-Wno-error 2> >(grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header' >&2)
echo "lint: clean"

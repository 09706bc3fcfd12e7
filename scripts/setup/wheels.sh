# SPDX-License-Identifier: Apache-2.0
# Pinned Python wheels, verified by hash, as plain archives: what we need from them is files.

# python_venv DIR: a virtual environment at DIR made from the system's Python.
python_venv() {
  [[ -x "$1/bin/pip" ]] && return 0
  local python=/usr/bin/python3
  [[ -x $python ]] || python=$(command -v python3) ||
    fail "python3 is missing" "run 'scripts/setup.sh system' as root, or install python3-venv"
  rm -rf "$1"
  "$python" -m venv "$1" ||
    fail "'$python -m venv' does not work" "install the package python3-venv"
}

# fetch_wheels PINS DIR: downloads the wheels named in the file PINS into DIR. Each line of PINS
# has a version and a SHA-256; pip refuses anything else. The tags are fixed, so the result does
# not depend on the Python that runs here.
fetch_wheels() {
  local pins=$1 dir=$2 minor platforms=()
  for minor in {5..28}; do
    platforms+=(--platform "manylinux_2_${minor}_x86_64")
  done
  platforms+=(--platform manylinux2014_x86_64 --platform manylinux1_x86_64)
  python_venv "$DEPS/venv-fetch"
  mkdir -p "$dir"
  PIP_CACHE_DIR="$DEPS/cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 \
    "$DEPS/venv-fetch/bin/pip" download --no-cache-dir --require-hashes --no-deps \
    --only-binary :all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
    "${platforms[@]}" --dest "$dir" --requirement "$pins" ||
    fail "downloading what scripts/setup/wheels/$(basename "$pins") pins" \
      "check that the Python package index can be reached (PIP_INDEX_URL, HTTPS_PROXY and \
PIP_CERT are honoured) and that the disk is not full; a hash mismatch means a damaged or \
foreign file: do not use it"
}

# unpack_wheel WHEEL DIR OPTION...: see unpack_wheel.py.
unpack_wheel() {
  "$DEPS/venv-fetch/bin/python" "$HERE/unpack_wheel.py" "$@" ||
    fail "unpacking $(basename "$1")" "see the line above; a full disk is the usual cause"
}

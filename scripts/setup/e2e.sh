# SPDX-License-Identifier: Apache-2.0
# The Python client of the end-to-end tests, in a virtual environment of its own.

setup_e2e() {
  local key
  key=$(stamp_key "" "$HERE/wheels/e2e.txt")
  stamp_fresh e2e "$key" && [[ -x "$DEPS/venv-e2e/bin/pytest" ]] && return 0
  say "e2e: a Python gRPC client for the end-to-end tests (pinned, verified by hash)"
  python_venv "$DEPS/venv-e2e"
  PIP_CACHE_DIR="$DEPS/cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 \
    "$DEPS/venv-e2e/bin/pip" install --quiet --no-cache-dir --require-hashes --no-deps \
    --only-binary :all: --requirement "$HERE/wheels/e2e.txt" ||
    fail "installing the Python gRPC client" \
      "check that the Python package index can be reached; Python 3.11 is needed"
  stamp_write e2e "$key"
}

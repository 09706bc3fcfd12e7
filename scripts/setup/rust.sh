# SPDX-License-Identifier: Apache-2.0
# Rust for worker/text/bridge: the cargo that is there if it is new enough, else Debian's.

# The oldest that builds the locked crates (rust-version in worker/text/bridge/Cargo.toml).
RUST_MIN_MINOR=85

setup_rust() {
  local found
  if ! rust_new_enough; then
    found=$(cargo --version 2>/dev/null || true)
    say "rust: ${found:-no cargo} found, 1.$RUST_MIN_MINOR is needed"
    apt_install "cargo-web rustc-web"
    hash -r
    rust_new_enough ||
      fail "cargo is still older than 1.$RUST_MIN_MINOR ($(command -v cargo || echo absent))" \
        "put a newer cargo first in PATH, for example from rustup"
  fi
  rust_crates
}

rust_new_enough() {
  local minor
  command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
  minor=$(rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
  [[ -n $minor ]] && ((minor >= RUST_MIN_MINOR))
}

# Fetches the locked crates now, so that a missing network is named here and not in the build.
# Cargo verifies each against the hash in Cargo.lock.
rust_crates() {
  local bridge="$ROOT/worker/text/bridge" home="$DEPS/cargo" config key
  local user_home="${USER_CARGO_HOME:-${CARGO_HOME:-$HOME/.cargo}}"
  [[ -f "$bridge/Cargo.lock" ]] || return 0
  key=$(stamp_key "" "$bridge/Cargo.lock" "$HERE/rust.sh")
  stamp_fresh rust "$key" && [[ -d "$home/registry" ]] && return 0
  mkdir -p "$home"
  # The user's mirror or proxy settings go on being honoured.
  for config in config.toml config; do
    if [[ -f "$user_home/$config" && ! -e "$home/$config" && "$user_home" != "$home" ]]; then
      ln -s "$(realpath "$user_home/$config")" "$home/$config"
    fi
  done
  say "rust: fetching the locked crates"
  CARGO_HOME="$home" cargo fetch --locked --manifest-path "$bridge/Cargo.toml" ||
    fail "fetching the crates of worker/text/bridge" \
      "check that the Rust package registry can be reached (cargo's proxy and source settings \
are honoured)"
  stamp_write rust "$key"
}

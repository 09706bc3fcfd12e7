# SPDX-License-Identifier: Apache-2.0
# Debian packages, by apt: those to build and run, and on request those for tests and lint.

setup_system() { apt_packages "$HERE/packages/build.txt"; }
setup_test() {
  apt_packages "$HERE/packages/test.txt"
  setup_promtool
  setup_e2e
}
setup_lint() { apt_packages "$HERE/packages/lint.txt"; }

# apt_packages FILE: installs those packages of FILE that are missing. Needs root only then.
apt_packages() {
  local missing
  missing=$(apt_missing "$1")
  [[ -z "$missing" ]] && return 0
  apt_install "$missing"
}

# The packages of the file that dpkg does not know as installed, in one line.
apt_missing() {
  local package wanted=()
  command -v dpkg-query >/dev/null ||
    fail "this is not a Debian system" "install what $1 lists by hand, or build in a container \
of Debian 12 (bookworm)"
  while read -r package; do
    [[ -z $package || $package == \#* ]] || wanted+=("$package")
  done <"$1"
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/^ii //p' | sort) | paste -s -d ' '
}

# as_root COMMAND...: directly or through sudo. `env` inside, since sudo may drop variables.
as_root() {
  if ((EUID == 0)); then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

apt_update() {
  as_root apt-get update -q || fail "apt-get update" "check the network and /etc/apt/sources.list"
}

# apt_install "PACKAGE ..."
apt_install() {
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    fail "packages are missing and this is neither root nor a machine with sudo: $1" \
      "run 'apt-get install $1' as root"
  fi
  need_disk_gib / 2 "installing packages"
  say "system: installing $1"
  apt_update
  # shellcheck disable=SC2086 # One word per package.
  as_root apt-get install -y -q --no-install-recommends $1 ||
    fail "apt-get install $1" "see the lines above; this needs Debian 12 (bookworm) or newer, \
the network, a working package mirror and free disk"
}

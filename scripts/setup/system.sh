# SPDX-License-Identifier: Apache-2.0
# Debian packages, by apt: those to build and run, and on request those for tests and lint.

setup_system() { apt_packages "$HERE/packages/build.txt"; }
setup_test() { apt_packages "$HERE/packages/test.txt"; }
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
      sed -n 's/^ii //p' | sort) | tr '\n' ' '
}

# apt_install "PACKAGE ...": as root, or through sudo.
apt_install() {
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "packages are missing and this is neither root nor a machine with sudo: $1" \
        "run 'apt-get install $1' as root"
    as_root=(sudo)
  fi
  need_disk_gib / 2 "installing packages"
  say "system: installing $1"
  export DEBIAN_FRONTEND=noninteractive
  # --preserve-env is not allowed everywhere; env inside sudo is.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
    fail "apt-get update" "check the network and /etc/apt/sources.list"
  # shellcheck disable=SC2086
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends $1 ||
    fail "apt-get install $1" "see the lines above; this needs Debian 12 (bookworm) or newer, \
a working package mirror and free disk"
}

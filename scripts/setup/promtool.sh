# SPDX-License-Identifier: Apache-2.0
# promtool at .deps/bin, for the tests of deploy/prometheus. Taken out of Debian's package and not
# installed with it, because installing it starts a Prometheus server.

setup_promtool() {
  local folder="$DEPS/cache/promtool"
  [[ -x "$DEPS/bin/promtool" ]] && return 0
  say "promtool: downloading Debian's prometheus package (19 MB, signed by the distribution)"
  rm -rf "$folder"
  mkdir -p "$folder" "$DEPS/bin"
  # apt drops its rights for downloads, and may not write here then; it only says so.
  (cd "$folder" && { apt-get download -q prometheus ||
    { apt_update && apt-get download -q prometheus; }; }) ||
    fail "downloading the package prometheus" "check the network and /etc/apt/sources.list"
  dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool
  mv "$folder/usr/bin/promtool" "$DEPS/bin/promtool"
  rm -rf "$folder"
}

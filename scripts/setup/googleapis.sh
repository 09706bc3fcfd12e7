# SPDX-License-Identifier: Apache-2.0
# google/rpc/*.proto at .deps/googleapis: the error details of every status we send.

setup_googleapis() {
  local pins="$HERE/wheels/googleapis.txt" wheels="$DEPS/cache/wheels-googleapis" key
  key=$(stamp_key "" "$pins" "$HERE/googleapis.sh" "$HERE/unpack_wheel.py")
  stamp_fresh googleapis "$key" && [[ -d "$DEPS/googleapis/google/rpc" ]] && return 0
  say "googleapis: downloading"
  rm -rf "$wheels" "$DEPS/googleapis"
  fetch_wheels "$pins" "$wheels"
  unpack_wheel "$wheels"/*.whl "$wheels/all" --map google/=google/
  mkdir -p "$DEPS/googleapis/google/rpc"
  cp "$wheels"/all/google/rpc/*.proto "$DEPS/googleapis/google/rpc/"
  rm -rf "$wheels"
  stamp_write googleapis "$key"
}

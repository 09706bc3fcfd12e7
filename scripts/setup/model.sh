# SPDX-License-Identifier: Apache-2.0
# The demo model at models/SmolLM2-135M-Instruct, a Hugging Face folder like any other.

setup_model() { :; }

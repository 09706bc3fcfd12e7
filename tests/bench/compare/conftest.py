# SPDX-License-Identifier: Apache-2.0
"""The comparison's modules are found as they find each other."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
for folder in ("bench/compare", "bench/compare/chat", "bench/compare/setup"):
    sys.path.append(str(ROOT / folder))

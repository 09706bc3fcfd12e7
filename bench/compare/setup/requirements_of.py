# SPDX-License-Identifier: Apache-2.0
"""What an installed package asks for on this machine: requirements_of.py PACKAGE [WITHOUT...]."""

import importlib.metadata
import json
import sys

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name


def main():
    package, without = sys.argv[1], {canonicalize_name(name) for name in sys.argv[2:]}
    asked = []
    for text in importlib.metadata.requires(package) or []:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if canonicalize_name(requirement.name) not in without:
            requirement.marker = None
            asked.append(str(requirement))
    print(json.dumps(asked))


if __name__ == "__main__":
    main()

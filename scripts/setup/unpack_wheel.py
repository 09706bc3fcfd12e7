# SPDX-License-Identifier: Apache-2.0
"""Unpacks a part of a wheel: unpack_wheel.py WHEEL DIR [--map FROM=TO]... [--skip PREFIX]...

Members whose name starts with FROM land under DIR with FROM replaced by TO; all others, and
those that start with a --skip prefix, are left out. The modes of executables are kept.
"""

import argparse
import os
import shutil
import sys
import zipfile


def target_of(name, mappings, skips):
    """Where the member belongs below DIR, or None."""
    if name.endswith("/") or any(name.startswith(skip) for skip in skips):
        return None
    for source, target in mappings:
        if name.startswith(source):
            return os.path.normpath(target + name[len(source):])
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel")
    parser.add_argument("dir")
    parser.add_argument("--map", action="append", default=[], metavar="FROM=TO")
    parser.add_argument("--skip", action="append", default=[], metavar="PREFIX")
    args = parser.parse_args()
    mappings = [tuple(item.split("=", 1)) for item in args.map]
    count = 0
    with zipfile.ZipFile(args.wheel) as wheel:
        for member in wheel.infolist():
            target = target_of(member.filename, mappings, args.skip)
            if target is None:
                continue
            if target.startswith(("..", "/")):
                sys.exit("a member of the wheel leaves the folder: " + member.filename)
            path = os.path.join(args.dir, target)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with wheel.open(member) as source, open(path, "wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            if (member.external_attr >> 16) & 0o100:
                os.chmod(path, 0o755)
            count += 1
    if count == 0:
        sys.exit("nothing in " + os.path.basename(args.wheel) + " matches")


if __name__ == "__main__":
    main()

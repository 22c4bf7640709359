#!/usr/bin/env python3
"""Is every plugin compared with the truth, or has it a reason why not?  declared.py ENGRAM"""
import json
import subprocess
import sys

from plugins import DECLARATIONS, NOT_COMPARED, OPTIONAL


def problems(plugins, declarations, not_compared):
    declared = {}
    for d in declarations:
        declared.setdefault(d.name.split()[0], []).append(d)
    for name in sorted(plugins - set(declared) - set(not_compared)):
        yield f"{name}: nothing is compared: declare it in plugins.py, or say in NOT_COMPARED why not"
    for name in sorted(set(declared) & set(not_compared)):
        yield f"{name}: has a declaration, and a reason not to have one"
    for name in sorted((set(declared) | set(not_compared)) - plugins - OPTIONAL):
        yield f"{name}: is no plugin"
    for name, why in not_compared.items():
        if len(why.split()) < 3:
            yield f"{name}: {why!r} is no reason"
    for some in declared.values():
        for d in some:
            if not d.against or not d.keys:
                yield f"{d.name}: does not say which files it is compared with, and by which key"


def main():
    answer = subprocess.run([sys.argv[1], "plugins", "-r", "json"], capture_output=True, check=True).stdout
    plugins = {row["PLUGIN"] for row in json.loads(answer)["results"][0]["rows"]}
    found = list(problems(plugins, DECLARATIONS, NOT_COMPARED))
    print("\n".join(found) or f"{len(plugins)} plugins, {len(DECLARATIONS)} comparisons, {len(NOT_COMPARED)} reasons not to compare")
    return 1 if found or not plugins else 0


if __name__ == "__main__":
    sys.exit(main())

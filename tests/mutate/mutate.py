#!/usr/bin/env python3
"""Would the tests notice? Each line of `mutations` changes one place of a copy of the tree; what depends on it is built, and
the tests that the line names are run: one of them must fail.

    mutate.py FOLDER [TEXT...] [--write]
    mutate.py --check

FOLDER is where the copy and its build are made (FOLDER/mutate). With TEXT only lines that have one of them. --write puts the
result into docs/mutations.md. Exit status 1 when less than 95 % were noticed, or a line fits no place. --check only says which lines
fit no place, as `meson test mutations` does: a change of the sources changes the lines about it.

A line is: FILE @@ OLD @@ NEW @@ TEST[,TEST...]. FILE is a file's name, with as much of its folder as makes it one of a kind; OLD
stands in it once, and becomes NEW."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PARTS = ["core", "formats", "profiles", "plugins", "live", "lua", "cli", "tests", "docs", "samples", "meson.build", "meson_options.txt"]
GOAL = 95


def lines():
    with open(os.path.join(HERE, "mutations"), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                parts = [p.strip() for p in line.rstrip("\n").split(" @@ ")]
                if len(parts) != 4:
                    sys.exit(f"mutations:{number}: not FILE @@ OLD @@ NEW @@ TESTS")
                yield parts


def copy_tree(tree):
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    for part in PARTS:
        source, target = os.path.join(ROOT, part), os.path.join(tree, part)
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "mutate"))
        else:
            shutil.copy2(source, target)


def places(tree, name):
    """The sources whose path ends with @name."""
    return [path for top in ("core", "formats", "profiles", "plugins", "live", "lua", "cli")
            for folder, _, names in os.walk(os.path.join(tree, top)) for path in (os.path.join(folder, n) for n in names)
            if path.endswith("/" + name)]


class Build:
    """The copy's build folder."""

    def __init__(self, tree):
        self.folder = os.path.join(tree, "build")
        env = dict(os.environ)
        if shutil.which("ccache"):
            env["CC"] = "ccache gcc"
        self.quiet(["meson", "setup", self.folder, tree, "-Dtests=enabled", "-Doptimization=0"], env)
        listed = self.quiet(["meson", "test", "-C", self.folder, "--list", "--no-rebuild"])
        self.programs = {line.split(" / ")[-1] for line in listed.splitlines() if ":unit / " in line}

    @staticmethod
    def quiet(command, env=None):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
        if done.returncode:
            sys.exit(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def build(self, tests):
        """What @tests need. @return it builds."""
        targets = [f"tests/{t}_test" for t in tests if t in self.programs] + ["cli/engram", "tests/outside.so", "tests/sample.lime"]
        return subprocess.run(["ninja", "-C", self.folder, *targets], check=False, capture_output=True).returncode == 0

    def passes(self, tests):
        # Some changes make a loop endless: a test has 200 s, of which it needs a few.
        return subprocess.run(["meson", "test", "-C", self.folder, "--no-rebuild", "--timeout-multiplier", "0.5", "--maxfail", "1",
                               *tests], check=False, capture_output=True).returncode == 0


def place(tree, name, old):
    """The place of @old: its file, and what is in it. ValueError: there is none, or there are several."""
    found = places(tree, name)
    if len(found) != 1:
        raise ValueError(f"STALE: {len(found)} such files")
    with open(found[0], encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        raise ValueError(f"STALE: the file has {text.count(old)} such places")
    return found[0], text


def attempt(build, tree, name, old, new, tests):
    """@return what became of it: noticed, SURVIVED, or why it could not be tried."""
    try:
        path, text = place(tree, name, old)
    except ValueError as stale:
        return str(stale)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    try:
        if not build.build(tests):
            return "STALE: it does not build"
        return "SURVIVED" if build.passes(tests) else "noticed"
    finally:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def page(results, noticed):
    """The result as docs/mutations.md has it."""
    by = {}
    for (name, *_), result in results:
        total, good = by.get(name, (0, 0))
        by[name] = (total + 1, good + (result == "noticed"))
    out = ["# Would the tests notice?", "",
           f"Of {len(results)} changes of one place in the sources {noticed} make a test fail "
           f"({100 * noticed / len(results):.0f} %; the goal is {GOAL} %). Made by `tests/mutate/mutate.py build-gcc --write`;",
           "`tests/mutate/mutations` is the list.", "", "| file | changes | noticed |", "|---|---|---|"]
    out += [f"| `{name}` | {total} | {good} |" for name, (total, good) in sorted(by.items())]
    survived = [f"- `{name}`: `{old}` to `{new}`" for (name, old, new, _), result in results if result != "noticed"]
    if survived:
        out += ["", "Not noticed:", "", *survived]
    return "\n".join(out) + "\n"


def check():
    stale = 0
    for name, old, *_ in lines():
        try:
            place(ROOT, name, old)
        except ValueError as why:
            print(f"{name}: {old}: {why}")
            stale += 1
    return stale != 0


def main():
    if len(sys.argv) < 2 or any(a.startswith("-") and a != "--write" for a in sys.argv[1:]):
        sys.exit(__doc__)
    words = [a for a in sys.argv[2:] if a != "--write"]
    tree = os.path.join(os.path.abspath(sys.argv[1]), "mutate")
    wanted = [m for m in lines() if not words or any(w in " @@ ".join(m) for w in words)]
    copy_tree(tree)
    build = Build(tree)
    tests = sorted({t for m in wanted for t in m[3].split(",")})
    if not build.build(tests):
        sys.exit(f"{tree}: does not build as it is")
    failing = [t for t in tests if not build.passes([t])]
    if failing:
        sys.exit(f"fail without a change already: {' '.join(failing)}")
    results = []
    for name, old, new, names in wanted:
        result = attempt(build, tree, name, old, new, names.split(","))
        results.append(((name, old, new, names), result))
        print(f"{len(results)}/{len(wanted)} {result}: {name}: {old} -> {new}", flush=True)
    noticed = sum(r == "noticed" for _, r in results)
    print(f"{noticed} of {len(results)} noticed ({100 * noticed / max(1, len(results)):.0f} %)")
    if "--write" in sys.argv:
        with open(os.path.join(ROOT, "docs", "mutations.md"), "w", encoding="utf-8") as f:
            f.write(page(results, noticed))
    return 100 * noticed < GOAL * len(results) or not results or any(r.startswith("STALE") for _, r in results)


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else main())

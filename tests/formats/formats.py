#!/usr/bin/env python3
"""Is each dump format exact? Usage: formats.py ENGRAM SAME IMAGE [NAME...]

Writes IMAGE's memory in every format that a make_*.py here knows (with its own code, or the format's usual tools),
then: SAME says that each page equals the raw one, nothing is missing that the format does not leave out by
itself, and `pslist` has the rows of IMAGE. Of a compression that takes long (attribute `slow`) the first 24 MiB are written
and compared; `pslist` needs more. Results are TAP; a tool that is not installed is a skip."""
import concurrent.futures, importlib.util, json, multiprocessing, os, pathlib, subprocess, sys, tempfile

PAGE = 4096
PART = 24 << 20
HERE = pathlib.Path(__file__).resolve().parent


def makes():
    sys.path.insert(0, str(HERE))
    for path in sorted(HERE.glob("make_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield from sorted(module.MAKES.items())


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


def rows(engram, image):
    done = run(engram, "-q", "-r", "csv", image, "pslist")
    return done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.strip()}"


def check(engram, same, raw, ranges, wanted, make, folder):
    """@return what is wrong; None: nothing."""
    slow = getattr(make, "slow", False)
    if slow:
        ranges = [(first, min(last, PART - 1)) for first, last in ranges if first < PART]
    out = folder / "dump"
    out = make(raw, ranges, out) or out
    done = run(same, out, raw)
    if done.returncode == 2:
        return done.stderr.strip()
    n = json.loads(done.stdout)
    pages = sum(last // PAGE - first // PAGE + 1 for first, last in ranges)
    if n["different"] or n["unreadable"] or n["other"]:
        return f"pages are not the same: {n}; {done.stderr.strip()}"
    if n["equal"] + n["excluded"] < pages:
        return f"of {pages} pages of memory some are missing: {n}"
    if getattr(make, "excludes", False) != bool(n["excluded"]):
        return f"pages are excluded, or are not, against what was asked for: {n}"
    if slow:
        return None
    got = rows(engram, out)
    return None if got == wanted else f"pslist differs ({n['format']}): {got[:300]}"


def do_work(i):
    return work(i)


def main():
    engram, same, image, *only = sys.argv[1:]
    # What writers use.
    os.environ["ENGRAM"] = engram
    os.environ["CRC32C"] = os.path.join(os.path.dirname(os.path.abspath(same)), "crc32c.so")
    failed, number = 0, 0
    with tempfile.TemporaryDirectory(prefix="engram-formats-") as name:
        top = pathlib.Path(name)
        raw = top / "raw"
        done = run(engram, "-q", "convert", image, "-o", raw, "--to", "raw")
        if done.returncode:
            sys.exit(done.stderr)
        ranges = [tuple(r) for r in json.loads(run(same, "--ranges", image).stdout)]
        wanted = rows(engram, image)
        assert wanted.count("\n") > 50, wanted
        chosen = [m for m in makes() if not only or m[0] in only]

        def one(i):
            with tempfile.TemporaryDirectory(dir=top) as folder:
                try:
                    return check(engram, same, raw, ranges, wanted, chosen[i][1], pathlib.Path(folder)), None
                except LookupError as e:
                    return None, str(e)

        # Writers are Python's own work: processes. They inherit what a pickle cannot carry.
        global work
        work = one
        with concurrent.futures.ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("fork")) as pool:
            for number, ((what, _), (wrong, skip)) in enumerate(zip(chosen, pool.map(do_work, range(len(chosen)))), 1):
                failed += wrong is not None
                print(f"{'not ok' if wrong else 'ok'} {number} - {what}{f' # SKIP {skip}' if skip else ''}", flush=True)
                if wrong:
                    print(f"# {wrong}", flush=True)
    print(f"1..{number}")
    sys.exit(1 if failed or not number else 0)


if __name__ == "__main__":
    main()

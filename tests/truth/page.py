"""docs/accuracy.md of the results."""
from plugins import DECLARATIONS, NOT_COMPARED

COLUMNS = 7  # images side by side
HEAD = """# Accuracy

How often is Engram right? For each image below the guest itself said what was so, a moment before its memory was taken:
`/proc`, `/sys`, the log, and what the actors of the scene did. Each row of each plugin is held against that. Engram was given
nothing but the image: no symbols, no hint. Every number here was measured; the command at the end writes this page.
"""
MEANING = """## What the numbers mean

- `106/106`: rows found, of those that the guest's own words let expect. A row is found when its key is; then its values are
  compared. What is not as the guest said stands beside it in words: rows missing, rows with a wrong value, rows invented
  (the guest knows nothing of them). An unreadable value is a wrong one where the guest had one.
- A footnote is a difference of known cause. It rests on what the guest said (the process ran on, by its own counters; the line is
  younger than the report), never on what the plugin says. Explained rows are in none of those three counts, and a row
  that is missing for a known cause is not counted as found.
- `0/0`: the guest had nothing of the kind, and the plugin invented nothing. A dash: the guest did not tell.
- Files of one image share a column when all their numbers are equal.
- That a comparison could have failed is tested, too: rows are dropped, added and doubled, and values changed or made unreadable,
  in every compared column of every plugin; the comparison has to notice (`tests/truth/mutate.py`).

## What they do not mean

- They are of these kernels and scenes: Debian's, under QEMU. Kernels of other makers, of other compilers, or with patches of
  their own are not judged here, nor are machines of a thousand processors or of a terabyte.
- Most of these images were at hand while Engram was written, and what they showed to be wrong was mended. Of an image that nobody
  has looked at yet a table is a better judge: make one ([farm.md](farm.md)).
- What the guest did not tell is not judged: addresses of the kernel's structures, columns that the table of what is compared does
  not name, things that had ended before. Of searches only planted words and keys are expected; other hits are not judged.
- The guest's word is `/proc`'s. Where a scene hides things from `/proc`, they are not expected here either.
- Plugins are compared with the options in the table. Other options have tests of their own, and no truth.
"""
REPRODUCE = """## To reproduce

```sh
samples/make all
tests/truth/accuracy.py lab/img build/cli/engram -o docs/accuracy.md
```

The first makes the images ([farm.md](farm.md): half a minute and more for each; what it fetches, it keeps), the second compares them, goes on where it was stopped,
and leaves every single difference in `lab/img/accuracy.jsonl`. `tests/truth/compare.py` looks at one image.
"""


def judged(result):
    return {p["plugin"]: p for p in result.get("plugins", ())}


def numbers(result):
    """What two files of one image must have in common to stand in one column."""
    return [(p["plugin"], p.get("failed"), p.get("not"), *(p.get(k) for k in ("expected", "found", "missing", "wrong", "invented")),
             sorted(p.get("causes", {}))) for p in result.get("plugins", ())]


def group(result):
    if result["architecture"] != "x86-64":
        return 2
    return 1 if result["image"].count("-") > 1 or result["live"] or result["partial"] else 0


def version(result):
    head = result["kernel"].split("-")[0].split("+")[0].split(".")
    return [int(n) for n in head if n.isdigit()]


class Notes:
    """Footnotes, numbered as they come."""

    def __init__(self):
        self.of = {}

    def mark(self, cause):
        return f"[^{self.of.setdefault(cause, len(self.of) + 1)}]"


def cell(p, notes):
    if p is None or "not" in p:
        return "–"
    if "failed" in p:
        return "**failed**"
    bad = [f"{p[kind]} {kind}" for kind in ("missing", "wrong", "invented") if p[kind]]
    text = f"{p['found']}/{p['expected']}" + "".join(notes.mark(cause) for cause in sorted(p["causes"]))
    return f"**{text}, {', '.join(bad)}**" if bad else text


def table(rows):
    head, *rest = rows
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(row) + " |" for row in rest]) + "\n"


def columns_of(done):
    """Files of one image with the same numbers are one column: [[result, …], …]"""
    out = {}
    for result in done:
        if "plugins" in result:
            out.setdefault((result["image"], str(numbers(result))), []).append(result)
    return sorted(out.values(), key=lambda c: (group(c[0]), version(c[0]), c[0]["image"], c[0]["file"] != "mem.raw", c[0]["file"]))


def heading(column, done):
    first = column[0]
    several = len({str(numbers(r)) for r in done if r["image"] == first["image"] and "plugins" in r}) > 1
    return first["image"] + ("<br>" + ", ".join(r["file"].removeprefix("mem.") for r in column) if several else "")


def write(done, tool):
    notes, columns = Notes(), columns_of(done)
    plugins = [d.name for d in DECLARATIONS if any(d.name in judged(r) for r in done)]
    total = {k: sum(p.get(k, 0) for r in done for p in r.get("plugins", ())) for k in
             ("expected", "found", "missing", "wrong", "invented", "explained", "values")}
    symbols = sum(p.get("expected", 0) for r in done for p in r.get("plugins", ()) if p["plugin"] == "kallsyms")
    failed = sum("failed" in p for r in done for p in r.get("plugins", ()))
    out = [HEAD]
    out.append(f"**{len({r['image'] for r in done})} machines, {len({r['kernel'] for r in done})} kernels, {len(done)} files in "
               f"{len({r.get('format') for r in done} - {None})} formats, {len(plugins)} comparisons each: of {total['expected']:,} rows "
               f"that were expected ({symbols:,} of them symbols), {total['found']:,} were found, {total['missing']:,} are missing, "
               f"{total['wrong']:,} have a wrong value, {total['invented']:,} are invented; {total['explained']:,} differ for a cause "
               "that a footnote names. "
               f"{total['values']:,} values were compared. {failed} runs of a plugin failed; "
               f"{sum('unopened' in r for r in done)} files did not open.** Measured with {tool}.\n")
    names = ["## Kernels, x86-64", "## Other circumstances, x86-64", "## AArch64"]
    for which, name in enumerate(names):
        some = [c for c in columns if group(c[0]) == which]
        if some:
            out.append(name + "\n")
        for at in range(0, len(some), COLUMNS):
            part = some[at:at + COLUMNS]
            rows = [["found/expected"] + [heading(c, done) for c in part]]
            rows += [[f"`{name}`"] + [cell(judged(c[0]).get(name), notes) for c in part] for name in plugins]
            out.append(table(rows))
    causes = {}
    for r in done:
        for p in r.get("plugins", ()):
            for cause, n in p.get("causes", {}).items():
                count, where = causes.get(cause, (0, set()))
                causes[cause] = count + n, where | {p["plugin"].split()[0]}
    for cause, number in notes.of.items():
        n, where = causes[cause]
        out.append(f"[^{number}]: {cause[0].upper()}{cause[1:]}. {n:,} rows of {', '.join(sorted(where))} in all files.")
    out.append("\n" + MEANING)
    out.append("## What is compared\n")
    rows = [["plugin", "with", "by", "values", "tolerance"]]
    for d in DECLARATIONS:
        if d.name in plugins:
            values = sorted({c for r in done for p in r.get("plugins", ()) if p["plugin"] == d.name for c in p.get("columns", ())})
            rest = ". ".join(t for t in (d.tolerance, d.others and f"Other rows are not judged: {d.others}") if t)
            rows.append([f"`{d.name}`", d.against, d.keys, ", ".join(values) or "–", rest or "none"])
    out.append(table(rows))
    if NOT_COMPARED:
        out.append("Not compared:\n")
        out += [f"- `{name}`: {why}" for name, why in NOT_COMPARED.items()]
        out.append("")
    out.append("## The machines, and the formats in which each was read\n")
    rows = [["image", "kernel", "page", "levels", "processors", "RAM", "processes", "command line", "files"]]
    for image in sorted({r["image"] for r in done}):
        files = [r for r in done if r["image"] == image]
        r = files[0]
        rows.append([image, r["kernel"], f"{r['page'] >> 10}K", str(r["levels"] or "–"), str(r["cpus"]), f"{r['ram']:,} MB",
                     f"{r['processes']:,}", f"`{r['line']}`" if r["line"] else "",
                     "<br>".join(f"{f['file']}: {f.get('format') or 'did not open: ' + f['unopened']}" for f in files)])
    out.append(table(rows))
    out.append(REPRODUCE)
    return "\n".join(out)

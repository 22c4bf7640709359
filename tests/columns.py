#!/usr/bin/env python3
"""Is a column of one name one thing in all plugins? Usage: columns.py ROOT ENGRAM [write]
Names are upper case; a name has one type wherever it is, in the tables of verbs too; and docs/columns.md has each
column of the plugins with its type and where it is, and no other. `write` renews the list of plugins in each line there, and
their order; what a column means stays to be written by hand."""
import pathlib
import re
import subprocess
import sys

root, engram = pathlib.Path(sys.argv[1]), str(pathlib.Path(sys.argv[2]).resolve())
NAME = re.compile(r"[A-Z][A-Z0-9_]*")
# The words of `engram help` for the kinds that verbs declare in C.
KINDS = {"INT": "number", "BIG": "digits", "ADDR": "address", "TEXT": "text", "BYTES": "bytes", "TIME": "time", "FLAGS": "flags",
         "BOOL": "yes/no", "DURATION": "seconds"}


def run(*args):
    return subprocess.run([engram, *args], capture_output=True, text=True, check=True).stdout


def of_plugin(text):
    """(name, type) of what `engram help PLUGIN` lists; the help of a column goes on in lines that are indented further."""
    listed = re.search(r"\ncolumns[^\n]*:\n(.*?)\n\n", text, re.S)[1].split("\n")
    return [tuple(line.split()[:2]) for line in listed if not line.startswith(" " * 4)]


def of_verbs():
    for path in sorted(root.glob("cli/*.c")):
        for name, kind in re.findall(r'\{\s*"([^"]*)",\s*EG_COL_(\w+),', path.read_text()):
            yield path.stem, name, KINDS[kind]


def faults(columns):
    """What is wrong with (where, name, type)."""
    types = {}
    for where, name, kind in columns:
        if not NAME.fullmatch(name):
            yield f"{where}: column {name} is not upper case"
        types.setdefault(name, {}).setdefault(kind, []).append(where)
    for name, kinds in types.items():
        if len(kinds) > 1:
            yield f"column {name} is " + ", but ".join(f"{kind} in {' '.join(where)}" for kind, where in kinds.items())


def page_faults(columns, text):
    table = text.partition("## All columns")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n") if line.startswith("| `")]
    said = {(re.findall(r"`(\w+)`", row[0])[0], row[1], where) for row in rows for where in re.findall(r"`(\w+)`", row[3])}
    have = {(name, kind, where) for where, name, kind in columns}
    yield from (f"docs/columns.md lacks {name}, {kind}, of {where}" for name, kind, where in sorted(have - said))
    yield from (f"docs/columns.md has {name}, {kind}, of {where}, which is not there" for name, kind, where in sorted(said - have))
    yield from (f"docs/columns.md: what is {row[0]}?" for row in rows if not row[2])


def written(columns, text):
    """@text with each line's list of plugins made anew, and the lines by name."""
    where = {}
    for plugin, name, _ in columns:
        where.setdefault(name, set()).add(plugin)
    before, heading, rest = text.partition("## All columns")
    table, behind, after = rest.partition("\n## ")
    lines = table.split("\n")
    first, rows = next(i for i, line in enumerate(lines) if line.startswith("| `")), {}
    for line in lines:
        cells = line.split("|")
        if line.startswith("| `"):
            name = cells[1].strip().strip("`")
            cells[4] = " " + " ".join(f"`{plugin}`" for plugin in sorted(where.get(name, ()))) + " "
            rows.setdefault(name, "|".join(cells))
    rest = [line for line in lines if not line.startswith("| `")]
    lines = rest[:first] + [rows[name] for name in sorted(rows) if name in where] + rest[first:]
    return before + heading + "\n".join(lines) + behind + after


helps = {name: run("help", name) for name in (line.split("\t")[0] for line in run("complete", "--", "help", "").splitlines())}
plugins = [(name, *column) for name, text in helps.items() if "\nruns on: " in text for column in of_plugin(text)]
verbs = list(of_verbs())
if "write" in sys.argv[3:]:
    (root / "docs/columns.md").write_text(written(plugins, (root / "docs/columns.md").read_text()))
page = (root / "docs/columns.md").read_text()
found = [*faults(plugins + verbs), *page_faults(plugins, page)]

# Would it see a mistake?
for spoilt in (("x", "Pid", "number"), ("x", "PID", "text"), ("x", "FILE PATH", "text")):
    if not list(faults([*plugins, spoilt])):
        found.append(f"not seen: {spoilt}")
for columns in (plugins[1:], [*plugins, ("x", "PID", "number")]):
    if not list(page_faults(columns, page)):
        found.append("not seen: a column that the page and the plugins do not share")
if len(plugins) < 150 or len(verbs) < 20:
    found.append(f"few columns: {len(plugins)} and {len(verbs)}")
print("\n".join(found) or f"{len({name for _, name, _ in plugins})} columns of {len({where for where, _, _ in plugins})} plugins")
sys.exit(bool(found))

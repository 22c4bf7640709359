#!/usr/bin/env python3
"""Are the modules that module_extract rebuilds what their files are?

    modelf.py ENGRAM IMAGE MODULES

MODULES is lib/modules/RELEASE of the kernel's package, of x86-64. Of each module that has a file there with the same build id: the sections
that the kernel loads and keeps, each with its size, up to the gap behind it; the symbols that it keeps, with value, size
and type; and the bytes of code outside of relocations and of places that the file's own tables say are patched. Prints what
differs; exit status 1 when anything does, or when nothing was compared."""
import glob
import os
import struct
import subprocess
import sys
import tempfile

ALLOC, EXEC = 2, 4
NOBITS, RELA, SYMTAB = 8, 4, 2
DROPPED = (".modinfo", "__versions", ".data..percpu")  # not loaded (kernel/module/main.c)
RELOCATED = {1: 8, 2: 4, 4: 4, 10: 4, 11: 4, 24: 8}
# Tables with distances to places of code: size of an entry, and bytes at the place that may differ.
PATCHED = {".return_sites": (4, 5), ".retpoline_sites": (4, 6), ".call_sites": (4, 5), ".smp_locks": (4, 1), ".ibt_endbr_seal": (4, 4),
           "__jump_table": (16, 5), ".static_call_sites": (8, 6)}


class Elf:
    """Sections, symbols and relocations of an ELF file of 64 bits, little-endian."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        shoff, (n, names) = struct.unpack_from("<Q", self.data, 40)[0], struct.unpack_from("<HH", self.data, 60)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + 64 * i) for i in range(n)]
        text = self.sections[names]
        self.names = [self.text(text[4] + s[0]) for s in self.sections]

    def text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def bytes(self, i):
        return b"" if self.sections[i][1] == NOBITS else self.data[self.sections[i][4]:self.sections[i][4] + self.sections[i][5]]

    def section(self, name):
        return self.names.index(name) if name in self.names else None

    def symbols(self):
        """(name, st_info, st_shndx, st_value, st_size)"""
        for s in self.sections:
            if s[1] == SYMTAB:
                strings = self.sections[s[6]][4]
                for at in range(s[4] + 24, s[4] + s[5], 24):
                    name, info, _, where, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
                    yield self.text(strings + name), info, where, value, size

    def relocations(self, target):
        """(offset, type, symbol, addend)"""
        for s in self.sections:
            if s[1] == RELA and s[7] == target:
                for at in range(s[4], s[4] + s[5], 24):
                    offset, info, addend = struct.unpack_from("<QQq", self.data, at)
                    yield offset, info & 0xffffffff, info >> 32, addend


def kept(elf):
    """Sections that memory has when the module has started."""
    return [i for i, s in enumerate(elf.sections) if s[2] & ALLOC and s[5] and elf.names[i] not in DROPPED and not elf.names[i].startswith(".init")]


def patched(elf, symbols):
    """{section: bytes that may differ}: relocations, and what tables name."""
    out = {i: set() for i in kept(elf) if elf.sections[i][2] & EXEC}

    def add(section, at, size):
        if section in out:
            out[section].update(range(at, at + size))

    def place(symbol, addend):
        return symbols[symbol - 1][2], symbols[symbol - 1][3] + addend

    for i in out:
        for offset, kind, _, _ in elf.relocations(i):
            add(i, offset, RELOCATED.get(kind, 8))
    for i, name in enumerate(elf.names):
        entries = dict((offset, place(symbol, addend)) for offset, _, symbol, addend in elf.relocations(i)) if elf.sections[i][2] & ALLOC else {}
        if name == "__mcount_loc":
            for where in entries.values():
                add(*where, 5)
        elif name in PATCHED:
            for offset in range(0, elf.sections[i][5], PATCHED[name][0]):
                if offset in entries:
                    add(*entries[offset], PATCHED[name][1])
        elif name == ".altinstructions":
            # struct alt_instr has its lengths at the end; 12, 13 or 14 bytes long, as its distances lie apart.
            starts = sorted(entries)[::2]
            each = starts[1] - starts[0] if len(starts) > 1 else elf.sections[i][5]
            for start in starts:
                add(*entries[start], elf.bytes(i)[start + (11 if each == 13 else each - 2)])
        elif name == ".parainstructions":
            for offset, where in entries.items():
                add(*where, elf.bytes(i)[offset + 9])
    return out


def compare(built, original):
    """What differs, as texts."""
    keep = kept(original)
    align = max(original.sections[i][8] for i in keep)
    addresses, out = {}, []
    for i in keep:
        name, size = original.names[i], original.sections[i][5]
        k = built.section(name)
        if k is None:
            out.append(f"no section {name}")
            continue
        addresses[i] = built.sections[k][3]
        have = built.sections[k][5]
        # Zeros at the end of a part of memory cannot be told from what fills its last page.
        if not size <= have < size + align and (have > size or original.bytes(i)[have:].strip(b"\0")):
            out.append(f"{name}: {have} bytes, not {size}")
    expected = {original.names[i] for i in keep}
    out += [f"a section {n}" for i, n in enumerate(built.names) if built.sections[i][2] & ALLOC and n not in expected and not n.startswith(".outside.")]
    symbols = list(original.symbols())
    have = {}
    for name, info, _, value, size in built.symbols():
        have.setdefault(name, []).append((value, size, info))
    for name, info, where, value, size in symbols:
        if name and where in addresses and (addresses[where] + value, size, info) not in have.get(name, []):
            out.append(f"{name}: {have.get(name)} not {(hex(addresses[where] + value), size, info)}")
    for i, free in patched(original, symbols).items():
        if i in addresses:
            was, now = original.bytes(i), built.bytes(built.section(original.names[i]))
            wrong = [at for at, (a, b) in enumerate(zip(was, now)) if a != b and at not in free]
            if wrong:
                out.append(f"{original.names[i]}: {len(wrong)} bytes differ, the first at {wrong[0]:#x}")
    return out


def main():
    engram, image, folder = sys.argv[1:]
    files = {os.path.basename(p).split(".ko")[0].replace("-", "_"): p for p in glob.glob(folder + "/**/*.ko", recursive=True)}
    n = bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([engram, "-q", "-r", "csv", image, "module_extract", "-o", tmp], check=True, stdout=subprocess.DEVNULL)
        for path in sorted(glob.glob(tmp + "/*.ko")):
            name = os.path.basename(path).split(".")[0]
            if name not in files:
                continue
            built, original = Elf(path), Elf(files[name])
            ids = [e.bytes(e.section(".note.gnu.build-id")) if e.section(".note.gnu.build-id") else None for e in (built, original)]
            if ids[0] != ids[1]:
                print(f"{name}: another build")
                continue
            wrong = compare(built, original)
            n += 1
            bad += bool(wrong)
            for line in wrong[:10]:
                print(f"{name}: {line}")
    print(f"{n} modules compared, {bad} differ")
    return 1 if bad or not n else 0


if __name__ == "__main__":
    sys.exit(main())

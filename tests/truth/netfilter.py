"""Rules, hooks and connections of packet filters: what nft, iptables-save, conntrack and tc said."""
import re

from declare import Declaration


def network_files(truth, stem):
    """(namespace's inode number, lines) of STEM.txt, told in the first namespace, and STEM-NUMBER.txt."""
    for name in truth.list():
        m = re.fullmatch(stem + r"(?:-(\d+))?\.txt", name)
        if m and truth.text(name):
            yield int(m[1]) if m[1] else truth.namespaces(1).get("net"), truth.lines(name)


class Nftables(Declaration):
    name = "nftables"
    against = "nft.txt, nft-NS.txt"
    keys = "NS, FAMILY, TABLE, KIND, HANDLE"
    tolerance = ("TEXT: counters that grew after nft printed them, what is left of an element's time, and forms that differ between "
                 "releases of nft (a burst of 5 packets is not written by those before 1.1, flags of tcp, lines of elements)")
    COUNTS = re.compile(r"(packets|bytes|used|expires|packet) [0-9a-z]+( \w?bytes)?")

    def expected(self, truth):
        out = {}
        self.told = set()
        for ns, lines in network_files(truth, "nft"):
            self.told.add(ns)
            for key, text in self.objects(lines):
                out[(ns, *key)] = {"TEXT": text}
        return out

    @staticmethod
    def objects(lines):
        table = inner = None
        for line in lines:
            words = line.strip()
            handle = re.search(r" # handle (\d+)$", words)
            said = words[:handle.start()] if handle else words
            if not line.startswith("\t"):
                if line.startswith("table"):
                    _, family, name = said.rstrip(" {").split()[:3]
                    table = [family, name]
                    head, parts = (family, name, "table", int(handle[1])), []
                elif line.startswith("}"):
                    yield head, "; ".join(parts)
            elif said.endswith("{") and handle:
                kind, _, name = said.rstrip(" {").rpartition(" ")
                inner, body = (table[0], table[1], kind, int(handle[1])), []
            elif words == "}" and not line.startswith("\t\t"):
                yield inner, re.sub(r", ?; ", ", ", ("; " if inner[2] != "chain" else " ").join(body))
                inner = None
            elif inner and handle and inner[2] == "chain":
                yield (table[0], table[1], "rule", int(handle[1])), said
            elif inner:
                body.append(said)
            elif said:
                parts.append(said)

    def key(self, row):
        if row["NS"] not in self.told:
            return None
        return row["NS"], row["FAMILY"], row["TABLE"], row["KIND"], row["HANDLE"]

    def have(self, row, column):
        return row[column]

    def same(self, column, want, have):
        return have is not None and self.plain(want) == self.plain(have)

    @classmethod
    def plain(cls, text):
        text = cls.COUNTS.sub(r"\1", text.replace(" burst 5 packets", ""))
        text = re.sub(r"tcp flags & \((.*?)\) == \(?([a-z |]*[a-z])\)?",
                      lambda m: f"tcp flags {m[2]} / {m[1]}".replace(" | ", ","), text)
        return re.sub(r"\s+", " ", text).strip()


DECLARATIONS = [Nftables()]

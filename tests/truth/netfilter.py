"""Rules, hooks and connections of packet filters: what nft, iptables-save, conntrack and tc said."""
import ipaddress
import json
import re

from bpf import told
from declare import Declaration
from filesystems import without_module_types


def network_files(truth, stem, inside=None):
    """(namespace's inode number, lines) of net-NUMBER/INSIDE.txt; of an older guest STEM.txt, told in the first namespace."""
    folders = [m for m in (re.fullmatch(r"net-(\d+)", name) for name in truth.list()) if m]
    for m in folders:
        if truth.text(m[0], (inside or stem) + ".txt"):
            yield int(m[1]), truth.lines(m[0], (inside or stem) + ".txt")
    if not folders and truth.text(stem + ".txt"):
        yield truth.namespaces(1).get("net"), truth.lines(stem + ".txt")


class Nftables(Declaration):
    name = "nftables"
    against = "nft.txt, net-NS/nft.txt"
    keys = "NS, FAMILY, TABLE, KIND, HANDLE"
    tolerance = ("TEXT: counters that grew after nft printed them, what is left of an element's time, and forms that differ between "
                 "releases of nft (a burst of 5 packets is not written by those before 1.1, flags of tcp, lines of elements)")
    NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1"}
    COUNTS = re.compile(r"(used) \d+ \w?bytes|(packets|bytes|used|expires) [0-9][0-9a-z]*")

    def expected(self, truth):
        out = {}
        self.told, self.saved = set(), {}
        for stem, family in (("iptables-nft", "ip"), ("ip6tables-nft", "ip6")):
            for ns, lines in network_files(truth, stem):
                self.saved[ns, family] = [line.split(" ", 3)[3] for line in lines if re.match(r"\[\d+:\d+\] -A \S+ ", line)]
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
        text = cls.COUNTS.sub(lambda m: m[1] or m[2], text.replace(" burst 5 packets", ""))
        text = re.sub(r"tcp flags & \((.*?)\) == \(?([a-z]+(?: \| [a-z]+)*)\)?",
                      lambda m: f"tcp flags {m[2]} / {m[1]}".replace(" | ", ","), text)
        text = re.sub(r"(devices = \{)([^}]*)", lambda m: m[1] + m[2].replace('"', ""), text)
        text = text.replace("hook output priority dstnat", "hook output priority -100")
        # As nft 0.9.8 writes them.
        text = re.sub(r"meta nfproto ipv([46]) (?=ip6? )", "", text)
        text = re.sub(r"(reject with icmp\w*) type ", r"\1 ", text.replace("meta l4proto tcp tcp option", "tcp option"))
        text = re.sub(r"queue num (\S+) bypass", r"queue flags bypass to \1", text)
        # Timeouts: seconds, until nft 1.1.
        units = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
        text = re.sub(r"(?<=policy = \{)[^}]*", lambda m: re.sub(
            r"\b(?:\d+[wdhms])+\b", lambda n: str(sum(int(k) * units[u] for k, u in re.findall(r"(\d+)([wdhms])", n[0]))), m[0]), text)
        # nft before 1.0 says what a match implies already, and some words otherwise.
        text = re.sub(r"meta nfproto ipv[46] (?=ip6? )|meta l4proto tcp (?=tcp option)", "", text)
        text = text.replace("icmpv6 type admin-prohibited", "icmpv6 admin-prohibited").replace("type icmpx", "icmpx")
        text = re.sub(r"queue num (\d+) bypass", r"queue flags bypass to \1", text)
        # A guest without /etc/protocols says them by number.
        text = re.sub(r"\b(l4proto|protocol|nexthdr)((?: vmap| \{| !=)*)((?: [\w-]+(?: : (?:jump )?\w+)?,?)+)",
                      lambda m: m[1] + m[2] + re.sub(r"\b(tcp|udp|icmp)\b(?!:)", lambda n: cls.NUMBERS[n[1]], m[3]), text)
        return re.sub(r"\s+", " ", text).strip()

    # What nft's library writes for extensions of which iptables-nft-save told nothing.
    TRANSLATED = {'xt target "REJECT" --reject-with icmp6-port-unreachable': "reject",
                  'xt target "REJECT" --reject-with icmp-port-unreachable': "reject"}

    def explain_wrong(self, truth, key, column, want, have):
        ports = have and self.plain(re.sub(r'xt match "(tcp|udp)" --([sd]port) (\d+)\b', r"\1 \2 \3", have))
        have, want = have and self.plain(have), self.plain(want)
        if key[3] != "rule" or not have or 'xt match "' not in have and 'xt target "' not in have:
            return None
        if any(ports.replace(xt, text) == want for xt, text in self.TRANSLATED.items()):
            return "the target of iptables-nft with its options, which nft has translated by iptables' own library"
        # All around the extensions is the same, and what they say is what iptables-nft-save said.
        parts = [p.strip() for p in re.split(r'(xt (?:match|target) "[^"]+"(?: !? ?--[\w-]+(?: "[^"]*"| (?!xt |counter )[^-"\s]\S*)*)*)', have)]
        around, extensions = [p for p in parts[::2] if p], parts[1::2]
        at = 0
        for part in around:
            at = want.find(part, at)
            if at < 0:
                return None
            at += len(part)
        said = [re.sub(r'^xt (match|target) "([^"]+)"', lambda m: {"match": "-m ", "target": "-j "}[m[1]] + m[2], e) for e in extensions]
        if (parts[0] and not want.startswith(parts[0])) or (parts[-1] and not want.endswith(parts[-1])):
            return None
        if any(all(f" {one} " in f" {line} " for one in said) for line in self.saved.get((key[0], key[1]), ())):
            return "extensions of iptables-nft as iptables-nft-save wrote them, which nft has translated by iptables' own library"
        return None


class Netfilter(Declaration):
    name = "netfilter"
    against = "net-NS/nft-hooks.txt, marks.jsonl"
    keys = "NS, FAMILY, HOOK, PRIORITY, what is called; or the address of a planted function"
    others = "nft lists hooks since 1.0.1, and only where the kernel has that interface; a planted one is told by the scene"

    def expected(self, truth):
        out = {}
        self.planted, self.told = {}, set()
        for fact in map(json.loads, truth.lines("marks.jsonl")):
            if fact["kind"] == "netfilter":
                at = int(fact["function"], 16)
                self.planted[at] = fact
                family = {"ipv4": "ip", "ipv6": "ip6"}.get(fact["pf"], fact["pf"])
                out[(at,)] = {"FAMILY": family, "HOOK": fact["hook"], "PRIORITY": fact["priority"], "MODULE": fact.get("by", "marks"),
                              "OFFSET": int(fact["ops"], 16), "HINTS": "the module is not of the kernel's tree"}
        for ns, lines in network_files(truth, "nft-hooks"):
            self.told.add(ns)
            out |= self.listed(ns, lines)
        return out

    @staticmethod
    def listed(ns, lines):
        family = hook = interface = None
        out = {}
        for words in map(str.split, lines):
            if words[:1] == ["family"]:
                family, interface = words[1], None
            elif words[:1] == ["hook"]:
                hook = words[1]
            elif words[:1] == ["device"]:
                interface = words[1]
            elif words and re.fullmatch(r"[+-]?\d+", words[0]):
                module = words[-1].strip("[]") if words[-1].startswith("[") else "kernel"
                rest = words[1:-1] if words[-1].startswith("[") else words[1:]
                what = " ".join(rest)
                if rest[0] == "chain":
                    what = f"table {rest[1]} {rest[2]} chain {rest[3]}"
                out[(ns, family, hook, interface, int(words[0]), what)] = {"MODULE": module}
        return out

    def key(self, row):
        if row["FUNCTION"] and int(row["FUNCTION"], 16) in self.planted:
            return (int(row["FUNCTION"], 16),)
        if row["NS"] not in self.told:
            return None
        what = row["DETAIL"] if (row["DETAIL"] or "").startswith("table ") and " chain " in row["DETAIL"] else row["SYMBOL"]
        return row["NS"], row["FAMILY"], row["HOOK"], row["INTERFACE"], row["PRIORITY"], what

    def have(self, row, column):
        return int(row[column], 16) if column == "OFFSET" else row[column]


class Conntrack(Declaration):
    name = "conntrack"
    against = "net-nf_conntrack-at-freeze.txt"
    keys = "NS, FAMILY, PROTO, SOURCE_ADDR, SOURCE_PORT, DESTINATION_ADDR, DESTINATION_PORT"
    tolerance = "TIMEOUT: what passes till the machine stops, and one that a packet set anew"
    others = "the file is the first namespace's, and without what has expired and is not collected yet"
    PROTOCOLS = {"1": "ICMP", "2": "IGMP", "6": "TCP", "17": "UDP", "33": "DCCP", "47": "GRE", "58": "ICMPV6", "132": "SCTP",
                 "136": "UDPLITE"}

    def expected(self, truth):
        self.ns, self.slack = truth.namespaces(1).get("net"), truth.slack()
        self.complete = truth.has("net-nf_conntrack-at-freeze.txt")
        self.by_tool = set(self.parsed(truth.lines(f"net-{self.ns}", "conntrack.txt")))
        return self.parsed(truth.lines("net-nf_conntrack-at-freeze.txt"))

    def parsed(self, lines):
        out = {}
        for line in lines:
            words = line.split()
            pairs = [w.partition("=")[::2] for w in words if "=" in w]
            ways = [{}, {}]
            for name, value in pairs:
                if name in ("src", "dst", "sport", "dport"):
                    (ways[1] if name in ways[0] else ways[0])[name] = value
            first, back = ({"src": self.address(w["src"]), "dst": self.address(w["dst"]),
                            "sport": int(w["sport"]) if "sport" in w else None,
                            "dport": int(w["dport"]) if "dport" in w else None} for w in ways)
            rest = dict(pairs)
            state = words[5] if re.fullmatch("[A-Z_0-9]+", words[5]) else None
            out[(self.ns, {"2": "AF_INET", "10": "AF_INET6"}[words[1]], self.PROTOCOLS.get(words[3], words[3]),
                 first["src"], first["sport"], first["dst"], first["dport"])] = {
                "STATE": state, "REPLY_SOURCE_ADDR": back["src"], "REPLY_SOURCE_PORT": back["sport"],
                "REPLY_DESTINATION_ADDR": back["dst"], "REPLY_DESTINATION_PORT": back["dport"], "MARK": int(rest.get("mark", 0)),
                "CT_ZONE": int(rest.get("zone", 0)), "TIMEOUT": int(words[4]),
                "STATUS": ("ASSURED" if "[ASSURED]" in words else "", "" if "[UNREPLIED]" in words else "SEEN_REPLY")}
        return out

    @staticmethod
    def address(text):
        return str(ipaddress.ip_address(text))

    def key(self, row):
        if row["NS"] != self.ns or row["KIND"] != "connection" or not self.complete or float(row["TIMEOUT"] or 0) <= 0:
            return None
        return (row["NS"], row["FAMILY"], row["PROTO"], row["SOURCE_ADDR"], row["SOURCE_PORT"], row["DESTINATION_ADDR"],
                row["DESTINATION_PORT"])

    def explain_extra(self, truth, key, row):
        if key in self.by_tool:
            return "conntrack named it shortly before; a read of /proc/net/nf_conntrack goes by places that move meanwhile"
        if any(self.flow(other) == self.flow(key) for other in self.by_tool):
            return ("conntrack named such ones with other source ports, which a program of the scene begins again and again; a read of "
                    "/proc/net/nf_conntrack goes by places that move meanwhile")
        return None

    @staticmethod
    def flow(key):
        return key[:4] + key[5:]

    def same(self, column, want, have):
        if column == "STATUS":
            bits = (have or "").split(",")
            return "CONFIRMED" in bits and want == tuple(name if name in bits else "" for name in ("ASSURED", "SEEN_REPLY"))
        if column == "TIMEOUT":
            return have is not None and -1 - self.slack <= float(have) - want <= 1
        return want == have


class Iptables(Declaration):
    name = "iptables"
    against = "net-NS/iptables-legacy.txt, net-NS/ip6tables-legacy.txt"
    keys = "NS, FAMILY, TABLE, CHAIN, number of the rule in its chain"
    tolerance = "PACKETS, PACKET_BYTES: what came after iptables-save had printed them"
    others = "of other namespaces, and of tables, nothing was printed"

    def expected(self, truth):
        out, self.told = {}, set()
        for stem, family in (("iptables", "ip"), ("ip6tables", "ip6")):
            for ns, lines in network_files(truth, stem, stem + "-legacy"):
                table, numbers = None, {}
                for line in lines:
                    if line.startswith("*"):
                        table = line[1:]
                        self.told.add((ns, family, table))
                    elif line.startswith(":"):
                        chain, policy, counts = line[1:].split()
                        packets, octets = map(int, counts.strip("[]").split(":"))
                        out[(ns, family, table, chain, 0)] = {"TEXT": policy, "PACKETS": packets, "PACKET_BYTES": octets}
                    elif line.startswith("["):
                        counts, _, chain, *rest = line.split(" ", 3)
                        packets, octets = map(int, counts.strip("[]").split(":"))
                        number = numbers[table, chain] = numbers.get((table, chain), 0) + 1
                        out[(ns, family, table, chain, number)] = {
                            "TEXT": rest[0] if rest else "", "PACKETS": packets, "PACKET_BYTES": octets}
        return out

    def rows(self, rows):
        number = 0
        for row in rows:
            number = 0 if row["KIND"] == "chain" else number + 1
            yield {**row, "NUMBER": number}

    def key(self, row):
        if (row["NS"], row["FAMILY"], row["TABLE"]) not in self.told:
            return None
        return row["NS"], row["FAMILY"], row["TABLE"], row["CHAIN"], row["NUMBER"]

    def same(self, column, want, have):
        if column == "TEXT": # the end of a search is named by some releases where it is no limit
            return (want or "").replace(" --to 65535", "") == (have or "").replace(" --to 65535", "")
        return have is not None and have >= want


class Tc(Declaration):
    name = "tc"
    against = "tc.txt, net-NS/tc-qdisc.txt, net-NS/tc-class.txt, net-NS/tc-filter.txt"
    keys = "NS, INTERFACE, KIND, NAME, TC_HANDLE, TC_PARENT, PREFERENCE"
    tolerance = ("DETAIL: sizes with their units, bursts rounded by their clock's tick; counters: what came after tc had printed them")
    others = ("actions are compared in the text of the scene's rules only, as tc prints them behind their filters; not of each namespace "
              "something was printed")
    repeats = True
    UNTYPED = "a scheduler or filter is a module, and this kernel keeps no types of modules (since 5.11)"

    def explain_missing(self, truth, key, want, got):
        return self.UNTYPED if key[2] in ("class", "filter") and key[3] != "bpf" and without_module_types(truth) else None

    def explain_wrong(self, truth, key, column, want, have):
        return self.UNTYPED if have == "its options are not known" and without_module_types(truth) else None

    def explain_extra(self, truth, key, row):
        return self.UNTYPED if key[2] == "filter" and key[4] is None and without_module_types(truth) else None

    # What tc works out itself or what is of no use later; bursts and limits in other forms.
    IGNORED = {"refcnt", "lat", "mpu", "linklayer", "ver", "seed", "direct_packets_stat", "order", "level", "burst", "cburst", "not_in_hw",
               "rule", "success"}

    def expected(self, truth):
        self.told = {}
        here = truth.namespaces(1).get("net")
        out = self.listed(here, "dummy0", "ingress", truth.lines("tc.txt"))
        if out:
            self.told[here] = {"qdisc", "filter dummy0"}
        for ns, lines in network_files(truth, "", "tc-qdisc"):
            self.told.setdefault(ns, set()).add("qdisc")
            out |= self.listed(ns, None, None, lines)
        for ns, lines in network_files(truth, "", "tc-class"):
            self.told.setdefault(ns, set()).add("class")
            out |= self.listed(ns, None, None, lines)
        for ns, lines in network_files(truth, "", "tc-filter"):
            found = self.filters(ns, lines)
            self.told.setdefault(ns, set()).update(f"filter {key[1]}" for key in found)
            out |= found
        return out

    @classmethod
    def listed(cls, ns, device, where, lines):
        out = {}
        last = None
        for words in map(str.split, lines):
            if words[:1] == ["qdisc"]:
                at = words.index("dev")
                parent = "root" if words[at + 2] == "root" else words[words.index("parent") + 1]
                parent = "ingress" if parent == "ffff:fff1" else parent
                options = words[at + 3:] if words[at + 2] == "root" else words[at + 4:]
                last = out[(ns, words[at + 1], "qdisc", words[1], words[2], parent, None)] = {
                    "DETAIL": " ".join(w for w in options if not w.startswith("---"))}
            elif words[:2] == ["class", "dev"] and words[3] in ("htb", "prio"):
                parent = "root" if words[5] == "root" else words[6]
                options = words[6:] if words[5] == "root" else words[7:]
                last = out[(ns, words[2], "class", words[3], words[4], parent, None)] = {"DETAIL": " ".join(options)}
                if words[3] == "prio":
                    last = None # its counters are those of the leaf
            elif words[:1] == ["class"]:
                last = None
            elif words[:1] == ["Sent"] and last is not None:
                last |= {"PACKET_BYTES": int(words[1]), "PACKETS": int(words[3])}
            elif words[:1] == ["filter"] and "bpf" in words and "id" in words and device:
                at = words.index("pref")
                out[(ns, device, "filter", "bpf", words[words.index("handle") + 1], where, int(words[at + 1]))] = {
                    "PROTO": words[words.index("protocol") + 1], "BPF_ID": int(words[words.index("id") + 1]),
                    "TAG": words[words.index("tag") + 1]}
        return out

    @staticmethod
    def filters(ns, lines):
        """filter dev X ingress protocol P pref N KIND chain 0 (handle H | fh H) …; of a clsact each stands there twice or more."""
        out = {}
        rule = None
        for words in map(str.split, lines):
            if words[:1] == ["match"] and rule:
                rule["DETAIL"] += f" match {words[1]} at {words[3]}"
            if words[:1] != ["filter"] or not {"handle", "fh"} & set(words):
                rule = rule if words[:1] != ["filter"] else None
                continue
            parent = words[words.index("parent") + 1] if "parent" in words else words[3]
            parent = "ingress" if parent == "ffff:" else parent
            at = words.index("pref")
            name = words[at + 2]
            number = words[words.index("handle" if "handle" in words else "fh") + 1]
            rest = words[words.index(number) + 1:]
            rule = out[(ns, words[2], "filter", name, number, parent, int(words[at + 1]))] = {
                "PROTO": words[words.index("protocol") + 1]}
            if name == "u32":
                rest = rest[2:] if rest[0] == "order" else rest
                rule["DETAIL"] = " ".join(w.lstrip("*") for w in rest).split(" not_in_hw")[0]
            elif name == "bpf":
                rule |= {"BPF_ID": int(words[words.index("id") + 1]), "TAG": words[words.index("tag") + 1]}
        return out

    def key(self, row):
        kind = f"filter {row['INTERFACE']}" if row["KIND"] == "filter" else row["KIND"]
        if kind not in self.told.get(row["NS"], ()) or row["NAME"] not in ("htb", "prio") and row["KIND"] == "class":
            return None
        return tuple(row[name] for name in self.keys.split(", "))

    @classmethod
    def options(cls, text):
        """{name: values in plain units}: "limit 32Mb ecn" is {"limit": ["33554432"], "ecn": []}."""
        out, name = {}, None
        for word in (text or "").split():
            size = re.fullmatch(r"(\d+)([KMG]?)(b|p|bit|sec|)(/.*)?", word)
            if size or re.fullmatch(r"[\da-fx]*:[\da-f:]*|0x[\da-f]+|\d+\w*|[\da-f]{8}/.*|\d+\.\d+|ethernet|\?", word):
                number = int(size[1]) * {"": 1, "K": 1024, "M": 1024 ** 2, "G": 1024 ** 3}[size[2]] if size and size[3] == "b" else word
                out.setdefault(name, []).append(str(number).removesuffix("p").removesuffix("sec"))
            else:
                name = word
                out.setdefault(name, [])
        return {n: v for n, v in out.items() if n not in cls.IGNORED}

    def same(self, column, want, have):
        if column != "DETAIL":
            return have == want if column not in ("PACKETS", "PACKET_BYTES") else have is not None and have >= want
        want, have = self.options(want), self.options(have)
        return all(have.get(name) == value for name, value in want.items())


class Xdp(Declaration):
    name = "xdp"
    against = "bpftool-net.json, bpftool-prog.json"
    keys = "NS, INTERFACE, KIND"

    def expected(self, truth):
        out = {}
        self.ns = truth.namespaces(1).get("net")
        programs = {p["id"]: p for p in told(truth, "prog")}
        for net in told(truth, "net"):
            for one in net["xdp"]:
                program = programs.get(one["id"], {})
                out[(self.ns, one["devname"], one["mode"])] = {
                    "IFINDEX": one["ifindex"], "BPF_ID": one["id"], "BPF_NAME": program.get("name"), "TAG": program.get("tag")}
        return out

    def key(self, row):
        return (row["NS"], row["INTERFACE"], row["KIND"]) if row["NS"] == self.ns else None


DECLARATIONS = [Nftables(), Netfilter(), Conntrack(), Iptables(), Tc(), Xdp()]

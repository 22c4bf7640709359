"""The state of the network: interfaces, routes, rules, neighbours, forwarding, WireGuard, IPsec, against ip(8), bridge(8) and wg(8)."""
import calendar
import ipaddress
import json
import re

from declare import Declaration

OTHER_SPACES = "the guest told of some network namespaces only"
ONLY_PROC = "of the guest there is only /proc/net, which has less of it"
MOVED = "the time between the report and the freeze passed"
TYPES = "unicast local broadcast multicast anycast blackhole unreachable prohibit throw nat".split()
TYPES_BY_NUMBER = {str(i): name for i, name in enumerate(
    "unspec unicast local broadcast anycast multicast blackhole unreachable prohibit throw nat".split())}
TABLES = {"253": "default", "254": "main", "255": "local"}
SCOPES = {"0": "global", "200": "site", "253": "link", "254": "host", "255": "nowhere"}
ORIGINS = {"0": "unspec", "1": "redirect", "2": "kernel", "3": "boot", "4": "static", "9": "ra", "16": "dhcp"}


def first_space(truth):
    """The inode number of the first network namespace: that of process 1."""
    for pid in (1, 2, *truth.told()):
        if "net" in (spaces := truth.namespaces(pid)):
            return spaces["net"]
    return None


def spaces(truth):
    """(number, folder) of the namespaces that ip(8) told of: the first one's reports have no folder in older images."""
    out = {int(name.removeprefix("net-")): (name,) for name in truth.list() if re.fullmatch(r"net-\d+", name)}
    if first_space(truth):
        out.setdefault(first_space(truth), ())
    return sorted(out.items())


def told(truth, key):
    return any(space == key[0] for space, _ in spaces(truth))


def hexadecimal_address(text):
    return str(ipaddress.IPv6Address(bytes.fromhex(text)))


class OfSpaces(Declaration):
    """Rows by namespace."""

    def explain_extra(self, truth, key, row):
        return None if told(truth, key) else OTHER_SPACES


class Interfaces(OfSpaces):
    name = "interfaces"
    against = "ip -d addr of each namespace; where there is none /proc/net/if_inet6"
    keys = "NS, INTERFACE, IP"
    tolerance = "FLAGS: in any order"

    def expected(self, truth):
        out = {}
        self.full = set()
        self.names = {"user": truth.lines("users.txt"), "group": truth.lines("groups.txt")}
        for space, folder in spaces(truth):
            text = truth.text(*folder, "ip-addr.json")
            if not text:
                continue
            self.full.add(space)
            for dev in json.loads(text):
                shared = self.device(dev)
                for a in dev["addr_info"] or [None]:
                    want = dict(shared)
                    if a:
                        want |= {"PREFIX": a["prefixlen"], "SCOPE_TYPE": a["scope"], "PEER": a.get("address")}
                    out[space, dev["ifname"], a and a["local"]] = want
        space = first_space(truth)
        self.others = "" if space in self.full else ONLY_PROC
        if space and space not in self.full:
            for line in truth.lines("proc", "net", "if_inet6"):
                address, index, prefix, scope, _, name = line.split()
                out[space, name, hexadecimal_address(address)] = {
                    "IFINDEX": int(index, 16), "PREFIX": int(prefix, 16), "SCOPE_TYPE": {0: "global", 0x20: "link", 0x10: "host"}[int(scope, 16)]}
        return out

    def device(self, dev):
        info = dev.get("linkinfo", {})
        want = {"IFINDEX": dev["ifindex"], "MAC": dev.get("address"), "STATE": dev["operstate"], "MTU": dev["mtu"], "QDISC": dev["qdisc"],
                "QLEN": dev.get("txqlen", 0), "FLAGS": set(dev["flags"]), "PROMISCUITY": dev["promiscuity"], "MASTER": dev.get("master"),
                "KIND": info.get("info_kind")}
        if dev.get("link"):
            want["LINK"] = dev["link"]
        if text := self.detail(info.get("info_kind"), info.get("info_data", {})):
            want["DETAIL"] = text
        return want

    def number(self, name, kind):
        """Of a user or group that the guest called by name."""
        for line in self.names[kind]:
            words = line.split(":")
            if words[0] == str(name):
                return words[2]
        return name

    def detail(self, kind, data):
        """In the plugin's words, of what ip(8) says of a kind."""
        if kind == "vlan":
            return f"id {data['id']} {data['protocol']}"
        if kind == "macvlan":
            return f"mode {data['mode']}"
        if kind == "vxlan":
            ends = "".join(f" {side} {end}" for side in ("remote", "local") if (end := data.get(side) or data.get(side + "6")))
            return f"id {data['id']}{ends} port {data['port']}"
        if kind == "bond":
            return f"mode {data['mode']}" + (f" active {data['active_slave']}" if data.get("active_slave") else "")
        if kind == "vrf":
            return f"table {data['table']}"
        if kind == "tun":
            words = [data["type"]]
            words += [f"{word} {self.number(data[key], key)}" for word, key in (("owner", "user"), ("group", "group")) if key in data]
            return " ".join(words + ["persist"] * bool(data.get("persist")))
        if kind in ("gre", "gretap", "ipip", "sit") and "remote" in data:
            ends = {side: "0.0.0.0" if data[side] == "any" else data[side] for side in ("remote", "local")}
            keys = "".join(f" {key} {int(ipaddress.IPv4Address(data[key]))}" for key in ("ikey", "okey") if int(ipaddress.IPv4Address(data.get(key, 0))))
            return f"remote {ends['remote']} local {ends['local']}" + (f" ttl {data['ttl']}" if data.get("ttl") else "") + keys
        return None

    def key(self, row):
        return row["NS"], row["INTERFACE"], row["IP"]

    def have(self, row, column):
        return set((row[column] or "").split(",")) if column == "FLAGS" else row[column]

    def explain_wrong(self, truth, key, column, want, have):
        if column == "DETAIL" and have is None and older_than_module_types(truth):
            return "this kernel does not keep the types of modules (since 5.11)"
        return None

    def explain_extra(self, truth, key, row):
        if key[0] == first_space(truth) and key[0] not in self.full:
            return ONLY_PROC
        return super().explain_extra(truth, key, row)


def version(truth):
    words = (truth.text("proc", "version") or "").split()
    return tuple(map(int, words[2].split("-")[0].split(".")[:2])) if len(words) > 2 else (0, 0)


def older_than_module_types(truth):
    return version(truth) < (5, 11)


class Routes(OfSpaces):
    name = "routes"
    against = "ip route show table all, of IPv4 and IPv6, of each namespace; where there is none /proc/net/route and ipv6_route"
    keys = "NS, FAMILY, ROUTE_TABLE, NETWORK, TYPE, INTERFACE, GATEWAY, METRIC"

    def expected(self, truth):
        out = {}
        self.full = set()
        for space, folder in spaces(truth):
            for name in ("ip-route.txt", "ip-route6.txt"):
                if truth.has(*folder, name):
                    self.full.add(space)
                    self.parse(out, space, truth.lines(*folder, name), "6" in name)
        space = first_space(truth)
        self.others = "" if space in self.full else ONLY_PROC
        if space and space not in self.full:
            self.proc(out, space, truth)
        return out

    def parse(self, out, space, lines, six):
        route = None
        for number, line in enumerate(lines):
            words = line.split()
            if not words:
                continue
            if line[0].isspace():  # a next hop
                if words[0] == "nexthop":
                    self.add(out, space, route, self.pairs(words[1:], {}), six)
                continue
            kind = words.pop(0) if words[0] in TYPES or words[0].isdigit() else "unicast"
            kind = TYPES_BY_NUMBER.get(kind, kind)
            route = self.pairs(words[1:], {"type": kind, "dst": words[0]})
            several = False
            for after in lines[number + 1:]:
                if not after[:1].isspace():
                    break
                several |= after.split()[:1] == ["nexthop"]
            if not several:
                self.add(out, space, route, {}, six)

    @staticmethod
    def pairs(words, into):
        it = iter(words)
        for word in it:
            if word in ("via", "dev", "table", "proto", "scope", "src", "metric", "nhid", "tos", "weight", "from", "expires", "pref", "mtu", "advmss",
                        "hoplimit"):
                value = next(it, "")
                if word == "via" and value in ("inet", "inet6"):
                    into["other family"], value = True, next(it, "")
                into[word] = value
        return into

    def add(self, out, space, route, hop, six):
        all_ = {**route, **hop}
        network = all_["dst"]
        six = six or ":" in network or ":" in all_.get("src", "") or ":" in all_.get("via", "") and "other family" not in all_
        if network != "default":
            address = ipaddress.ip_interface(network)
            network = str(address.ip) + ("" if address.network.prefixlen == address.max_prefixlen else f"/{address.network.prefixlen}")
        table = TABLES.get(all_.get("table", "main"), all_.get("table", "main"))
        metric = int(all_.get("metric", 1024 if six else 0))
        key = (space, "AF_INET6" if six else "AF_INET", table, network, route["type"], all_.get("dev"), all_.get("via"), metric)
        origin = all_.get("proto", "boot")
        out[key] = {"PREFERRED_SOURCE": all_.get("src"), "ORIGIN": ORIGINS.get(origin, origin)}
        if not six:
            scope = all_.get("scope", "global")
            out[key]["SCOPE_TYPE"] = SCOPES.get(scope, scope)
        if "weight" in hop:
            out[key]["HOP_WEIGHT"] = int(hop["weight"])
        if "tos" in all_:
            out[key]["TOS"] = int(all_["tos"], 16)
        if "nhid" in all_:
            out[key]["NEXTHOP_ID"] = int(all_["nhid"])

    @staticmethod
    def proc(out, space, truth):
        def little(text):
            return str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(text), "little")))
        for line in truth.lines("proc", "net", "route")[1:]:
            name, to, via, flags, _, _, metric, mask = line.split()[:8]
            prefix = bin(int(mask, 16)).count("1")
            network = "default" if not prefix else little(to) + (f"/{prefix}" if prefix < 32 else "")
            if int(flags, 16) & 0x200 == 0:  # RTF_REJECT: it does not say of which type
                key = (space, "AF_INET", "main", network, "unicast", name, little(via) if int(flags, 16) & 2 else None, int(metric))
                out[key] = {}

    def key(self, row):
        return (row["NS"], row["FAMILY"], row["ROUTE_TABLE"], row["NETWORK"], row["TYPE"], row["INTERFACE"], row["GATEWAY"], row["METRIC"])

    def explain_extra(self, truth, key, row):
        if key[0] == first_space(truth) and key[0] not in self.full:
            return ONLY_PROC
        return super().explain_extra(truth, key, row)


class NextHops(OfSpaces):
    name = "routes --nexthops"
    against = "ip nexthop of each namespace"
    keys = "NS, NEXTHOP_ID, GATEWAY"

    def expected(self, truth):
        out = {}
        for space, folder in spaces(truth):
            hops = {hop["id"]: hop for hop in json.loads(truth.text(*folder, "ip-nexthop.json") or "[]")}
            for number, hop in hops.items():
                for member in hop.get("group", [hop]):
                    end = hops[member["id"]]
                    out[space, number, end.get("gateway")] = {
                        "INTERFACE": end.get("dev"), "TYPE": "next hop group" if "group" in hop else "blackhole" if "blackhole" in hop else "next hop",
                        "HOP_WEIGHT": member.get("weight", 1) if "group" in hop else None}
        return out

    def key(self, row):
        return row["NS"], row["NEXTHOP_ID"], row["GATEWAY"]


class Rules(OfSpaces):
    name = "rules"
    against = "ip rule and ip -6 rule of each namespace"
    keys = "NS, FAMILY, PRIORITY, ACTION, ROUTE_TABLE"

    def expected(self, truth):
        out = {}
        for space, folder in spaces(truth):
            for name in ("ip-rule.txt", "ip-rule6.txt"):
                family = "AF_INET6" if "6" in name else "AF_INET"
                for line in truth.lines(*folder, name):
                    priority, _, rest = line.partition(":")
                    if int(priority) == 0 and (space, family, 0, "lookup", "local") in out:
                        family = "AF_INET6"  # both in one file
                    key, want = self.rule(rest.split())
                    out[space, family, int(priority), *key] = want
        self.keys_told = set(out)
        return out

    @staticmethod
    def rule(words):
        want, selector, action, table = {"FROM": "all", "TO": "all"}, [], None, None
        it = iter(words)
        for word in it:
            if word in ("from", "to"):
                want[word.upper()] = next(it)
            elif word in ("lookup", "goto"):
                action, table = word, next(it)
            elif word in ("blackhole", "unreachable", "prohibit", "nop"):
                action = word
            elif word in ("suppress_prefixlength", "suppress_ifgroup"):
                want["SUPPRESS"] = f"{word.removeprefix('suppress_').replace('length', 'length')} {next(it)}"
            elif word == "proto":
                next(it)
            elif word == "not":
                selector.append(word)
            else:
                selector.append(f"{word} {next(it, '')}")
        want["SELECTOR"] = sorted(selector)
        return (action, "l3mdev" if table == "[l3mdev-table]" else TABLES.get(table, table)), want

    def rows(self, rows):
        return [row for row in rows if row["FAMILY"] in ("AF_INET", "AF_INET6")]  # those of multicast are in no report

    def key(self, row):
        return row["NS"], row["FAMILY"], row["PRIORITY"], row["ACTION"], row["ROUTE_TABLE"]

    def explain_extra(self, truth, key, row):
        if key[1] == "AF_INET6" and not any(k[:2] == key[:2] for k in self.keys_told):
            return "the guest told of rules of IPv4 only"
        if key[0] != first_space(truth) and not truth.has(f"net-{key[0]}", "ip-rule.txt"):
            return OTHER_SPACES
        return super().explain_extra(truth, key, row)

    def have(self, row, column):
        if column != "SELECTOR":
            return row[column]
        words = (row[column] or "").split()
        return sorted([w for w in words if w == "not"] + [" ".join(p) for p in zip(*[iter([w for w in words if w != "not"])] * 2)])


class Neighbours(OfSpaces):
    name = "neighbours"
    against = "ip neigh of each namespace; where there is none /proc/net/arp"
    keys = "NS, INTERFACE, IP"
    tolerance = "STATE: what answered may grow old until the freeze, and be asked again"
    AGES = {"REACHABLE", "STALE", "DELAY", "PROBE"}

    def expected(self, truth):
        out = {}
        self.full = set()
        for space, folder in spaces(truth):
            if text := truth.text(*folder, "ip-neigh.json"):
                self.full.add(space)
                for n in json.loads(text):
                    out[space, n["dev"], n["dst"]] = {"MAC": n.get("lladdr"), "STATE": n["state"][0]}
            elif truth.has(*folder, "ip-neigh.txt"):
                self.full.add(space)
                for words in map(str.split, truth.lines(*folder, "ip-neigh.txt")):
                    mac = words[words.index("lladdr") + 1] if "lladdr" in words else None
                    out[space, words[2], words[0]] = {"MAC": mac, "STATE": words[-1]}
        self.proxies = set()
        for space, folder in spaces(truth):
            if folder and truth.has(*folder, "ip-neigh-proxy.txt"):
                self.proxies.add(space)
                for words in map(str.split, truth.lines(*folder, "ip-neigh-proxy.txt")):
                    out[space, words[2], words[0]] = {"FLAGS": "proxy"}
        space = first_space(truth)
        self.others = "" if space in self.full else ONLY_PROC
        if space and space not in self.full:
            for line in truth.lines("proc", "net", "arp")[1:]:
                address, _, flags, mac, _, name = line.split()
                out[space, name, address] = {"MAC": mac} if int(flags, 16) & 2 else {}
        return out

    def rows(self, rows):
        return [row for row in rows if row["STATE"] != "NOARP" and (row["FLAGS"] != "proxy" or row["NS"] in self.proxies)]  # shown only when asked

    def key(self, row):
        return row["NS"], row["INTERFACE"], row["IP"]

    def same(self, column, want, have):
        return want == have or column == "STATE" and want in self.AGES and have in self.AGES

    def explain_missing(self, truth, key, want, got):
        if want.get("STATE") in ("FAILED", "INCOMPLETE"):
            return "an address that does not answer is forgotten: " + MOVED
        return None

    def explain_wrong(self, truth, key, column, want, have):
        if truth.has("ip-neigh.txt") and column == "STATE" and {want, have} <= {"FAILED", "INCOMPLETE"} | self.AGES:
            return MOVED
        return None

    def explain_extra(self, truth, key, row):
        if key[0] == first_space(truth) and key[0] not in self.full:
            return ONLY_PROC
        return super().explain_extra(truth, key, row)


class Forwarding(OfSpaces):
    name = "fdb"
    against = "bridge fdb of each namespace"
    keys = "NS, INTERFACE, MAC, VLAN, MASTER, DESTINATION_ADDR"

    def expected(self, truth):
        out = {}
        self.others_say = set()  # interfaces whose driver has a database of its own
        for space, folder in spaces(truth):
            text = truth.text(*folder, "fdb.json")
            self.others_say |= {d["ifname"] for d in json.loads(truth.text(*folder, "ip-addr.json") or "[]")
                                if d.get("linkinfo", {}).get("info_kind") == "vxlan"}
            for e in json.loads(text) if text else []:
                out[space, e["ifname"], e["mac"], e.get("vlan"), e.get("master"), e.get("dst")] = {
                    "STATE": {"": "learned"}.get(e.get("state", ""), e.get("state"))}
            if not text:
                for words in map(str.split, truth.lines(*folder, "bridge-fdb.txt")):
                    def after(word, w=words):
                        return w[w.index(word) + 1] if word in w else None
                    vlan = after("vlan")
                    out[space, after("dev"), words[0], vlan and int(vlan), after("master"), after("dst")] = {
                        "STATE": next((s for s in ("permanent", "static") if s in words), "learned")}
        return out

    def key(self, row):
        return row["NS"], row["INTERFACE"], row["MAC"], row["VLAN"], row["MASTER"], row["DESTINATION_ADDR"]

    def explain_missing(self, truth, key, want, got):
        vxlan = any(key[1] == d["ifname"] and d.get("linkinfo", {}).get("info_kind") == "vxlan"
                    for d in json.loads(truth.text(f"net-{key[0]}", "ip-addr.json") or "[]"))
        return "the driver of a vxlan has it, and this kernel keeps no types of modules (since 5.11)" if vxlan and older_than_module_types(truth) else None

    def explain_extra(self, truth, key, row):
        if told(truth, key) and key[3:] == (None, None, None) and key[1] in self.others_say:
            return "bridge asks the driver of a vxlan, which does not tell what the interface itself takes"
        if key[0] != first_space(truth) and not truth.has(f"net-{key[0]}", "fdb.json"):
            return OTHER_SPACES
        return super().explain_extra(truth, key, row)


class WireGuard(Declaration):
    name = "wireguard"
    against = "wg show all dump"
    keys = "INTERFACE, PEER_KEY"
    tolerance = "RECEIVED, SENT, HANDSHAKE: not less than then"
    others = "wg tells of the first namespace"

    def applies(self, truth):
        return super().applies(truth) and not older_than_module_types(truth)

    def expected(self, truth):
        out, own = {}, {}
        for line in truth.lines("wg.txt") + truth.lines("wg-wgns.txt"):
            words = line.split("\t")
            if len(words) == 5:
                own[words[0]] = {"OWN_KEY": words[2], "SOURCE_PORT": int(words[3])}
            elif len(words) == 9:
                name, key, _, endpoint, allowed, handshake, received, sent, keepalive = words
                address, _, port = endpoint.rpartition(":") if endpoint != "(none)" else ("", "", "")
                out[name, key] = own[name] | {
                    "DESTINATION_ADDR": address.strip("[]") or None, "DESTINATION_PORT": int(port) if port else None,
                    "ALLOWED_IPS": set(allowed.split(",")) if allowed != "(none)" else {""}, "HANDSHAKE": int(handshake) or None, "RECEIVED": int(received), "SENT": int(sent),
                    "KEEPALIVE": None if keepalive == "off" else int(keepalive)}
        return out

    def key(self, row):
        return row["INTERFACE"], row["PEER_KEY"]

    def have(self, row, column):
        if column == "ALLOWED_IPS":
            return set((row[column] or "").split(","))
        return row[column]

    def same(self, column, want, have):
        if column in ("RECEIVED", "SENT"):
            return have is not None and 0 <= have - want < 1 << 20
        if column == "HANDSHAKE":
            return have == want if want is None or have is None else 0 <= seconds(have) - want < 3600
        return want == have


def seconds(text):
    """Of a time as json has it, "2026-03-14T09:26:53.5Z"; -1: it is none."""
    whole = re.fullmatch(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.\d+)?Z", text)
    return calendar.timegm(tuple(map(int, whole.groups()))) if whole else -1


class IPsec(OfSpaces):
    name = "xfrm"
    against = "ip -s xfrm state and policy of each namespace"
    keys = "NS, KIND, and of a state SPI, of a policy SELECTOR and DIRECTION"

    def expected(self, truth):
        out = {}
        for space, folder in spaces(truth):
            self.states(out, space, "\n".join(truth.lines(*folder, "xfrm-state.txt")))
            self.policies(out, space, "\n".join(truth.lines(*folder, "xfrm-policy.txt")))
        return out

    @staticmethod
    def states(out, space, text):
        for block in re.split(r"\n(?=src )", text):
            if not (head := re.match(r"src (\S+) dst (\S+)", block)):
                continue
            proto, spi, mode = re.search(r"proto (\w+) spi (0x[0-9a-f]+)\S* .*?mode (\w+)", block).groups()
            want = {"SOURCE_ADDR": head[1], "DESTINATION_ADDR": head[2], "PROTO": proto.upper(), "XFRM_MODE": mode}
            if reqid := re.search(r"reqid (\d+)", block):
                want["REQID"] = int(reqid[1]) or None
            if found := re.search(r"auth(?:-trunc)? (\S+) 0x(?:[0-9a-f]*)? ?(?:\((\d+) bits\))?", block):
                want["AUTHENTICATION"] = found[1]
            if found := re.search(r"(?:enc|aead) (\S+) ", block):
                want["ENCRYPTION"] = found[1]
            if found := re.search(r"encap type \S+ sport (\d+) dport (\d+)", block):
                want["ENCAPSULATION"] = f"udp {found[1]} -> {found[2]}"
            out[space, "state", spi] = want

    @staticmethod
    def policies(out, space, text):
        for block in re.split(r"\n(?=src )", text):
            if not (head := re.match(r"src (\S+) dst (\S+)", block)) or not (way := re.search(r"\sdir (in|out|fwd)", block)):
                continue
            action = re.search(r"action (\w+)", block)
            ends = ["any" if e in ("0.0.0.0/0", "::/0") else e for e in (head[1], head[2])]
            out[space, "policy", f"{ends[0]} -> {ends[1]}", way[1]] = {
                "ACTION": action[1] if action else "allow", "PRIORITY": int(re.search(r"priority (\d+)", block)[1])}

    def key(self, row):
        if row["KIND"] == "state":
            return row["NS"], "state", row["SPI"]
        return row["NS"], "policy", " ".join((row["SELECTOR"] or "").split()[:3]), row["DIRECTION"]

    def have(self, row, column):
        value = row[column]
        return value and value.split(" (")[0] if column in ("AUTHENTICATION", "ENCRYPTION") else value


class Packets(Declaration):
    """Words that an actor sent and that nobody reads."""
    name = "packets --data"
    against = "lab/facts.jsonl: words that wait at a socket"
    keys = "PID, FD, words"
    repeats = True
    others = "what else waits in queues"

    def expected(self, truth):
        freeze = set(truth.pids())
        self.known = {(fact["pid"], fact["fd"], words): {"HELD": True} for fact in truth.facts("unread")
                      if fact["pid"] in freeze and not fact["what"].startswith("unix")
                      for words in fact["words"].split("|") if len(words) > 1}
        return self.known

    def rows(self, rows):
        """One for each of the words that a packet holds."""
        out = []
        for row in rows:
            data = bytes.fromhex(row["BYTES"] or "")
            out += [row | {"WORDS": words} for pid, fd, words in self.known if pid == row["PID"] and words.encode() in data]
        return out

    def key(self, row):
        key = row["PID"], row["FD"], row["WORDS"]
        return key if key in self.known else None

    def have(self, row, column):
        return True


DECLARATIONS = [Interfaces(), Routes(), NextHops(), Rules(), Neighbours(), Forwarding(), WireGuard(), IPsec(), Packets()]

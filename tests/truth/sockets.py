"""Sockets: /proc/net at the freeze, by the kernel's own addresses; `ss` by cookies; descriptors."""
import ipaddress
import re

from declare import Declaration
from filesystems import without_module_types

STATES = [None, "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
          "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV", "BOUND_INACTIVE"]
SS_STATES = {"ESTAB": "ESTABLISHED", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RECV", "FIN-WAIT-1": "FIN_WAIT1",
             "FIN-WAIT-2": "FIN_WAIT2", "TIME-WAIT": "TIME_WAIT", "CLOSE-WAIT": "CLOSE_WAIT", "LAST-ACK": "LAST_ACK",
             "LISTEN": "LISTEN", "CLOSING": "CLOSING"}
TIMERS = {"00": None, "01": "on", "02": "keepalive", "03": "timewait", "04": "persist"}
TYPES = {1: "STREAM", 2: "DGRAM", 3: "RAW", 5: "SEQPACKET", 10: "PACKET"}
PROTOCOLS = {0: "IP", 1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPV6", 89: "OSPF", 132: "SCTP", 255: "RAW"}
NETLINK = {0: "ROUTE", 2: "USERSOCK", 4: "SOCK_DIAG", 5: "NFLOG", 6: "XFRM", 7: "SELINUX", 8: "ISCSI", 9: "AUDIT",
           10: "FIB_LOOKUP", 11: "CONNECTOR", 12: "NETFILTER", 15: "KOBJECT_UEVENT", 16: "GENERIC",
           18: "SCSITRANSPORT", 19: "ECRYPTFS", 20: "RDMA", 21: "CRYPTO", 22: "SMC"}
ETHER = {0: "NONE", 3: "ALL", 0x800: "IP", 0x806: "ARP", 0x86dd: "IPV6", 0x888e: "EAPOL", 0x88cc: "LLDP"}
# What /proc/net has a file for.
TOLD = {("AF_INET", "TCP"), ("AF_INET6", "TCP"), ("AF_INET", "UDP"), ("AF_INET6", "UDP")}


def address(text):
    """Words of the guest's byte order, which is this one's."""
    data = b"".join(int(text[i:i + 8], 16).to_bytes(4, "little") for i in range(0, len(text), 8))
    return str(ipaddress.ip_address(data)) if len(data) == 4 else v6(ipaddress.IPv6Address(data))


def v6(a):
    mapped = a.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else str(a)


def inet_line(words, kind):
    local, port = words[1].split(":")
    remote, rport = words[2].split(":")
    tx, rx = (int(w, 16) for w in words[4].split(":"))
    state = int(words[3], 16)
    out = {"FAMILY": "AF_INET6" if kind.endswith("6") else "AF_INET", "SOURCE_ADDR": address(local),
           "DESTINATION_ADDR": address(remote), "RECEIVE_QUEUE": rx}
    if kind.startswith("raw"):
        out |= {"TYPE": "RAW", "PROTO": PROTOCOLS.get(int(port, 16), str(int(port, 16)))}
    else:
        out |= {"SOURCE_PORT": int(port, 16), "DESTINATION_PORT": int(rport, 16)}
    if kind.startswith("tcp"):
        out |= {"PROTO": "TCP", "TYPE": "STREAM", "STATE": STATES[state], "TIMER": TIMERS[words[5][:2]]}
    else:
        out["STATE"] = "ESTABLISHED" if state == 1 else "UNCONNECTED"
    if kind.startswith("udp"):
        out |= {"PROTO": "UDP", "TYPE": "DGRAM"}
    if state != 10:
        out["SEND_QUEUE"] = tx
    if int(words[9]):
        out |= {"INODE": int(words[9]), "UID": int(words[7])}
    if state == 3:
        out |= {"RECEIVE_QUEUE": 0, "SEND_QUEUE": 0}
    return out


def unix_line(line):
    words = line.split(None, 7)
    out = {"FAMILY": "AF_UNIX", "TYPE": TYPES[int(words[4], 16)], "INODE": int(words[6]),
           "SOURCE_ADDR": words[7] if len(words) > 7 else None}
    out["STATE"] = "LISTEN" if int(words[3], 16) & 0x10000 else "UNCONNECTED" if words[5] == "01" else "ESTABLISHED"
    return out


def groups(mask):
    return [i + 1 for i in range(32) if mask >> i & 1]


def frozen(truth, when):
    """{address: {column: value}} of /proc/net/* of the first namespace."""
    out = {}
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        for line in truth.lines(f"net-{kind}-{when}.txt")[1:]:
            words = line.split()
            pointer = next((w for w in words[10:] if len(w) == 16), None)
            if pointer:
                out[int(pointer, 16)] = inet_line(words, kind)
    for line in truth.lines(f"net-unix-{when}.txt")[1:]:
        out[int(line.split(":")[0], 16)] = unix_line(line)
    for line in truth.lines(f"net-netlink-{when}.txt")[1:]:
        w = line.split()
        out[int(w[0], 16)] = {"FAMILY": "AF_NETLINK", "PROTO": "NETLINK_" + NETLINK[int(w[1])], "SOURCE_PORT": int(w[2]),
                              "RECEIVE_QUEUE": int(w[4]), "SEND_QUEUE": int(w[5]), "INODE": int(w[9]),
                              "NETLINK_GROUPS": groups(int(w[3], 16))}
    for line in truth.lines(f"net-packet-{when}.txt")[1:]:
        w = line.split()
        out[int(w[0], 16)] = {"FAMILY": "AF_PACKET", "TYPE": TYPES[int(w[2])], "RECEIVE_QUEUE": int(w[6]), "INODE": int(w[8]),
                              "PROTO": ETHER.get(int(w[3], 16), f"{int(w[3], 16):#06x}")}
    return out


def end(text):
    """(address, port) of `ss`; "*" is any."""
    host, _, port = text.rpartition(":")
    return re.sub(r"%[^\]]*", "", host).strip("[]"), int(port) if port.isdigit() else None


def normal(host):
    return v6(ipaddress.ip_address(host)) if ":" in host else host


def users(line):
    return {(int(p), int(f)) for p, f in re.findall(r"pid=(\d+),fd=(\d+)", line)}


def ss_line(line):
    """(cookie or None, columns) of what does not move until the freeze; None: a line of another kind."""
    words = line.split()
    if len(words) < 6 or words[0] in ("Netid", "nl", "`-") or words[0].startswith("p_"):
        return None
    closed = "CLOSE" if words[0] in ("tcp", "mptcp", "sctp", "dccp") else "UNCONNECTED"
    want = {"state": closed if words[1] == "UNCONN" else SS_STATES.get(words[1], words[1])}
    cookie = re.search(r" sk:([0-9a-f]+)", line)
    if words[0].startswith("v_"):
        return None, want | {"SOURCE_PORT": end(words[4])[1], "DESTINATION_PORT": end(words[5])[1]}
    if words[0].startswith("u_") or not cookie:
        return None
    if words[0] == "mptcp" or words[0] == "sctp" and words[1] == "LISTEN":
        want |= {"RECEIVE_QUEUE": int(words[2]), "SEND_QUEUE": int(words[3])}
    if words[0] == "xdp":  # of which it says UNCONN of all
        queue = re.fullmatch(r"(\S+):q(\d+)", words[4])
        want = {"state": "BOUND", "INTERFACE": queue.group(1), "SOURCE_PORT": int(queue.group(2))} if queue else want
    else:
        for host, column in ((end(words[4])[0], "SOURCE_ADDR"), (end(words[5])[0], "DESTINATION_ADDR")):
            if host != "*":
                want[column] = normal(host)
        if words[0] not in ("???", "icmp6", "raw"):
            want |= {"SOURCE_PORT": end(words[4])[1], "DESTINATION_PORT": end(words[5])[1] or 0}
    inode = re.search(r" ino:(\d+)", line)
    if inode and int(inode.group(1)):
        want |= {"INODE": int(inode.group(1)), "users": users(line)}
    group = re.search(r" cgroup:(/\S*)", line)
    if group:
        want["CGROUP"] = group.group(1)
    return int(cookie.group(1), 16), want


def ss(truth, first):
    """{(namespace, cookie): columns}"""
    out = {}
    files = [("ss-all.txt", first)]
    files += [(f"{name}/ss.txt", int(name[4:])) for name in truth.list() if re.fullmatch(r"net-\d+", name)]
    for name, ns in files:
        for line in truth.lines(*name.split("/")):
            parsed = ss_line(line)
            if parsed and line.startswith("mptcp") and ("ss", ns, parsed[0]) in out:
                continue  # Linux 5.10, asked for MPTCP, tells of DCCP once more
            if parsed and parsed[0] is not None:
                out["ss", ns, parsed[0]] = parsed[1]
            elif parsed and name == "ss-all.txt":
                out["vsock", parsed[1]["SOURCE_PORT"], parsed[1]["DESTINATION_PORT"]] = parsed[1]
    return out


def descriptors(truth):
    out = {}
    for pid in truth.told():
        for line in truth.lines("proc", pid, "fd.txt"):
            m = re.match(r"(\d+)\tsocket:\[(\d+)\]", line)
            if m:
                out["fd", pid, int(m.group(1))] = {"INODE": int(m.group(2))}
    return out


def said(what):
    """Columns of what an actor said of its socket."""
    out = {}
    m = re.match(r"alg (\w+) ([^,]+)", what)
    if m:
        out |= {"PROTO": m.group(1), "SOURCE_ADDR": m.group(2)}
    m = re.match(r"(?:packet|xdp) on ([^, ]+)(?:, queue (\d+))?", what) or re.search(r"device (\w+)()", what)
    if m:
        out["INTERFACE"] = m.group(1)
    if what.startswith("xdp on"):
        out |= {"STATE": "BOUND", "SOURCE_PORT": int(m.group(2))}
    m = re.search(r"mark (0x[0-9a-f]+)", what)
    if m:
        out |= {"MARK": int(m.group(1), 16), "CONGESTION": "bbr"}
    m = re.search(r"multicast ([0-9.]+)", what)
    if m:
        out["option"] = "group:" + m.group(1)
    if what.startswith("packet"):
        out |= {"option": word for word, sign in (("fanout:427", "fanout"), ("promisc", "promiscuous"), ("rx_ring", "ring")) if sign in what}
    out |= {word: True for word in ("keepalive", "nodelay", "filter") if word in re.split(r"[, ]+", what)}
    m = re.search(r"groups ([\d ]+)", what)
    return out | ({"groups": m.group(1).replace(" ", ",")} if m else {})


def first_namespace(truth):
    for line in truth.lines("proc", 1, "ns.txt"):
        m = re.match(r"net\tnet:\[(\d+)\]", line)
        if m:
            return int(m.group(1))
    return None


class Sockets(Declaration):
    name = "sockets"
    against = "net-*-at-freeze.txt, ss-*.txt, proc/PID/fd"
    keys = "OFFSET; COOKIE; PID, FD"
    tolerance = "of `ss`, which ran before, only what does not move"

    def expected(self, truth):
        self.first = first_namespace(truth)
        looks = [frozen(truth, when) for when in truth.passes]
        self.any = {key: want for look in looks for key, want in look.items()}
        # Of several looks what was the same in all.
        same = {key: {c: v for c, v in want.items() if all(look[key].get(c) == v for look in looks)}
                for key, want in looks[0].items() if all(key in look for look in looks)}
        out = {("sock", key): want for key, want in same.items()}
        self.ss = ss(truth, self.first)
        self.fds = descriptors(truth)
        for fact in truth.facts("socket"):
            if ("fd", fact["pid"], fact["fd"]) in self.fds:
                self.fds["fd", fact["pid"], fact["fd"]] |= said(fact["what"])
        return out | self.ss | self.fds

    def told(self, row):
        """Does /proc/net of the first namespace have it?"""
        kind = row["FAMILY"], row["PROTO"]
        return row["NS"] == self.first and bool(self.any) and (
            kind in TOLD and row["STATE"] != "CLOSE" and row["SOURCE_PORT"] or row["TYPE"] == "RAW" and kind[0].startswith("AF_INET") or
            kind[0] in ("AF_UNIX", "AF_PACKET") or
            # One of a program that has no port yet is in no table.
            kind[0] == "AF_NETLINK" and (row["SOURCE_PORT"] or row["FD"] is None))

    def rows(self, rows):
        out, users, seen = [], {}, set()
        for row in rows:
            if row["FD"] is not None:
                users.setdefault(row["OFFSET"], set()).add((row["PID"], row["FD"]))
                # The connections of an MPTCP socket have its descriptor, too.
                options = (row["OPTIONS"] or "").split(",")
                if "ulp:mptcp" not in options:
                    row |= {"keepalive": "keepalive" in options, "nodelay": "nodelay" in options,
                            "filter": bool(row["SOCKET_FILTER"]), "groups": row["NETLINK_GROUPS"], "option": row["OPTIONS"]}
                    out.append(row | {"key": ("fd", row["PID"], row["FD"])})
        for row in rows:
            if row["OFFSET"] in seen:
                continue
            seen.add(row["OFFSET"])
            row = row | {"users": users.get(row["OFFSET"], set()), "state": row["STATE"],
                         "NETLINK_GROUPS": [g for g in map(int, (row["NETLINK_GROUPS"] or "").split(",") if row["NETLINK_GROUPS"] else []) if g <= 32]}
            if row["FAMILY"] in ("AF_NETLINK", "AF_UNIX") and row["NS"] != self.first:
                continue
            out.append(row | {"key": ("sock", int(row["OFFSET"], 16)) if self.told(row) or int(row["OFFSET"], 16) in self.any
                              else None})
            if row["COOKIE"] is not None:
                key = "ss", row["NS"], row["COOKIE"]
                out.append(row | {"key": key if key in self.ss else None})
            if row["FAMILY"] == "AF_VSOCK":
                out.append(row | {"key": ("vsock", row["SOURCE_PORT"], row["DESTINATION_PORT"])})
        return out

    def same(self, column, want, have):
        return want in (have or "").split(",") if column == "option" else want == have

    def key(self, row):
        return row["key"]

    def ended(self, key, want, states):
        """Is it no more in what /proc/net said at the freeze? Of another namespace that is not known."""
        ends = "SOURCE_ADDR", "SOURCE_PORT", "DESTINATION_ADDR", "DESTINATION_PORT"
        return key[0] == "ss" and self.any and want["state"] in states and (key[1] != self.first or not any(
            all(c in look and look[c] == want.get(c) for c in ends) for look in self.any.values()))

    def explain_missing(self, truth, key, want, got):
        if self.ended(key, want, ("TIME_WAIT", "FIN_WAIT2", "SYN_RECV")):
            return "a connection that ended between `ss` and the freeze"
        return None

    def explain_wrong(self, truth, key, column, want, have):
        if have is None and want and column in ("PROTO", "SOURCE_ADDR") and without_module_types(truth) and key[0] == "fd":
            return "a socket of the kernel's crypto, whose module has no types (since 5.11)"
        if column == "groups" and have and without_module_types(truth) and want == have + ",35":
            return "a group that the kernel has since 5.14 only: it was refused"
        if column in ("state", "SOURCE_PORT") and self.ended(key, self.ss.get(key, {"state": ""}), ("SYN_SENT",)):
            return "an attempt to connect that ended between `ss` and the freeze"
        return None


DECLARATIONS = [Sockets()]

"""Keys of SSH and GnuPG. Their rows are named by fingerprints, keygrips and connections: what programs said of the keys."""
import base64
import hashlib
import ipaddress
import re


def fingerprint(blob):
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")


def algorithm(kind, bits):
    return {"RSA": f"RSA-{bits}", "ECDSA": f"EC P-{bits}", "ED25519": "Ed25519"}[kind]


def agents(truth):
    """ssh-add -L: the type, the public key, the comment."""
    for line in truth.lines("ssh-agent.txt") if truth.has("ssh-agent.txt") else []:
        _, blob, comment = line.split(" ", 2)
        yield fingerprint(blob), {"KIND": "ssh key", "NAME": comment}


def hosts(truth):
    """ssh-keygen -l: of each host key that sshd has."""
    for name in ("ssh-fingerprints.txt", "sshd-fingerprints.txt"):
        for line in truth.lines(name) if truth.has(name) else []:
            if re.match("agent-", line):
                continue
            bits, purpose, kind = re.search(r"(\d+) (SHA256:\S+) .*\((\w+)\)$", line).groups()
            yield purpose, {"KIND": "ssh key", "NAME": "host key", "ALGORITHM": algorithm(kind, bits)}


def ends(line):
    """Both ends of a line of ss, or of /proc/net/tcp; None: it has none, or the connection is not there."""
    words = line.split()
    if len(words) > 6 and words[0] == "tcp" and words[1] == "ESTAB":
        return words[4], words[5]
    if len(words) > 4 and words[0].endswith(":") and words[3] == "01":
        return tuple(f"{ipaddress.ip_address(bytes.fromhex(address)[::-1])}:{int(port, 16)}"
                     for address, port in (word.split(":") for word in words[1:3]) if len(address) == 8)
    return None


def sessions(truth):
    """Each end of a connection to sshd has a key in each direction."""
    for name in ("net-tcp-at-freeze.txt", "ss-tcp-udp-raw.txt"):
        for line in truth.lines(name) if truth.has(name) else []:
            both = ends(line)
            if both and {"22", "2222"} & {end.rsplit(":", 1)[1] for end in both}:
                for way in ("received", "sent"):
                    yield f"TCP {both[0]}->{both[1]} ESTABLISHED cipher key, {way}", {"KIND": "ssh session"}


def gpg(truth):
    """The agent's keys that have no passphrase, by their keygrips."""
    for line in truth.lines("gpg.txt") if truth.has("gpg.txt") else []:
        grip = line.split(":")[9] if line.startswith("grp:") else None
        if grip and "(private-key" in truth.text("keys", f"gpg-{grip}.key"):
            yield f"keygrip {grip}", {"KIND": "gpg key"}


PARTS = [agents, hosts, sessions, gpg]


def names(row):
    """What these parts may name a row by."""
    return row["PURPOSE"], f"{row['NAME']} {row['PURPOSE']}"

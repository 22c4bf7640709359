"""The keys of the vault: each part tells which keys a guest says that it has."""
import base64
import json
import re

import vault_ssh
from declare import Declaration


def told(truth):
    """secrets.jsonl of the scene "keys"."""
    for line in truth.lines("secrets.jsonl") if truth.has("secrets.jsonl") else []:
        fact = json.loads(line)
        yield fact["secret"], {"KIND": fact["kind"], **{k.upper(): v for k, v in fact.items() if k not in ("kind", "secret")}}


def actors(truth):
    """lab/facts.jsonl: AF_ALG; schedules that a program keeps."""
    for fact in map(json.loads, truth.lines("lab", "facts.jsonl")):
        if fact["kind"] == "af_alg":
            yield fact["key"], {"KIND": "AF_ALG", "ALGORITHM": fact["alg"]}
        elif fact["kind"] == "evp":
            yield fact["key"], {"VERIFIED": "schedule"}
        elif fact["kind"] == "keys":
            for key in fact["aes"]:
                yield key, {"VERIFIED": "schedule"}
            if fact["af_alg"]:
                yield fact["af_alg_key"], {"KIND": "AF_ALG"}


def volumes(truth):
    """Volume keys that actors tell of devices of dm-crypt."""
    for kind in ("dm-crypt", "dmcrypt"):
        for fact in truth.facts(kind):
            yield fact.get("key") or fact["master_key"], {"KIND": "dm-crypt", "ALGORITHM": fact["cipher"]}


def keyrings(truth):
    """Keys that actors gave to the kernel's keyrings: lab/facts.jsonl."""
    for fact in map(json.loads, truth.lines("lab", "facts.jsonl")):
        if fact["kind"] == "keyring_user":
            given = [("user", fact)]
        elif fact["kind"] == "keyring":
            given = [(sort, fact[name]) for sort, name in (("user", "user_key"), ("logon", "logon_key"), ("user", "nested")) if name in fact]
            if "kmk_hex" in fact:
                yield fact["kmk_hex"], {"KIND": "keyring key", "PURPOSE": "user"}
        else:
            given = []
        for sort, key in given:
            if "payload" in key:
                yield key["payload"].encode().hex(), {"KIND": "keyring key", "NAME": key["desc"], "PURPOSE": sort}


def wireguard(truth):
    """What `wg show all dump` says: a line of an interface has its private key, a line of a peer the preshared one."""
    for name in "wg.txt", "wg-wgns.txt":
        for line in truth.lines(name) if truth.has(name) else []:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 5 and fields[1] != "(none)":
                yield base64.b64decode(fields[1]).hex(), {"KIND": "wireguard", "NAME": fields[0], "PURPOSE": "private key"}
            if len(fields) == 9 and fields[2] != "(none)":
                yield base64.b64decode(fields[2]).hex(), {"KIND": "wireguard", "PURPOSE": "preshared key"}


def ipsec(truth):
    """The keys that `ip xfrm state` shows."""
    purposes = {"aead": "encryption and authentication", "enc": "encryption"}
    for name in "xfrm-state.txt", "xfrm-state-ipsns.txt":
        for line in truth.lines(name) if truth.has(name) else []:
            found = re.match(r"\s+(aead|enc|auth|auth-trunc) (\S+) 0x([0-9a-f]+)", line)
            if found:
                yield found[3], {"KIND": "ipsec", "ALGORITHM": found[2], "PURPOSE": purposes.get(found[1], "authentication")}


def tls(truth):
    """Key logs that programs wrote of connections that are open."""
    for folder in ("lab", "keys"):
        for name in truth.list(folder):
            for line in truth.lines(folder, name) if name.endswith(".keylog") else []:
                if not line.startswith("#"):
                    label, random, secret = line.split()
                    if name.startswith("go-") and "HANDSHAKE" in label:
                        continue # Go has them nowhere after the handshake
                    yield secret, {"KIND": "TLS 1.2" if label == "CLIENT_RANDOM" else "TLS 1.3", "PURPOSE": label, "HINTS": f"client random {random},"}


def der(tag, *content):
    body = b"".join(content)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(body) < 128 else bytes([0x80 | len(size)]) + size) + body


def number(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def pkcs8(text):
    """A private key of a file of OpenSSH or PKCS#8, in DER."""
    lines = text.split("\n")
    data = base64.b64decode("".join(lines[1:lines.index(lines[0].replace("BEGIN", "END"))]))
    if "OPENSSH" not in lines[0]:
        return data

    def strings(data):
        while len(data) >= 4:
            size = int.from_bytes(data[:4], "big")
            yield data[4:4 + size]
            data = data[4 + size:]

    # behind the magic stand "none" twice, nothing, and the number of keys, which is 1
    private = list(strings(data[15 + 8 + 8 + 4 + 4:]))[1]
    kind, *parts = strings(private[8:])
    if kind == b"ssh-ed25519":
        return der(0x30, number(0), der(0x30, der(6, b"\x2b\x65\x70")), der(4, der(4, parts[1][:32])))
    if kind == b"ssh-rsa":
        n, e, d, inverse, p, q = (int.from_bytes(part, "big") for part in parts[:6])
        key = der(0x30, *map(number, (0, n, e, d, p, q, d % (p - 1), d % (q - 1), inverse)))
        return der(0x30, number(0), der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), der(5)), der(4, key))
    scalar = int.from_bytes(parts[2], "big").to_bytes(32, "big")
    key = der(0x30, number(1), der(4, scalar), der(0xa1, der(3, b"\0", parts[1])))
    curve = der(0x30, der(6, b"\x2a\x86\x48\xce\x3d\x02\x01"), der(6, b"\x2a\x86\x48\xce\x3d\x03\x01\x07"))
    return der(0x30, number(0), curve, der(4, key))


def files(truth):
    """Private keys that lie in files, in lab/keys."""
    for name in truth.list("lab", "keys"):
        text = truth.text("lab", "keys", name) or ""
        if text.startswith(("-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----")):
            yield pkcs8(text).hex(), {} # of an agent that has it too, the kind is another


PARTS = [told, actors, volumes, keyrings, wireguard, ipsec, tls, files, *vault_ssh.PARTS]


class Keys(Declaration):
    name = "keys --show"
    against = ("secrets.jsonl: keys that scripts of the scene \"keys\" gave to programs and to the kernel; lab/facts.jsonl: keys of actors; lab/keys: private keys in "
               "files; key logs of TLS; what wg, ip xfrm, ssh-add, ssh-keygen and gpg said")
    keys = "KIND and SECRET; of SSH and GnuPG NAME and PURPOSE"
    others = "keys that are verified are no inventions; programs and the kernel have keys that no script knows"
    memory = True
    repeats = True

    def expected(self, truth):
        self.named = out = {}
        for part in PARTS:
            for secret, columns in part(truth):
                out.setdefault(f"{columns['KIND']} {secret}" if "KIND" in columns else secret, {}).update(columns)
        return out

    def rows(self, rows):
        """A secret can be several keys, and a key can be named in several ways."""
        for row in rows:
            for name in (*vault_ssh.names(row), row["SECRET"]):
                yield {**row, "of": name}
                yield {**row, "of": f"{row['KIND']} {name}"}

    def same(self, column, want, have):
        return (have or "").startswith(want) if column == "HINTS" else want == have

    def key(self, row):
        return row["of"] if row["of"] in self.named else None


DECLARATIONS = [Keys()]

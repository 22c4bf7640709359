"""Keys: what the actors say that they keep."""
import base64
import hashlib
import json
import os
import re
import tempfile

from declare import Declaration


class AesKeys(Declaration):
    name = "aeskeys"
    against = "lab/facts.jsonl: keys that an actor expanded, of encrypted devices and of AF_ALG"
    keys = "SECRET"
    others = "schedules prove themselves; programs and the kernel have keys of their own that no actor knows"
    repeats = True

    def ask(self, engram, image, more, run):
        """What lies over two pages is found where these follow each other: in a process, in the kernel."""
        return [row for where in ("physical", "processes", "kernel")
                for row in run(engram, image, ["aeskeys", "--show", "--in", where, *more])["results"][0]["rows"]]

    def expected(self, truth):
        out = {}
        for fact in map(json.loads, truth.lines("lab", "facts.jsonl")):
            if fact["kind"] == "keys":
                keys = [*fact["aes"], fact["af_alg_key"]] if fact["af_alg"] else fact["aes"]
            elif fact["kind"] == "dm-crypt" and fact["cipher"].startswith("aes-"):
                half = len(fact["key"]) // 2  # XTS has two
                keys = [fact["key"][:half], fact["key"][half:]] if "-xts-" in fact["cipher"] else [fact["key"]]
            else:
                keys = []
            out.update({key: {"ALGORITHM": f"AES-{4 * len(key)}"} for key in keys})
        return out

    def key(self, row):
        return row["SECRET"]


# What libcrypto decrypts, of ciphers as `dmsetup table` writes them.
DECRYPTED = re.compile(r"(aes|camellia)-(xts|cbc)-(plain|plain64|plain64be|benbi|null|eboiv|essiv:\w+)$")


def crypt_tables(truth):
    """Name and fields of each line of dmsetup.txt that is of a target "crypt"."""
    for line in truth.lines("dmsetup.txt") if truth.has("dmsetup.txt") else []:
        f = line.split()
        if len(f) > 8 and f[0].endswith(":") and f[3] == "crypt":
            yield f[0][:-1], f[1:]


class VolumeKeys(Declaration):
    name = "volumekeys --show"
    against = "lab/facts.jsonl, secrets.jsonl: the keys of encrypted devices; dmsetup.txt: their tables"
    keys = "MAPPED_NAME"

    def expected(self, truth):
        out = {}
        for fact in map(json.loads, truth.lines("lab", "facts.jsonl")):
            if fact["kind"] in ("dm-crypt", "dmcrypt"):
                key = fact["key"] if "key" in fact else fact["master_key"]
                out[fact["name"]] = {"CIPHER": fact["cipher"], "SECRET": key, "KEY_BITS": 4 * len(key), "VERIFIED": ["schedule"]}
        for fact in map(json.loads, truth.lines("secrets.jsonl") if truth.has("secrets.jsonl") else []):
            if fact["kind"] == "dm-crypt":
                out.setdefault(fact["name"].partition(" ")[2], {})["SECRET"] = fact["secret"]
        for name, f in crypt_tables(truth):
            keyring, options, (major, minor) = f[4].split(":", 2), f[9:], f[6].split(":")
            out.setdefault(name, {}).update(
                START_SECTOR=int(f[0]), SECTORS=int(f[1]), CIPHER=f[3], IV_OFFSET=int(f[5]),
                BACKED_BY=("loop" if major == "7" else "dm-") + minor, BACKING_SECTOR=int(f[7]),
                KEY_STRING=keyring[2] if len(keyring) > 2 else None,
                SECTOR_SIZE=next((int(o.partition(":")[2]) for o in options if o.startswith("sector_size:")), 512))
            # The header is in the page cache of the loop or of its file; so is what a file system has read.
            told = truth.has("volumes", f"{name}.dump") or truth.has("lab", "keys", f"{name[3:]}.dump")
            proofs = ["LUKS digest"] if told and "authenc" not in f[3] else []
            if DECRYPTED.match(f[3]) and name != "lab-crypt":
                proofs.append("sector decrypts")
            out[name]["VERIFIED"] = out[name].get("VERIFIED", []) + proofs
        return out

    def key(self, row):
        return row["MAPPED_NAME"]

    def same(self, column, want, have):
        if column == "VERIFIED":
            return set(want) <= set((have or "").split(", "))
        return want == have


class Decrypt(Declaration):
    name = "decrypt"
    against = "volumes/sha256.txt: what encrypted volumes have, also of the copies of their disks beside it"
    keys = "MAPPED_NAME"
    others = "of volumes without a file system the guest does not tell the content"
    repeats = True

    def expected(self, truth):
        sums = dict(reversed(line.split()) for line in truth.lines("volumes", "sha256.txt"))
        out = {name: {"SHA256": sums[name] if DECRYPTED.match(f[3]) else None} for name, f in crypt_tables(truth) if name in sums}
        self.disks = [os.path.join(truth.folder, "volumes", name) for name in truth.list("volumes") if name.endswith(".img")]
        return out

    def ask(self, engram, image, more, run):
        rows = []
        for disk in [None, *self.disks]:
            with tempfile.TemporaryDirectory() as folder:
                named = ["--disk", disk, "--volume", os.path.basename(disk)[:-4]] if disk else []
                for row in run(engram, image, ["decrypt", *named, "-o", folder, *more])["results"][0]["rows"]:
                    row["SHA256"] = None
                    if row["FILE"]:
                        with open(os.path.join(folder, row["FILE"]), "rb") as f:
                            row["SHA256"] = hashlib.sha256(f.read()).hexdigest()
                    rows.append(row)
        return rows

    def key(self, row):
        return row["MAPPED_NAME"]

    def explain_extra(self, truth, key, row):
        return self.others if key == "lab-crypt" else None


class Keyrings(Declaration):
    name = "keyrings"
    against = "proc/keys, and of lab/facts.jsonl the keys that an actor gave to the kernel"
    keys = "SERIAL"
    tolerance = "/proc/keys has 9 characters of KIND, when a key expires in round units, and what a type says behind its description"
    others = "/proc/keys leaves out what its reader may not view"
    PAYLOAD = b"a key of the lab"  # samples/guest/memory.c

    def command(self):
        return ["keyrings", "--show"]

    @staticmethod
    def permissions(number):
        return "".join(letter if number >> 8 * group & bit else "-" for group in (3, 2, 1, 0)
                       for letter, bit in zip("alswrv", (32, 16, 8, 4, 2, 1)))

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "keys"):
            serial, flags, usage, expires, perm, uid, gid, rest = line.split(None, 7)
            kind, told = rest[:9].rstrip(), rest[10:]
            description, _, said = told.rpartition(": ")
            row = out[int(serial, 16)] = {
                "FLAGS": flags, "USAGE": int(usage), "EXPIRES": expires != "perm", "PERMISSIONS": self.permissions(int(perm, 16)),
                "UID": int(uid), "GID": 0xffffffff if gid == "65534" else int(gid), "KIND": kind}
            if told:  # not all types say it
                row["DESCRIPTION"] = description or told
            if kind == "keyring":
                row["LINKED_KEYS"] = 0 if said == "empty" else int(said)
            elif kind in ("user", "logon"):
                row["SIZE"] = int(said)
        for fact in truth.facts("keys"):
            for serial in fact["keyring"][:2]:  # the third is a keyring
                out.setdefault(serial, {}).update(
                    SIZE=len(self.PAYLOAD), SECRET=self.PAYLOAD.hex(), FINGERPRINT=hashlib.sha256(self.PAYLOAD).hexdigest()[:16])
        return out

    def key(self, row):
        return row["SERIAL"]

    def have(self, row, column):
        have = row[column]
        if column == "KIND":
            return have[:9].rstrip()
        if column == "LINKED_KEYS":
            return len(re.findall(r"\d+", have))
        return have is not None if column == "EXPIRES" else have


class PrivateKeys(Declaration):
    name = "privatekeys"
    against = "sshd-fingerprints.txt, ssh-agent.txt, lab/keys: the keys of sshd, of an agent and of users, by their public keys; of PKCS#8 files, by digests"
    keys = "PUBLIC, of a PKCS#8 file FINGERPRINT"
    others = "the parts of a key belong together; programs and the kernel have keys to test themselves with"
    repeats = True

    def expected(self, truth):
        out = self.named = {}
        names = {"ssh-rsa": "RSA-", "ssh-ed25519": "Ed25519", "ecdsa-sha2-nistp256": "EC P-256", "ecdsa-sha2-nistp384": "EC P-384",
                 "ecdsa-sha2-nistp521": "EC P-521"}
        public = truth.lines("ssh-agent.txt")
        for name in truth.list("lab", "keys"):
            lines = truth.lines("lab", "keys", name)
            if name.endswith(".pub"):
                public += lines
            elif lines[:1] == ["-----BEGIN PRIVATE KEY-----"]:
                out[hashlib.sha256(base64.b64decode("".join(lines[1:-1]))).hexdigest()[:16]] = {"FORM": "PEM PKCS#8"}
        for line in public:
            kind, blob = line.split()[:2]
            digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
            out["SHA256:" + digest] = {"ALGORITHM": names[kind]}
        for line in truth.lines("sshd-fingerprints.txt"):
            bits, digest, *_, kind = line.split()
            out[digest] = {"ALGORITHM": {"(RSA)": f"RSA-{bits}", "(ED25519)": "Ed25519", "(ECDSA)": f"EC P-{bits}"}[kind]}
        return out

    def key(self, row):
        key = row["FINGERPRINT"] if row["FORM"] == "PEM PKCS#8" else row["PUBLIC"]
        return key if key in self.named else None

    def same(self, column, want, have):
        return have.startswith(want) if want.endswith("-") else have == want


class Certificates(Declaration):
    name = "certificates"
    against = "certificates.txt, lab/keys/tls.crt: SHA-256 of the certificates of servers, all of which have their keys"
    keys = "FINGERPRINT"
    others = "the kernel has certificates built in, programs those of authorities"
    repeats = True

    def expected(self, truth):
        digests = truth.lines("certificates.txt")
        for name in truth.list("lab", "keys"):
            if name.endswith(".crt"):
                lines = truth.lines("lab", "keys", name)
                digests.append(hashlib.sha256(base64.b64decode("".join(lines[1:-1]))).hexdigest())
        self.named = {digest: {"PRIVATE": True} for digest in digests}
        return self.named

    def key(self, row):
        return row["FINGERPRINT"] if row["FINGERPRINT"] in self.named else None

    def have(self, row, column):
        return row[column] is not None


DECLARATIONS = [AesKeys(), VolumeKeys(), Decrypt(), Keyrings(), PrivateKeys(), Certificates()]

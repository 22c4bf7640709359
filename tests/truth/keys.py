"""Keys: what the actors say that they keep."""
import json

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


class VolumeKeys(Declaration):
    name = "volumekeys --show"
    against = "lab/facts.jsonl: the keys of encrypted devices; dmsetup.txt: their tables"
    keys = "MAPPED_NAME"

    def expected(self, truth):
        out = {}
        for fact in map(json.loads, truth.lines("lab", "facts.jsonl")):
            if fact["kind"] in ("dm-crypt", "dmcrypt"):
                key = fact["key"] if "key" in fact else fact["master_key"]
                out[fact["name"]] = {"CIPHER": fact["cipher"], "SECRET": key, "KEY_BITS": 4 * len(key), "VERIFIED": "schedule"}
        for line in truth.lines("dmsetup.txt") if truth.has("dmsetup.txt") else []:
            f = line.split()
            if len(f) > 8 and f[0].endswith(":") and f[3] == "crypt":
                name, keyring, options = f[0][:-1], f[5].split(":", 2), f[10:]
                out.setdefault(name, {}).update(
                    START_SECTOR=int(f[1]), SECTORS=int(f[2]), CIPHER=f[4], IV_OFFSET=int(f[6]), BACKED_BY="loop" + f[7].partition(":")[2],
                    BACKING_SECTOR=int(f[8]), KEY_STRING=keyring[2] if len(keyring) > 2 else None,
                    SECTOR_SIZE=next((int(o.partition(":")[2]) for o in options if o.startswith("sector_size:")), 512))
        return out

    def key(self, row):
        return row["MAPPED_NAME"]


DECLARATIONS = [AesKeys(), VolumeKeys()]

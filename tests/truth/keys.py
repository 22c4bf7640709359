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


DECLARATIONS = [AesKeys()]

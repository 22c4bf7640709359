"""The keys of the vault: each part tells which keys a guest says that it has."""
import json

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


PARTS = [told, actors]


class Keys(Declaration):
    name = "keys --show"
    against = "secrets.jsonl: keys that scripts of the scene \"keys\" gave to programs and to the kernel; lab/facts.jsonl: keys of actors"
    keys = "SECRET"
    others = "keys that are verified are no inventions; programs and the kernel have keys that no script knows"
    memory = True
    repeats = True

    def expected(self, truth):
        out = self.named = {}
        for part in PARTS:
            for secret, columns in part(truth):
                out.setdefault(secret, {}).update(columns)
        return out

    def key(self, row):
        return row["SECRET"] if row["SECRET"] in self.named else None


DECLARATIONS = [Keys()]

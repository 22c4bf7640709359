"""The keys of the vault: each part tells which keys a guest says that it has."""
import json

from declare import Declaration


def told(truth):
    """secrets.jsonl of the scene "keys"."""
    for line in truth.lines("secrets.jsonl") if truth.has("secrets.jsonl") else []:
        fact = json.loads(line)
        yield fact["secret"], {"KIND": fact["kind"], **{k.upper(): v for k, v in fact.items() if k not in ("kind", "secret")}}


PARTS = [told]


class Keys(Declaration):
    name = "keys --show"
    against = "secrets.jsonl: keys that scripts of the scene \"keys\" gave to programs and to the kernel"
    keys = "SECRET"
    others = "keys that are verified are no inventions; programs and the kernel have keys that no script knows"
    memory = True
    repeats = True

    def expected(self, truth):
        out = {}
        for part in PARTS:
            for secret, columns in part(truth):
                out.setdefault(secret, {}).update(columns)
        return out

    def key(self, row):
        return row["SECRET"]


DECLARATIONS = [Keys()]

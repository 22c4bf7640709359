"""What every comparison has: which truth, by which key, how exactly, and what an explanation may rest on."""


class Declaration:
    name = ""        # the plugin and its options
    against = ""     # the files of the truth folder
    keys = ""        # the columns that name a row
    tolerance = ""   # how far a value may be off, and why: what same() does
    others = ""      # why a row that the truth does not name is no invention; unless given, it is one
    memory = False   # is it read from processes' own memory?
    repeats = False  # may several rows have one key?

    def command(self):
        """Called after expected()."""
        return self.name.split()

    def applies(self, truth):
        return bool(self.expected(truth))

    def expected(self, truth):
        """{key: {column: value}}"""
        raise NotImplementedError

    def ask(self, engram, image, more, run):
        """The rows to compare with; called after expected()."""
        return run(engram, image, [*self.command(), *more])["results"][0]["rows"]

    def rows(self, rows):
        """What to compare, where a row of the plugin is not yet that."""
        return rows

    def key(self, row):
        """None: a row that the truth cannot tell of."""
        raise NotImplementedError

    def have(self, row, column):
        return row[column]

    def same(self, column, want, have):
        return want == have

    # An explanation is a cause, the same text for all rows that have it; it rests on the truth, never on the plugin's word.

    def explain_missing(self, truth, key, want, got):
        return None

    def explain_wrong(self, truth, key, column, want, have):
        return None

    def explain_extra(self, truth, key, row):
        return None


def hexadecimal(text):
    return int(text, 16) if text else None

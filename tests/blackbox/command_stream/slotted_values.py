# SPDX-License-Identifier: Apache-2.0
"""Random arguments whose keys say in which slots a command works: all in one, or anywhere."""
from command_stream.values import Values

# One letter per kind of value, so that most commands meet the type they want.
LETTERS = b"sbplhtzxg"
# Keys of a kind that only its own commands may touch.
PRIVATE_LETTERS = b"y"
TAGS = [b"{a}", b"{b}", b"{tag}"]
KEYS_PER_LETTER = 7
ODD_KEYS = [b"\x00\xff\r\n", b"k" * 300, b"{}a", b"{}{tag}b", b"{unclosed"]


def all_keys():
    names = [b"%c%d" % (letter, i) for letter in LETTERS + PRIVATE_LETTERS
             for i in range(KEYS_PER_LETTER)]
    return names + [tag + name for tag in TAGS for name in names] + ODD_KEYS


class SlottedValues(Values):
    def __init__(self, rng):
        super().__init__(rng)
        self._letter, self._tag = b"s", None

    def begin(self, letter):
        """The keys of the next command: of this kind, under one tag or anywhere."""
        r = self.rng
        self._letter = letter
        self._tag = r.choice(TAGS) if r.random() < 0.5 else None

    def stay_in_one_slot(self, letter):
        self._letter = letter
        self._tag = self.rng.choice(TAGS)

    def change_letter(self, letter):
        self._letter = letter

    def key(self):
        r = self.rng
        letter = self._letter
        if letter not in PRIVATE_LETTERS and r.random() < 0.05:
            letter = b"%c" % r.choice(LETTERS)
        name = b"%s%d" % (letter, r.randrange(KEYS_PER_LETTER))
        if self._tag is not None:
            return self._tag + name
        may_be_odd = letter not in PRIVATE_LETTERS
        return r.choice(ODD_KEYS) if may_be_odd and r.random() < 0.01 else name

    def two_slots(self):
        """A key of each."""
        return [tag + b"s0" for tag in self.rng.sample(TAGS, 2)]

    def long_key(self):
        return (self._tag or b"") + b"long"

    def missing_key(self):
        return (self._tag or b"") + b"missing"

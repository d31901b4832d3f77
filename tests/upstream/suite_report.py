# SPDX-License-Identifier: Apache-2.0
"""What a run of a suite says, and the table of what it is known to say (differences.tsv)."""
import collections
import os
import re

LINE = re.compile(r"^\[(ok|err|ignore|skip|exception|TIMEOUT)\]: (.*)$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TABLE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "differences.tsv")


class Difference:
    """A row: unit, regular expression over "test: message", targets, why."""

    def __init__(self, line):
        self.unit, pattern, self.targets, self.why = line.split("\t")
        # "apart NAME" is run by itself: a failure there would break, or end, what is behind it.
        self.apart = pattern[6:] if pattern.startswith("apart ") else None
        if self.apart:
            pattern = f"^{re.escape(self.apart)} in tests/"
        self.pattern = re.compile(pattern)

    def concerns(self, target, unit):
        return target in self.targets.split(",") and self.unit in (unit, "*")

    def fits(self, target, unit, failure):
        return self.concerns(target, unit) and self.pattern.search(failure) is not None


def read_table():
    with open(TABLE, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    return [Difference(line) for line in lines[1:] if line and not line.startswith("#")]


def row_of(table, target, unit, failure):
    return next((row for row in table if row.fits(target, unit, failure)), None)


class UnitResult:
    def __init__(self):
        self.passed, self.skipped = collections.Counter(), collections.Counter()  # by test
        self.failures = []

    def read(self, output):
        kind = None
        for raw in output.splitlines():
            line = COLOUR.sub("", raw)
            match = LINE.match(line)
            if not match:
                # What a failure says may go on in the lines below it.
                if kind in ("err", "exception") and line and not line.startswith("["):
                    self.failures[-1] += " | " + line
                continue
            kind, text = match.groups()
            if kind == "ok":
                self.passed[re.sub(r" \(\d+ ms\)$", "", text)] += 1
            elif kind == "skip":
                self.skipped[text] += 1
            elif kind == "ignore":
                tag = text.rpartition("Tag: ")
                self.skipped["Tag: " + tag[2] if tag[1] else text.rsplit(": ", 1)[-1]] += 1
            else:
                self.failures.append(text)

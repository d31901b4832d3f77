# SPDX-License-Identifier: Apache-2.0
"""tests/data/proxy_differences.tsv: where a cluster behind the proxy differs from one Redis.

The first row that fits a command counts. Columns, separated by tabs:
  command  a shell pattern over the name and, for containers, "name subcommand"; lower case
  when     always | cross-slot (keys of several slots) | args:REGEX over the arguments, joined by " "
  answer   refused REGEX: the proxy's answer; nothing runs, so Redis is not asked
           unlike: both are asked, answers are not compared
           shape: both are asked, only the type of the answers must be the same
  why      for the reader
"""
import fnmatch
import os
import re

PATH = os.path.join(os.path.dirname(__file__), "..", "data", "proxy_differences.tsv")


class Row:
    def __init__(self, line):
        command, self.when, answer, self.why = line.split("\t")
        self.command = re.compile(fnmatch.translate(command))
        self.answer, _, pattern = answer.partition(" ")
        assert self.answer in ("refused", "unlike", "shape"), line
        self.pattern = re.compile(pattern.encode()) if pattern else None
        assert (self.answer == "refused") == (self.pattern is not None), line
        self.arguments = None
        if self.when.startswith("args:"):
            self.arguments = re.compile(self.when[5:].encode(), re.IGNORECASE | re.DOTALL)
        else:
            assert self.when in ("always", "cross-slot"), line
        self.uses = 0


class DifferencesTable:
    def __init__(self, slot_of, path=PATH):
        """slot_of: {key: slot} of all keys that can meet in one command."""
        self._slot_of = slot_of
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file]
        self.rows = [Row(line) for line in lines[1:] if line and not line.startswith("#")]
        self._by_name = {}

    def _rows_of(self, args):
        name = args[0].lower()
        second = args[1].lower() if len(args) > 1 else b""
        found = self._by_name.get((name, second))
        if found is None:
            texts = [part.decode(errors="replace") for part in (name, name + b" " + second)]
            found = [row for row in self.rows if any(map(row.command.match, texts))]
            if len(self._by_name) < 100000:
                self._by_name[name, second] = found
        return found

    def crosses_slots(self, args):
        slots = {self._slot_of[arg] for arg in args[1:] if arg in self._slot_of}
        return len(slots) > 1

    def row_of(self, args):
        for row in self._rows_of(args):
            if row.arguments is not None:
                fits = row.arguments.search(b" ".join(args[1:]))
            else:
                fits = row.when == "always" or self.crosses_slots(args)
            if fits:
                row.uses += 1
                return row
        return None

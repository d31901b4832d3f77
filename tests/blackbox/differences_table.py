# SPDX-License-Identifier: Apache-2.0
"""tests/data/proxy_differences.tsv: where a cluster behind the proxy differs from one Redis.

The first row that fits a command counts. Columns, separated by tabs:
  command  a shell pattern over the name and, for containers, "name subcommand"; lower case
  when     always | cross-slot (keys of several slots) | transaction (between MULTI and EXEC)
           | transaction cross-slot; each perhaps with args:REGEX over the arguments, joined by " ".
           In front of it, as "off,reads: ", for which values of the proxy's setting
           routing.cross_slot; else for all
  answer   refused REGEX: the proxy's answer; nothing runs, so Redis is not asked. Inside of
           transactions such commands are left out
           unlike: both are asked, answers are not compared
           zeros: compared, but the sign of zeros
           shape: both are asked, only the type of the answers must be the same
  why      for the reader
"""
import fnmatch
import os
import re

CROSS_SLOT = ["off", "reads", "all"]
PATH = os.path.join(os.path.dirname(__file__), "..", "data", "proxy_differences.tsv")


class Row:
    def __init__(self, line):
        command, when, answer, self.why = line.split("\t")
        self.command = re.compile(fnmatch.translate(command))
        self.answer, _, pattern = answer.partition(" ")
        assert self.answer in ("refused", "unlike", "shape", "zeros"), line
        self.pattern = re.compile(pattern.encode()) if pattern else None
        assert (self.answer == "refused") == (self.pattern is not None), line
        settings, when = re.fullmatch("(?:((?:off|reads|,)+): )?(.*)", when).groups()
        self.settings = settings.split(",") if settings else CROSS_SLOT
        assert set(self.settings) <= set(CROSS_SLOT), line
        self.when, _, arguments = when.partition("args:")
        self.when = self.when.strip() or "always"
        self.arguments = re.compile(arguments.encode(), re.IGNORECASE | re.DOTALL)
        assert self.when in ("always", "cross-slot", "transaction", "transaction cross-slot"), line


class SlotFinder:
    """In how many slots the keys of a command are, as a node of the cluster says."""

    def __init__(self, node, keys):
        self._node = node
        self._slots = dict(zip(keys, node.pipeline([("CLUSTER", "KEYSLOT", key) for key in keys])))

    def may_cross(self, args):
        """Cheap, and wrong only about arguments that are keys by mistake."""
        return len({self._slots[arg] for arg in args[1:] if arg in self._slots}) > 1

    def crosses(self, args):
        keys = self._node.call("COMMAND", "GETKEYS", *args)
        if not isinstance(keys, list):
            return False
        return len(set(self._node.pipeline([("CLUSTER", "KEYSLOT", key) for key in keys]))) > 1


class DifferencesTable:
    def __init__(self, slots, path=PATH, cross_slot="all"):
        self._slots = slots
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file]
        rows = [Row(line) for line in lines[1:] if line and not line.startswith("#")]
        self._rows = [row for row in rows if cross_slot in row.settings]
        self._by_name = {}

    def _rows_of(self, args):
        name = args[0].lower()
        second = args[1].lower() if len(args) > 1 else b""
        found = self._by_name.get((name, second))
        if found is None:
            texts = [part.decode(errors="replace") for part in (name, name + b" " + second)]
            found = [row for row in self._rows if any(map(row.command.match, texts))]
            if len(self._by_name) < 100000:
                self._by_name[name, second] = found
        return found

    def row_of(self, args, in_transaction=False):
        for row in self._rows_of(args):
            fits = in_transaction or not row.when.startswith("transaction")
            if fits and row.when.endswith("cross-slot"):
                fits = self._slots.may_cross(args) and self._slots.crosses(args)
            if fits and row.arguments.search(b" ".join(args[1:])):
                return row
        return None

    def is_refused_crossing(self, args, ours, theirs):
        """Both refuse, and the proxy's reason is the slots of arguments taken for keys."""
        if not (ours[0] == theirs[0] == b"-" and ours[1].startswith(b"CROSSSLOT")):
            return False
        return (any(row.when == "cross-slot" for row in self._rows_of(args))
                and self._slots.crosses(args))

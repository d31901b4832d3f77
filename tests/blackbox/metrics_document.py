# SPDX-License-Identifier: Apache-2.0
"""What /metrics exports, and docs/metrics.md, which says what it means."""
import re

INTRODUCTION = """\
# Metrics

Written by `tests/blackbox/metrics_test.py` from what both programs export (run it with
`SLOTWAY_WRITE_DOCUMENTS=1` after a change); without that it fails when the two differ.

`slotway` exports its own at `admin.address` and `admin.port` of its settings, `slotway-shard` at
`admin-bind` and `admin-port`, both under `/metrics`. What is alike has the same name behind
`slotway_` and `slotway_shard_`. Names and labels stay; new ones may come. Units are seconds and bytes.

No label is without a bound: `family` is a group of commands as `COMMAND DOCS` tells it ("other": not
in the table), `code` the first word of an error reply ("other": none of the usual ones), `node` the
address of a node that the proxy knows at the moment, `db` a database that is in use. Keys, clients
and users are no labels: see SLOTWAY HOTKEYS, BIGKEYS and SLOWLOG.

Times are taken once for all that one read of a socket has brought, not per request. A duration of the
proxy goes from the reading of a request to the reading of its answer: it has the wait for the shard
in it, and while a shard is out of reach the time that the request was held. Requests on connections
of a client's own (they block, or watch keys) have none.
"""


class Family:
    def __init__(self, name, meaning):
        self.name, self.meaning, self.kind, self.labels, self.values = name, meaning, "", set(), {}


def families(text):
    """By name, in the order of the text: values by their labels, as text."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, meaning = line.split(" ", 3)
            found[name] = Family(name, meaning)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found[name].kind = kind
        elif line:
            sample, value = line.rsplit(" ", 1)
            name, _, labels = sample.partition("{")
            if name not in found:
                name = re.sub("_(bucket|sum|count)$", "", name)
            family = found[name]
            family.labels |= set(re.findall(r'(\w+)="', labels)) - {"le"}
            family.values[sample] = float(value)
    return found


def total(text, name, label=""):
    """The sum over the samples of that very name whose labels have `label` in them."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if re.match(rf"{name}[{{ ]", line) and label in line)


def document(of_proxy, of_shard):
    parts = [INTRODUCTION]
    for program, text in (("slotway", of_proxy), ("slotway-shard", of_shard)):
        parts.append(f"\n## {program}\n\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n")
        for family in families(text).values():
            labels = ", ".join(sorted(family.labels))
            parts.append(f"| `{family.name}` | {family.kind} | {labels} | {family.meaning} |\n")
    return "".join(parts)

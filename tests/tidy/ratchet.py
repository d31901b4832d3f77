# SPDX-License-Identifier: Apache-2.0
"""Counts per rule and file that may only fall. What is not listed stands at zero."""

import json


def count(findings):
    """{rule: {path: count}}, sorted."""
    counts = {}
    for finding in sorted(findings, key=lambda one: (one.rule, one.path)):
        files = counts.setdefault(finding.rule, {})
        files[finding.path] = files.get(finding.path, 0) + finding.count
    return counts


def compare(counts, allowed):
    """(rule, path, count, allowed) of every count that rose, and of every one that fell."""
    pairs = {(rule, path) for table in (counts, allowed) for rule in table for path in table[rule]}
    rows = [(rule, path, counts.get(rule, {}).get(path, 0), allowed.get(rule, {}).get(path, 0))
            for rule, path in sorted(pairs)]
    return [row for row in rows if row[2] > row[3]], [row for row in rows if row[2] < row[3]]


def lowered(counts, allowed):
    """The ratchet with what fell; what rose stays where it was."""
    result = {}
    for rule, files in allowed.items():
        for path, limit in files.items():
            now = min(limit, counts.get(rule, {}).get(path, 0))
            if now:
                result.setdefault(rule, {})[path] = now
    return result


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, table):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(table, file, indent=2, sort_keys=True)
        file.write("\n")

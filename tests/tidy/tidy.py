#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules as a test. `tests/tidy/tidy.py` checks the tree it stands in.

    --lower   write counts that fell into ratchet.json; counts never rise that way
    --root    another tree, with its own ratchet file if it has one
"""

import argparse
import os
import sys

import layering_rules
import ratchet
import size_rules
import source_file
import test_rules
import text_rules

HERE = os.path.dirname(os.path.abspath(__file__))
RATCHET = os.path.join("tests", "tidy", "ratchet.json")


def findings_of(sources, root):
    return (layering_rules.check(sources) + size_rules.check(sources)
            + text_rules.check(sources, root) + test_rules.check(sources))


def report(findings, risen, fallen):
    for rule, path, count, allowed in risen:
        for finding in findings:
            if (finding.rule, finding.path) == (rule, path):
                print(finding)
        if allowed:
            print(f"{path}: {rule}: {count}, the ratchet allows {allowed}")
    for rule, path, count, allowed in fallen:
        print(f"{path}: {rule}: fell from {allowed} to {count}; keep it there: "
              "tests/tidy/tidy.py --lower")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(HERE)))
    parser.add_argument("--lower", action="store_true")
    options = parser.parse_args(arguments)

    sources = source_file.read_sources(options.root)
    findings = findings_of(sources, options.root)
    path = os.path.join(options.root, RATCHET)
    allowed = ratchet.load(path) if os.path.exists(path) else {}
    counts = ratchet.count(findings)
    if options.lower:
        allowed = ratchet.lowered(counts, allowed)
        ratchet.save(path, allowed)
    risen, fallen = ratchet.compare(counts, allowed)
    report(findings, risen, fallen)
    print(f"tidy: {len(sources)} files, {len(risen)} counts above the ratchet, "
          f"{len(fallen)} below it")
    return 1 if risen or fallen or not sources else 0


if __name__ == "__main__":
    sys.exit(main())

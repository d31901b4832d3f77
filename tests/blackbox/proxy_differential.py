#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the same random commands to one redis-server and, through Slotway, to a cluster of three.

    proxy_differential.py [--commands 1000000] [--seed N] [--families string,list] [--protocol 3]

Replies must be equal byte for byte, in RESP2 and in RESP3; so must the data in the end. What Redis
leaves open is brought into one form first. Where a cluster differs by its nature is written in
tests/data/proxy_differences.tsv. The seed is printed.
"""
import argparse
import random
import re
import sys
import time

from command_stream.comparison import TransactionMatcher, same, unsigned_zeros
from command_stream.connection import Connection, RawConnection, replies_in
from command_stream.introspection_commands import learn_commands
from command_stream.key_commands import make_dumps
from command_stream.mixed_stream import ALL, STORY, TRANSACTION, MixedStream
from command_stream.script_commands import make_function_dumps
from command_stream.several_clients import Company, replies_to_last_words
from command_stream.slotted_values import all_keys
from command_stream.wire_forms import encode_batch, pieces
from differences_table import CROSS_SLOT, PATH as TABLE_PATH
from differences_table import DifferencesTable, SlotFinder
from free_ports import free_port
from keyspace_comparison import compare_keyspaces
from proxy_process import ProxyProcess
from real_cluster import RealCluster, RealRedis

BATCHES = [1, 10, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 1000]
COMPARE_EVERY = 20000
# Encodings that convert early are met more often; no value grows beyond a megabyte.
SETTINGS = {"hash-max-listpack-entries": 8, "zset-max-listpack-entries": 8,
            "set-max-intset-entries": 8, "list-max-listpack-size": 16,
            "stream-node-max-entries": 8, "proto-max-bulk-len": 1048576,
            "enable-debug-command": "yes", "slowlog-log-slower-than": -1}
EXEC_ABORTED = re.compile(b"EXECABORT ")
STORIES_PER_BATCH = 0.1
SCATTERED_PER_BATCH = 0.1


class Run:
    def __init__(self, proxy_port, redis_port, cluster, options):
        self._ports = proxy_port, redis_port
        self._cluster, self._options = cluster, options
        self._rng = random.Random(options.seed)
        self._stream = MixedStream(self._rng, options.families)
        self._proxy, self._redis = RawConnection(proxy_port), RawConnection(redis_port)
        self._companies = [Company(proxy_port), Company(redis_port)]
        slots = SlotFinder(cluster.nodes[0].client(), all_keys())
        self._table = DifferencesTable(slots, options.table, options.cross_slot)
        self._history = []
        self.commands = self.differences = self.equal_batches = self.batches = 0
        self.partings = 0

    def go(self):
        next_comparison = COMPARE_EVERY
        while self.commands < self._options.commands:
            if self._rng.random() < 0.05:
                self._change_protocol()
            self._one_batch()
            if TRANSACTION in self._options.families and self._rng.random() < SCATTERED_PER_BATCH:
                self._one_scattered()
            if STORY in self._options.families and self._rng.random() < STORIES_PER_BATCH:
                self._one_story()
                self._last_words()
            if self.commands >= next_comparison:
                next_comparison += COMPARE_EVERY
                self._compare_keyspaces()
            if self.differences >= self._options.differences:
                return
        self._compare_keyspaces()

    def _change_protocol(self):
        version = self._options.protocol or self._rng.choice([b"2", b"3"])
        for connection in (self._proxy, self._redis):
            connection.exchange([[b"hello", version]])

    def _take_batch(self):
        """(commands for both, [(commands for the proxy alone, row)])."""
        both, refused = [], []
        size = self._rng.choice(BATCHES)
        while len(both) < size:
            unit = self._stream.next_unit()
            is_transaction = [b"multi"] in unit
            rows = [self._table.row_of(command, is_transaction) for command in unit]
            if is_transaction:
                unit = [c for c, row in zip(unit, rows) if not is_refused(row)]
            else:
                refused += [(c, row) for c, row in zip(unit, rows) if is_refused(row)]
                unit = [c for c, row in zip(unit, rows) if not is_refused(row)]
            both += unit
        return both, refused

    def _one_batch(self):
        both, refused = self._take_batch()
        if self._options.protocol:
            both.insert(0, [b"hello", self._options.protocol])  # whatever the last batch has left
        data = encode_batch(self._rng, both)
        self._redis.send(data)
        self._proxy.send(*pieces(self._rng, data))
        theirs = self._redis.receive()
        ours = self._proxy.receive()
        self.batches += 1
        if ours == theirs:
            self.equal_batches += 1
        else:
            self._compare(both, ours, theirs)
        self._history = self._history[-1000:] + both
        if refused:
            self._try_refused(refused)
        self.commands += len(both) + len(refused)

    def _one_scattered(self):
        """Refused where the second slot comes, and as a whole: nothing runs, so Redis is not asked."""
        unit = self._stream.next_scattered()
        keys = {command[1] for command in unit if len(command) > 1}
        row = self._table.row_of([b"exists", *keys], True)
        replies = self._proxy.exchange(unit)
        self.commands += len(unit)
        for args, (kind, value) in zip(unit[-3:-1], replies[-3:-1]):
            pattern = EXEC_ABORTED if args == [b"exec"] else row.pattern
            if kind != b"-" or not pattern.match(value):
                self._report(args, (kind, value), ("refused", pattern.pattern), unit[:-1])

    def _one_story(self):
        steps = self._stream.next_story()
        version = self._options.protocol or self._rng.choice([b"2", b"3"])
        ours, theirs = (company.play(steps, version) for company in self._companies)
        self.commands += len(steps)
        matcher = TransactionMatcher(self._same)
        answered = [step[1] or [b"(later)"] for step in steps if len(step) == 2]
        for i, (args, a, b) in enumerate(zip(answered, ours, theirs)):
            is_same = matcher.same(args, a, b)
            if not is_same:
                self._report(args, a, b, [])
                print(f"    a story in RESP{version.decode()}: {steps}, step {i}")
            if matcher.has_parted or not is_same:
                self.partings += matcher.has_parted
                self._start_again()
                return

    def _last_words(self):
        data = self._stream.next_last_words()
        ours, theirs = (replies_to_last_words(port, data) for port in self._ports)
        if not same_but_hello(ours, theirs):
            self._report([data], (b"", ours), (b"", theirs), [])

    def _compare(self, commands, ours, theirs):
        matcher = TransactionMatcher(self._same)
        count = len(commands)
        for i, (args, a, b) in enumerate(zip(commands, replies_in(ours, count),
                                             replies_in(theirs, count))):
            is_same = matcher.same(args, a, b)
            if not is_same:
                self._report(args, a, b, commands[:i])
            if matcher.has_parted or not is_same:
                self.partings += matcher.has_parted
                self._start_again()
                return

    def _same(self, args, ours, theirs):
        row = self._table.row_of(args)
        if row is not None and row.answer == "zeros":
            row, ours, theirs = None, unsigned_zeros(ours), unsigned_zeros(theirs)
        if row is None:
            return (same(args, ours, theirs)
                    or self._table.is_refused_crossing(args, ours, theirs))
        return row.answer == "unlike" or ours[0] == theirs[0]

    def _try_refused(self, refused):
        replies = self._proxy.exchange([args for args, _ in refused])
        # The proxy has heard of a refused script and may know it from now on.
        scripts = [args[1] for args, _ in refused if args[0].lower() in (b"eval", b"eval_ro")]
        for connection in (self._proxy, self._redis):
            connection.exchange([[b"script", b"load", script] for script in scripts])
        for (args, row), (kind, value) in zip(refused, replies):
            if kind == b"-" and row.pattern.match(value):
                continue
            # It may be wrong in another way, too, and both say so.
            if kind != b"-" or self._redis.exchange([args]) != [(kind, value)]:
                self._report(args, (kind, value), ("refused", row.pattern.pattern), [])

    def _report(self, args, ours, theirs, before):
        self.differences += 1
        print(f"DIFFERENCE {b' '.join(args)[:300]!r}\n  proxy  {str(ours)[:500]}\n"
              f"  redis  {str(theirs)[:500]}")
        for command in open_transaction(before):
            print(f"    queued: {b' '.join(command)[:160]!r}")
        keys = set(args[1:4])
        earlier = [h for h in self._history + before if keys & set(h[1:4])]
        for command in earlier[len(earlier) - min(self._options.context, len(earlier)):]:
            print(f"    before: {b' '.join(command)[:160]!r}")
        sys.stdout.flush()

    def _start_again(self):
        """Both sides empty, so that one difference does not bring others."""
        self._history = []
        self._proxy.close()
        self._redis.close()
        self._proxy, self._redis = map(RawConnection, self._ports)
        for company in self._companies:
            company.close()
        self._companies = [Company(port) for port in self._ports]
        for node in self._cluster.nodes:
            node.call("FLUSHALL")
            node.call("FUNCTION", "FLUSH")
        self._redis.exchange([[b"flushall"], [b"function", b"flush"]])

    def _compare_keyspaces(self):
        problems = compare_keyspaces(*self._ports)
        for problem in problems[:5]:
            self.differences += 1
            print("DIFFERENCE in the data:", problem[:600], flush=True)
        if problems:
            self._start_again()


def is_refused(row):
    return row is not None and row.answer == "refused"


def same_but_hello(ours, theirs):
    """HELLO tells versions, numbers of clients and such."""
    marks = re.compile(rb"(id\r\n:)\d+|(version\r\n)\$\d+\r\n[0-9.]+")
    return marks.sub(b"", ours) == marks.sub(b"", theirs)


def open_transaction(commands):
    """From the last MULTI on, if no EXEC or DISCARD followed."""
    names = [command[0] for command in commands]
    begin = max((i for i, name in enumerate(names) if name == b"multi"), default=len(names))
    return [] if {b"exec", b"discard"} & set(names[begin:]) else commands[begin:]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--families", default=",".join(ALL), help="of " + ",".join(ALL))
    parser.add_argument("--protocol", type=str.encode, default=None, help="2 or 3; else both")
    parser.add_argument("--differences", type=int, default=20, help="stop after so many")
    parser.add_argument("--context", type=int, default=4, help="earlier commands to show")
    parser.add_argument("--cross-slot", default="all", choices=CROSS_SLOT,
                        help="the proxy's setting")
    parser.add_argument("--table", default=TABLE_PATH, help="the documented differences")
    options = parser.parse_args()
    options.families = options.families.split(",")
    return options


def main():
    options = parse_options()
    print(f"seed {options.seed}", flush=True)
    servers = []
    try:
        servers.append(RealRedis(settings=SETTINGS))
        servers.append(RealCluster(masters=3, settings=SETTINGS))
        port = free_port()
        servers.append(ProxyProcess(servers[1].seeds(), password=None, port=port, settings={
            "listeners": [{"address": "127.0.0.1", "port": port, "face": "standalone"}],
            "routing": {"cross_slot": options.cross_slot}}))
        oracle, cluster, proxy = servers
        for learn in (make_dumps, make_function_dumps, learn_commands):
            learn(Connection(oracle.port))
        run = Run(proxy.port, oracle.port, cluster, options)
        begin = time.monotonic()
        run.go()
        seconds = time.monotonic() - begin
        proxy.assert_up()
    finally:
        for server in reversed(servers):
            server.stop()
    print(f"{run.commands} commands, {run.differences} differences (seed {options.seed}), "
          f"{run.commands / seconds:.0f} commands/s, {run.equal_batches} of {run.batches} batches "
          f"byte for byte as they came, {run.partings} begun anew where Redis's SORT took an old error "
          "for its own")
    return 1 if run.differences else 0


if __name__ == "__main__":
    sys.exit(main())

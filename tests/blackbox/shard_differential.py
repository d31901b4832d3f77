#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the same random commands to slotway-shard and to redis-server and compares every reply.

    shard_differential.py --shard build/release/bin/slotway-shard [--commands 300000] [--seed N]

Replies must be equal: type, text and shape, in RESP2 and in RESP3. What Redis leaves open is
brought into one form first (the order of a hash table, the clock within a TTL, random choices).
The seed is printed; the first differences are shown with the commands that led there.
"""
import argparse
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from command_stream.comparison import (SCRIPTS, TransactionMatcher, is_moment, normalized,
                                       same)
from command_stream.connection import Connection
from command_stream.hash_commands import hash_command
from command_stream.key_events import EventListener, first_difference, without_open
from command_stream.key_commands import key_command, make_dumps
from command_stream.list_commands import list_command
from command_stream.packed_commands import bit_command, geo_command, hyperloglog_command
from command_stream.script_commands import make_function_dumps, script_command
from command_stream.server_commands import server_command
from command_stream.set_commands import set_command
from command_stream.several_clients import Company, story
from command_stream.slotted_values import LETTERS, SlottedValues
from command_stream.sorted_set_commands import lexical_command, sorted_set_command
from command_stream.stream_commands import CONSUMERS, stream_command
from command_stream.string_commands import string_command
from command_stream.subscriptions import subscription
from command_stream.transactions import transaction
from command_stream.values import Values

BATCH = 40
LAST_ID = b"18446744073709551615-18446744073709551615"


def stream_commands(values):
    """A command on a stream, and what keeps 7.0 and 7.2 alike: since 7.2 a consumer comes to be
    when it asks for something, so every group has all of them from its beginning; and XSETID does
    not go back behind what was deleted, which the last possible entry never is here."""
    args = stream_command(values)
    if args[0] == b"xdel":
        args = [b"0-0" if word == LAST_ID else word for word in args]
    if args[0] == b"xsetid" and args[2][:1].isdigit():
        args[2] = values.growing_id()
    if args[:2] in ([b"xgroup", b"create"], [b"xgroup", b"delconsumer"]) and len(args) > 3:
        return [args] + [[b"xgroup", b"createconsumer", args[2], args[3], consumer]
                         for consumer in CONSUMERS]
    return [args]


class StreamValues(Values):
    """Keys that only stream commands touch: other families would leave few streams alive."""

    def key(self):
        return b"x%d" % self.rng.randrange(6) if self.rng.random() < 0.97 else super().key()


class SameScoreValues(Values):
    """Keys that only the lexical family touches: all scores in them are the same."""

    def key(self):
        return b"y%d" % self.rng.randrange(4)


class HyperLogLogValues(Values):
    """Keys that are HyperLogLogs, and elements by the hundred so that some become dense. Now and
    then what others keep there, or a broken one."""

    def key(self):
        return b"p%d" % self.rng.randrange(8)

    def member(self):
        return b"%d" % self.rng.randrange(20000)


class PlaceValues(Values):
    """Keys that only geo commands touch: no two members in them are at one place."""

    def key(self):
        return b"g%d" % self.rng.randrange(6)


# Removes a sparse HyperLogLog whose last run should have a second byte: Redis takes it from behind
# the string, where an earlier change may have left one.
DROP_CUT_SHORT = b"""
local text = redis.call('type', KEYS[1]).ok == 'string' and redis.call('get', KEYS[1]) or ''
if text:sub(1, 5) ~= 'HYLL\1' then return 0 end
local at = 17
while at <= #text do
  local byte = text:byte(at)
  at = at + ((byte >= 64 and byte < 128) and 2 or 1)
end
return at > #text + 1 and redis.call('del', KEYS[1]) or 0
"""


def changed_bytes(values):
    """Bytes of one written over, and what keeps both servers alike after it."""
    r, key = values.rng, values.key()
    place = r.choice([0, 3, 4, 5, 8, 15, 16, 17, 18, 20, 40, 100])
    damage = bytes(r.randrange(256) for _ in range(r.randrange(1, 4)))
    return [[b"setrange", key, b"%d" % place, damage], [b"eval", DROP_CUT_SHORT, b"1", key]]


def hyperloglog_run(values):
    """Of the same family, many elements at once and bytes changed behind its back."""
    r, k = values.rng, values.key
    make = r.choice([
        lambda: hyperloglog_command(values), lambda: hyperloglog_command(values),
        lambda: hyperloglog_command(values),
        lambda: [b"pfadd", k()] + [values.member() for _ in range(r.choice([1, 30, 300, 1500]))],
        lambda: changed_bytes(values),
        lambda: [b"set", k(), values.value()] if r.random() < 0.1 else [b"get", k()],
        lambda: [b"config", b"set", b"hll-sparse-max-bytes",
                 r.choice([b"3000", b"3000", b"100", b"16000", b"0"])],
        lambda: [b"copy", k(), k(), b"replace"],
    ])
    return make()


def transaction_run(values):
    """A whole transaction of commands of several families."""
    makers = [string_command, key_command, hash_command, list_command, set_command,
              sorted_set_command, bit_command]
    return transaction(values, lambda: values.rng.choice(makers)(values))


# name: (weight, what makes a command, the values it takes).
FAMILIES = {
    "string": (5, string_command, Values),
    "bit": (4, bit_command, Values),
    "hyperloglog": (2, hyperloglog_run, HyperLogLogValues),
    "any-string-as-hyperloglog": (1, hyperloglog_command, Values),
    "key": (4, key_command, Values),
    "hash": (4, hash_command, Values),
    "list": (4, list_command, Values),
    "set": (5, set_command, Values),
    "sorted-set": (5, sorted_set_command, Values),
    "geo": (2, geo_command, PlaceValues),
    "any-score-as-place": (1, geo_command, Values),
    "stream": (5, stream_commands, StreamValues),
    "any-key-as-stream": (1, stream_commands, Values),
    "script": (2, script_command, Values),
    "lexical": (1, lexical_command, SameScoreValues),
    "other": (1, server_command, Values),
    "transaction": (1, transaction_run, Values),
    "subscription": (1, subscription, Values),
}


class Generator:
    """Random commands over few keys, with the values and options that go wrong."""

    def __init__(self, rng, family):
        self._rng = rng
        names = list(FAMILIES) if family == "all" else family.split(",")
        self._weights = [FAMILIES[name][0] for name in names]
        self._makers = [(FAMILIES[name][1], FAMILIES[name][2](rng)) for name in names]
        self._next = []

    def is_amid(self):
        """Whether what was begun goes on with the next command."""
        return bool(self._next)

    def command(self):
        if not self._next:
            make, values = self._rng.choices(self._makers, self._weights)[0]
            made = make(values)
            self._next = made if isinstance(made[0], list) else [made]
        return self._next.pop(0)


def same_but_for_digits(ours, theirs):
    """Equal, but scores are written with 17 digits in 7.0 and with as few as suffice since 7.2.
    Zeros lose their sign in a listpack; how long a score was in one is nobody's business."""
    if ours == theirs:
        return True
    (our_kind, a), (their_kind, b) = ours, theirs
    if our_kind != their_kind or type(a) is not type(b) or a is None:
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same_but_for_digits, a, b))
    try:
        return (our_kind in (b"$", b",") and float(a) == float(b) and
                (b == b"%.17g" % float(a) or float(a) == 0))
    except ValueError:
        return False


# Of XINFO: what came with 7.2, and what depends on how the index is made.
NEW_FIELDS = [(b"$", b"inactive"), (b"$", b"active-time")]
OPEN_FIELDS = [(b"$", b"radix-tree-nodes"), (b"$", b"idle"), (b"$", b"seen-time")]


def comparable_info(reply):
    """XINFO without those."""
    kind, value = reply
    if not isinstance(value, list):
        return (kind, b"a moment") if is_moment(reply) else reply
    kept, before = [], None
    for element in value:
        if element not in NEW_FIELDS and before not in NEW_FIELDS + OPEN_FIELDS:
            kept.append(comparable_info(element))
        before = element if element[0] == b"$" else None
    return kind, kept


# Texts of 7.0 and of 7.2 for the same mistake.
NEWER_TEXTS = [
    (b"ERR Unbalanced XREAD list of streams", b"ERR Unbalanced 'xread"),
    (b"ERR timeout is negative", b"ERR timeout is out of range"),
]


def is_cut_short(value):
    """A sparse HyperLogLog whose last run should have a second byte. Redis takes it from behind the
    string, where an earlier change may have left one."""
    if not value or not value.startswith(b"HYLL\x01"):
        return False
    at = 16
    while at < len(value):
        at += 2 if value[at] & 0xc0 == 0x40 else 1
    return at > len(value)


def is_beyond_all_times(args):
    """A time to live beyond the year 10889, to which ours are clamped: then they may be equal where
    Redis's are not."""
    return (args[0].lower() in (b"expire", b"pexpire", b"expireat", b"pexpireat") and
            len(args) > 2 and len(args[2]) > 12)


def is_expected_difference(args, ours, theirs):
    """Where this server follows 7.2 or has fewer features on purpose."""
    name = args[0].lower()
    if ours[0] == theirs[0] == b"-" and any(
            theirs[1].startswith(old) and ours[1].startswith(new) for old, new in NEWER_TEXTS):
        return True
    if name in SCRIPTS and same_but_for_digits(ours, theirs):
        return True
    if args[:2] == [b"function", b"dump"]:
        return ours[0] == theirs[0]  # which is compressed, or in another order
    if name == b"xinfo" and comparable_info(ours) == comparable_info(theirs):
        return True
    if name == b"get" and is_cut_short(ours[1]) and is_cut_short(theirs[1]):
        return True
    if (name[:1] in (b"z", b"g") or name[:2] == b"bz") and same_but_for_digits(ours, theirs):
        return True
    words = [word.lower() for word in args]
    if name[:3] == b"geo" and b"count" in words and b"any" not in words and args[1][:1] != b"g":
        # Which of several at one distance come first is left open.
        return ours[0] == theirs[0] and len(ours[1]) == len(theirs[1])
    if name in (b"sort", b"sort_ro") and b"alpha" in words and ours[0] == theirs[0] == b"*":
        # Texts that differ behind a zero byte only are equal to strcoll().
        return (any(b"\0" in (text or b"") for _, text in ours[1])
                and sorted(map(repr, ours[1])) == sorted(map(repr, theirs[1])))
    if name == b"object" and len(args) == 3 and args[1].lower() == b"encoding":
        # INCRBYFLOAT and GETEX leave a number unencoded in Redis. Short lists are listpacks in 7.2.
        encodings = {ours[1], theirs[1]}
        # ZRANGESTORE of a range by score or text begins with a listpack since 7.2.
        return (encodings <= {b"int", b"embstr", b"raw"}
                or encodings in ({b"listpack", b"quicklist"}, {b"listpack", b"skiplist"})
                # Small sets are listpacks since 7.2.
                or (ours[1], theirs[1]) == (b"listpack", b"hashtable"))
    if is_beyond_all_times(args):
        return ours[0] == theirs[0] == b":"  # beyond the year 10889: clamped
    if name in (b"bitcount", b"bitpos") and ours[0] == b"-":
        return theirs[0] in b":-"  # arguments are read before the key is looked up since 7.2
    if name == b"hello" and ours[0] == theirs[0] and ours[0] in b"*%":
        return True
    if name == b"sscan" and args[2] == b"-1":
        return ours == (b"-", b"ERR invalid cursor")  # since 7.2
    if name == b"lpos" and b"-9223372036854775808" in args:
        return ours[0] == b"-"  # refused since 7.2
    if name == b"memory" and ours[0] == theirs[0] == b":":
        return True  # other records, other sizes
    if name == b"command":
        # 7.2 takes COMMAND GETKEYS of a command without arguments.
        return args[1].lower() in (b"info", b"getkeys")
    if words[:2] == [b"client", b"list"]:
        return ours[0] == theirs[0]  # those of the listeners, and fields since 7.2
    return name == b"cluster" and len(args) < 2


# How a whole value is read.
READS = {b"string": [b"get", b"KEY"], b"hash": [b"hgetall", b"KEY"],
         b"list": [b"lrange", b"KEY", b"0", b"-1"], b"set": [b"smembers", b"KEY"],
         b"zset": [b"zrange", b"KEY", b"0", b"-1", b"withscores"],
         b"stream": [b"xinfo", b"stream", b"KEY", b"full", b"count", b"0"]}


def read_whole(connection, kind, key):
    command = [key if word == b"KEY" else word for word in READS[kind]]
    return comparable_info(normalized(command, connection.call(*command)))


def compare_digests(shard, oracle):
    """All keys by DEBUG DIGEST-VALUE: the same data on both sides, to the last bit of a score. Zeros
    lose their sign in a listpack, so a sorted set with one is left out."""
    keys = sorted(k[1] for k in oracle.call("keys", "*")[1])
    ours, theirs = (side.call("debug", "digest-value", *keys)[1] for side in (shard, oracle))
    problems = []
    for key, a, b in zip(keys, ours, theirs):
        if a != b:
            kind = oracle.call("type", key)[1]
            if kind == b"zset" and oracle.call("zcount", key, 0, 0)[1] != b"0":
                continue
            values = [read_whole(side, kind, key) for side in (shard, oracle)]
            if kind == b"string" and all(is_cut_short(text) for _, text in values):
                continue
            problems.append(f"DIGEST {key!r} {kind}: {values}")
    return problems


def compare_dumps(shard, oracle):
    """What either side dumps the other must take and hold as the same value."""
    problems = []
    for key in sorted(k[1] for k in oracle.call("keys", "*")[1]):
        kind = oracle.call("type", key)[1]
        expected = read_whole(oracle, kind, key)
        if len(expected[1]) > 1000000:
            continue  # the payload would pass proto-max-bulk-len
        for giver, taker, way in ((shard, oracle, "to redis"), (oracle, shard, "from redis")):
            payload = giver.call("dump", key)[1]
            answer = taker.call("restore", "restored", 0, payload or b"", "replace")
            kind_there = taker.call("type", "restored")[1]
            got = read_whole(taker, kind_there, "restored") if kind_there in READS else (b"", kind)
            taker.call("del", "restored")
            pair = (got, expected) if taker is shard else (expected, got)
            if kind == b"string" and is_cut_short(got[1]) and is_cut_short(expected[1]):
                continue
            if got[1:] != expected[1:] and not same_but_for_digits(*pair):
                problems.append(f"DUMP {way} {key!r}: {answer} {got} {expected}")
    return problems


# How a value is scanned, and what its elements are in turn.
SCANS = {b"hash": ("hscan", [bytes, bytes]), b"zset": ("zscan", [bytes, float]),
         b"set": ("sscan", [bytes])}


def compare_scans(shard, oracle, rng):
    """All keys, hashes, sets and sorted sets through SCAN, HSCAN, SSCAN and ZSCAN: the same on both
    sides."""
    def full(connection, *command):
        found, cursor = [], b"0"
        while True:
            reply = connection.call(*command, cursor, "count", rng.choice([1, 10, 1000]))
            cursor = reply[1][0][1]
            found += [element[1] for element in reply[1][1][1]]
            if cursor == b"0":
                return found

    def items(elements, reads):
        parts = [map(read, elements[i::len(reads)]) for i, read in enumerate(reads)]
        return set(zip(*parts))
    problems = []
    ours, theirs = set(full(shard, "scan")), set(full(oracle, "scan"))
    if ours != theirs:
        problems.append(f"SCAN: only here {ours - theirs}, only there {theirs - ours}")
    for key in sorted(theirs):
        command, reads = SCANS.get(oracle.call("type", key)[1], (None, None))
        if command is None:
            continue
        a, b = full(shard, command, key), full(oracle, command, key)
        if items(a, reads) != items(b, reads):
            problems.append(f"{command} {key!r}: {a} / {b}")
    return problems


def compare_stories(ports, rng):
    """What several clients do to each other: WATCH, messages, blocking."""
    companies = [Company(port) for port in ports]
    values, problems = SlottedValues(rng), []
    for _ in range(4):
        steps = story(values, b"%c" % rng.choice(LETTERS))
        version = rng.choice([2, 3])
        ours, theirs = [company.play(steps, version) for company in companies]
        for a, b in zip(ours, theirs):
            if a != b:
                problems.append(f"STORY {steps}: {a} / {b}")
                break
    for company in companies:
        company.close()
    return problems


def are_alike(args, ours, theirs):
    return same(args, ours, theirs) or is_expected_difference(args, ours, theirs)


def has_error(reply):
    kind, value = reply
    return kind == b"-" or (isinstance(value, list) and any(map(has_error, value)))


def compare_events(listeners, batch, replies, before):
    """`before`: commands that EXEC may run beside those of the batch."""
    refused = set()
    for args, reply in zip(batch, replies):
        if has_error(reply):
            refused |= set(args) if args[0] != b"exec" else {word for a in before + batch for word in a}
    clamped = {args[1] for args in batch if is_beyond_all_times(args)}
    ours, theirs = [without_open(refused, clamped, listener.heard()) for listener in listeners]
    difference = first_difference(ours, theirs)
    if difference is None:
        return []
    names = {event[0].partition(b":")[2] for side in difference for event in side}
    names |= {event[1] for side in difference for event in side}
    about = [b" ".join(args)[:120] for args in batch if names & set(args[1:])]
    return [f"EVENTS\n  shard  {difference[0]}\n  oracle {difference[1]}\n  of {about}"]


def begin_anew(connections, listeners):
    for connection in connections:
        connection.call("flushall")
    for listener in listeners:
        listener.heard()


def run(shard_port, oracle_port, rng, total, family, differences_max):
    shard, oracle = Connection(shard_port), Connection(oracle_port)
    differences = 0
    done = 0
    history = []
    make_dumps(oracle)
    listeners = [EventListener(port) for port in (shard_port, oracle_port)]
    make_function_dumps(oracle)
    generator = Generator(rng, family)
    matcher = TransactionMatcher(are_alike)
    while done < total:
        if rng.random() < 0.02 and not generator.is_amid():
            version = rng.choice([2, 3])
            for connection in (shard, oracle):
                connection.call("hello", version)
        batch = [generator.command() for _ in range(BATCH)]
        # Commands that say nothing would put the replies out of step.
        batch = [c for c in batch if not (c[0] == b"client" and c[1:2] == [b"reply"] and
                                          c[2:] not in ([b"on"], [b"foo"]))]
        replies = []
        shard.send(batch)
        oracle.send(batch)
        for args in batch:
            ours, theirs = shard.read(), oracle.read()
            replies.append((b"*", [ours, theirs]))
            history.append(args)
            if matcher.same(args, ours, theirs) or matcher.has_parted:
                continue
            differences += 1
            print(f"DIFFERENCE {b' '.join(args)[:300]!r}\n  shard  {str(ours)[:400]}\n"
                  f"  oracle {str(theirs)[:400]}")
            keys = set(args[1:3])
            for earlier in [h for h in history[-400:-1] if keys & set(h[1:3])][-4:]:
                print(f"    before: {b' '.join(earlier)[:160]!r}")
            if differences >= differences_max:
                return done, differences
        history = history[-1000:]
        done += len(batch)
        if matcher.has_parted:
            if not generator.is_amid():
                begin_anew((shard, oracle), listeners)
                matcher.has_parted = False
            continue
        for problem in compare_events(listeners, batch, replies, history[-2 * BATCH:]):
            differences += 1
            print("DIFFERENCE", problem[:1500])
        if rng.random() < 0.01 and not generator.is_amid():
            for problem in (compare_stories((shard_port, oracle_port), rng) +
                            compare_scans(shard, oracle, rng) + compare_digests(shard, oracle) +
                            compare_dumps(shard, oracle)):
                differences += 1
                print("DIFFERENCE", problem[:600])
            for listener in listeners:
                listener.heard()  # of what the comparisons did
    return done, differences


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_ready(port, process):
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit(f"server on port {port} ended with {process.returncode}")
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)  # poll: a listening socket is the only sign of readiness
    raise SystemExit(f"server on port {port} does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shard", required=True, help="path of slotway-shard")
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--family", default="all", help="all, or some of " + ",".join(FAMILIES))
    parser.add_argument("--differences", type=int, default=20, help="stop after so many")
    options = parser.parse_args()
    if shutil.which(options.redis) is None:
        print("SKIPPED: no redis-server to compare with")
        return 77
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    print(f"seed {seed}", flush=True)
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        common = ["--bind", "127.0.0.1", "--enable-debug-command", "yes", "--dir", folder]
        # Encodings that convert early are met more often.
        common += ["--hash-max-listpack-entries", "8", "--list-max-listpack-size", "16",
                   "--zset-max-listpack-entries", "8", "--set-max-intset-entries", "8",
                   "--proto-max-bulk-len", "1048576"]
        ports = []
        try:
            # Sets have had listpacks, and this setting, since 7.2.
            for program in ([options.shard, "--set-max-listpack-entries", "8"],
                            [options.redis, "--save", "", "--appendonly", "no"]):
                port = free_port()
                ports.append(port)
                processes.append(subprocess.Popen(
                    program[:1] + ["--port", str(port)] + program[1:] + common,
                    stdout=subprocess.DEVNULL))
                wait_ready(port, processes[-1])
            done, differences = run(ports[0], ports[1], random.Random(seed), options.commands,
                                    options.family, options.differences)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    print(f"{done} commands, {differences} differences (seed {seed})")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

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

from command_stream.comparison import normalized, same
from command_stream.connection import Connection
from command_stream.hash_commands import hash_command
from command_stream.key_commands import key_command, make_dumps
from command_stream.server_commands import server_command
from command_stream.string_commands import string_command
from command_stream.values import Values

BATCH = 40

FAMILIES = {
    "string": (5, string_command),
    "key": (4, key_command),
    "hash": (4, hash_command),
    "other": (1, server_command),
}


class Generator:
    """Random commands over few keys, with the values and options that go wrong."""

    def __init__(self, rng, family):
        self._rng = rng
        self._values = Values(rng)
        chosen = list(FAMILIES.values()) if family == "all" else [FAMILIES[family]]
        self._weights, self._makers = zip(*chosen)

    def command(self):
        return self._rng.choices(self._makers, self._weights)[0](self._values)


def is_expected_difference(args, ours, theirs):
    """Where this server follows 7.2 or has fewer features on purpose."""
    name = args[0].lower()
    if name == b"object" and len(args) == 3 and args[1].lower() == b"encoding":
        # INCRBYFLOAT and GETEX leave a number unencoded in Redis.
        return {ours[1], theirs[1]} <= {b"int", b"embstr", b"raw"}
    if name in (b"expire", b"pexpire", b"expireat", b"pexpireat") and len(args[2]) > 12:
        return ours[0] == theirs[0] == b":"  # beyond the year 10889: clamped
    if name == b"hello" and ours[0] == theirs[0] and ours[0] in b"*%":
        return True
    if name == b"memory" and ours[0] == theirs[0] == b":":
        return True  # other records, other sizes
    if name == b"command":
        # 7.2 takes COMMAND GETKEYS of a command without arguments.
        return args[1].lower() in (b"info", b"getkeys")
    return name == b"cluster" and len(args) < 2


def compare_dumps(shard, oracle):
    """What either side dumps the other must take and hold as the same value."""
    problems = []
    for key in sorted(k[1] for k in oracle.call("keys", "*")[1]):
        read = b"hgetall" if oracle.call("type", key)[1] == b"hash" else b"get"
        expected = normalized([read], oracle.call(read, key))
        if len(expected[1]) > 1000000:
            continue  # the payload would pass proto-max-bulk-len
        for giver, taker, way in ((shard, oracle, "to redis"), (oracle, shard, "from redis")):
            payload = giver.call("dump", key)[1]
            answer = taker.call("restore", "restored", 0, payload or b"", "replace")
            got = normalized([read], taker.call(read, "restored"))
            taker.call("del", "restored")
            if got[1:] != expected[1:]:
                problems.append(f"DUMP {way} {key!r}: {answer} {got} {expected}")
    return problems


def compare_scans(shard, oracle, rng):
    """All keys and one hash through SCAN and HSCAN: the same sets on both sides."""
    def full(connection, *command):
        found, cursor = [], b"0"
        while True:
            reply = connection.call(*command, cursor, "count", rng.choice([1, 10, 1000]))
            cursor = reply[1][0][1]
            found += [element[1] for element in reply[1][1][1]]
            if cursor == b"0":
                return found
    problems = []
    ours, theirs = set(full(shard, "scan")), set(full(oracle, "scan"))
    if ours != theirs:
        problems.append(f"SCAN: only here {ours - theirs}, only there {theirs - ours}")
    for key in sorted(theirs):
        if oracle.call("type", key)[1] != b"hash":
            continue
        a, b = full(shard, "hscan", key), full(oracle, "hscan", key)
        if set(zip(a[::2], a[1::2])) != set(zip(b[::2], b[1::2])):
            problems.append(f"HSCAN {key!r}: {a} / {b}")
    return problems


def run(shard_port, oracle_port, rng, total, family, differences_max):
    shard, oracle = Connection(shard_port), Connection(oracle_port)
    differences = 0
    done = 0
    history = []
    make_dumps(oracle)
    generator = Generator(rng, family)
    while done < total:
        if rng.random() < 0.02:
            version = rng.choice([2, 3])
            for connection in (shard, oracle):
                connection.call("hello")
        batch = [generator.command() for _ in range(BATCH)]
        # Commands that say nothing would put the replies out of step.
        batch = [c for c in batch if not (c[0] == b"client" and c[1:2] == [b"reply"] and
                                          c[2:] not in ([b"on"], [b"foo"]))]
        shard.send(batch)
        oracle.send(batch)
        for args in batch:
            ours, theirs = shard.read(), oracle.read()
            history.append(args)
            if same(args, ours, theirs) or is_expected_difference(args, ours, theirs):
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
        if rng.random() < 0.01:
            for problem in compare_scans(shard, oracle, rng) + compare_dumps(shard, oracle):
                differences += 1
                print("DIFFERENCE", problem[:600])
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
    parser.add_argument("--family", default="all", help="string, key, hash, other, all")
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
        common += ["--hash-max-listpack-entries", "8", "--proto-max-bulk-len", "1048576"]
        ports = []
        try:
            for program in ([options.shard], [options.redis, "--save", "", "--appendonly", "no"]):
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

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

UNORDERED = {b"keys", b"hkeys", b"hvals"}
NEAR = {b"ttl": 2, b"expiretime": 2, b"pttl": 3000, b"pexpiretime": 3000}
BATCH = 40


class Connection:
    """A RESP client that keeps what it reads as nested (type, value) tuples."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def send(self, commands):
        out = bytearray()
        for args in commands:
            out += b"*%d\r\n" % len(args)
            for arg in args:
                out += b"$%d\r\n%s\r\n" % (len(arg), arg)
        self.socket.sendall(out)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind in b"+-:,#(_":
            return kind, rest
        count = int(rest)
        if kind in b"$=!":
            if count < 0:
                return b"null", None
            return kind, self.file.read(count + 2)[:-2]
        if count < 0:
            return b"null", None
        if kind == b"%":
            count *= 2
        return kind, [self.read() for _ in range(count)]

    def call(self, *args):
        self.send([[a if isinstance(a, bytes) else str(a).encode() for a in args]])
        return self.read()


# Payloads of Redis 7.0: texts, numbers, LZF, hashes of both encodings; filled in by make_dumps().
DUMPS = []


def make_dumps(oracle):
    values = [b"", b"hello", b"12", b"-1", b"200", b"-30000", b"70000", b"2147483648", b"007",
              b"9223372036854775807", b"abc" * 100, b"x" * 1000, bytes(range(256)) * 3, b"a" * 63,
              b"b" * 64, b"1234567890" * 2000]
    for value in values:
        oracle.call("set", "dump", value)
        DUMPS.append(oracle.call("dump", "dump")[1])
    for count in (1, 3, 8, 9, 50):
        oracle.call("del", "dump")
        for i in range(count):
            oracle.call("hset", "dump", b"f%d" % i, values[i % len(values)][:60])
        DUMPS.append(oracle.call("dump", "dump")[1])
    oracle.call("del", "dump")


class Generator:
    """Random commands over few keys, with the values and options that go wrong."""

    def __init__(self, rng, family):
        self.rng = rng
        self.family = family
        self.makers = {
            "string": self.string_command,
            "key": self.key_command,
            "hash": self.hash_command,
            "other": self.other_command,
        }

    def key(self):
        r = self.rng
        if r.random() < 0.03:
            return r.choice([b"", b"\x00\xff\r\n", b"{tag}a", b"k" * 300])
        return b"k%d" % r.randrange(14)

    def field(self):
        r = self.rng
        if r.random() < 0.05:
            return r.choice([b"", b"\x00", b"f" * 70, b"-5", b"123456789012"])
        return b"f%d" % r.randrange(12)

    def integer(self):
        r = self.rng
        return str(r.choice([
            0, 1, -1, 2, 5, 10, -3, 100, 127, 128, -128, -129, 32767, 32768, 65536, 8388607,
            2**31 - 1, 2**31, -2**31, 2**53, 2**62, 2**63 - 1, -2**63, 2**63, -2**63 - 1,
            r.randrange(-50, 50), r.randrange(-10**6, 10**6), r.getrandbits(60),
        ])).encode()

    def bad_number(self):
        return self.rng.choice([
            b"", b" 1", b"1 ", b"+1", b"01", b"-0", b"--1", b"1.5", b"abc", b"nan", b"inf", b"-inf",
            b"+inf", b"1e3", b"1e400", b"0x10", b"1e-400", b"-", b".5", b"5.", b"infinity",
            b"9223372036854775808", b"99999999999999999999999", b"1\x00", b"3.0",
        ])

    def number(self):
        return self.bad_number() if self.rng.random() < 0.15 else self.integer()

    def floating(self):
        r = self.rng
        return r.choice([
            b"%.3f" % r.uniform(-100, 100), b"0.1", b"1e5", b"-1.5e-3", b"3.0", b"1e20", b"1e-10",
            b"5e17", b"1.7976931348623157e308", b"-0.0", b"1234567.125", self.integer(),
            self.bad_number(),
        ])

    def value(self):
        r = self.rng
        return r.choice([
            self.integer(), self.floating(), b"", b"hello", b"hello world", b"\x00\x01\x02\r\n",
            b"x" * r.choice([20, 43, 44, 45, 63, 64, 65, 200]),
            bytes(r.getrandbits(8) for _ in range(r.randrange(12))),
            b"ohmytext", b"mynewtext",
        ])

    def small(self):
        return str(self.rng.randrange(-12, 40)).encode()

    def case(self, word):
        return self.rng.choice([word, word.upper(), word.title()])

    def ttl(self):
        """A word about expiry and its value; never a time that may pass during the run."""
        r = self.rng
        now = int(time.time())
        far = r.randrange(1000, 100000)
        word, value = r.choice([
            (b"ex", far), (b"px", far * 1000), (b"exat", now + far), (b"pxat", (now + far) * 1000),
            (b"ex", 0), (b"px", -5), (b"exat", -1), (b"pxat", 0),
            (b"ex", 2**63 - 1), (b"px", 2**63 - 1), (b"ex", 2**62), (b"exat", 2**60),
        ])
        if r.random() < 0.08:
            return [self.case(word), self.bad_number()]
        return [self.case(word), str(value).encode()]

    def set_options(self):
        r = self.rng
        out = []
        for _ in range(r.choice([0, 0, 1, 1, 1, 2, 2, 3])):
            pick = r.random()
            if pick < 0.45:
                out += self.ttl()
            elif pick < 0.95:
                out.append(self.case(r.choice([b"nx", b"xx", b"get", b"keepttl"])))
            else:
                out.append(r.choice([b"ex", b"persist", b"", b"foo", b"px"]))
        return out

    def string_command(self):
        r, k = self.rng, self.key
        make = r.choice([
            lambda: [b"set", k(), self.value()],
            lambda: [b"set", k(), self.value()] + self.set_options(),
            lambda: [b"set", k(), self.value()] + self.set_options(),
            lambda: [b"get", k()],
            lambda: [b"append", k(), self.value()],
            lambda: [b"strlen", k()],
            lambda: [b"getrange", k(), self.small(), self.small()],
            lambda: [b"getrange", k(), self.number(), self.number()],
            lambda: [b"substr", k(), self.small(), self.small()],
            lambda: [b"setrange", k(), self.small(), self.value()],
            lambda: [b"setrange", k(), r.choice([self.bad_number(), b"1048577", b"1048576",
                                                 b"9223372036854775807", b"-1"]), b"v"],
            lambda: [b"setrange", b"long", r.choice([b"1048575", b"9"]), b"v"]
                    if r.random() < 0.05 else [b"setrange", k(), b"1048577", b""],
            lambda: [b"incr", k()], lambda: [b"decr", k()],
            lambda: [b"incrby", k(), self.number()], lambda: [b"decrby", k(), self.number()],
            lambda: [b"incrbyfloat", k(), self.floating()],
            lambda: [b"mget"] + [k() for _ in range(r.randrange(4))],
            lambda: [b"mset"] + [x for _ in range(r.randrange(4)) for x in (k(), self.value())],
            lambda: [b"msetnx"] + [x for _ in range(r.randrange(3)) for x in (k(), self.value())],
            lambda: [b"mset", k(), b"v", k()], lambda: [b"msetnx", k(), b"v", k()],
            lambda: [b"setnx", k(), self.value()], lambda: [b"getset", k(), self.value()],
            lambda: [b"getdel", k()],
            lambda: [b"getex", k()] + (self.ttl() if r.random() < 0.6 else []),
            lambda: [b"getex", k()] + r.choice([[b"persist"], [b"PERSIST", b"persist"], [b"keepttl"],
                                                [b"persist", b"ex", b"10"], [b"ex"], [b"nx"]]),
            lambda: [b"setex", k(), r.choice([b"1000", b"0", b"-1", b"9223372036854775807",
                                              b"a"]), self.value()],
            lambda: [b"psetex", k(), r.choice([b"1000000", b"0", b"-1", b"9223372036854775807",
                                               b"1.5"]), self.value()],
            lambda: [b"lcs", k(), k()] + r.choice([
                [], [b"len"], [b"idx"], [b"idx", b"withmatchlen"], [b"idx", b"minmatchlen", b"2"],
                [b"IDX", b"LEN"], [b"minmatchlen"], [b"foo"], [b"idx", b"minmatchlen", b"a"],
                [b"idx", b"minmatchlen", b"-3", b"withmatchlen"]]),
        ])
        return make()

    def expire_command(self):
        r = self.rng
        now = int(time.time())
        far = r.randrange(1000, 100000)
        name, values = r.choice([
            (b"expire", [far, 0, -1]), (b"pexpire", [far * 1000, 0, -1]),
            (b"expireat", [now + far, now - 10, 0, -1]),
            (b"pexpireat", [(now + far) * 1000, (now - 10) * 1000, -1]),
        ])
        value = str(r.choice(values[:1] * 5 + values)).encode()
        if r.random() < 0.1:
            value = r.choice([self.bad_number(), str(2**63 - 1).encode(), str(-2**63).encode(),
                              str(2**62).encode(), str(2**63 // 1000 + 1).encode()])
        options = [self.case(r.choice([b"nx", b"xx", b"gt", b"lt"]))
                   for _ in range(r.choice([0, 0, 1, 1, 2]))]
        if r.random() < 0.02:
            options.append(b"foo")
        return [name, self.key(), value] + options

    def restore_command(self):
        r = self.rng
        payload = bytearray(r.choice(DUMPS))
        if r.random() < 0.1:
            payload[r.randrange(len(payload))] ^= 1 << r.randrange(8)
        if r.random() < 0.03:
            payload = payload[:r.randrange(len(payload))]
        ttl = r.choice([b"0", b"0", b"0", b"100000000", b"-1", b"x"])
        options = [self.case(r.choice([b"replace", b"replace", b"absttl", b"foo", b"idletime",
                                       b"freq"])) for _ in range(r.choice([0, 1, 1, 2]))]
        return [b"restore", self.key(), ttl, bytes(payload)] + options

    def scan_options(self):
        r = self.rng
        return r.choice([
            [], [b"match", b"k*"], [b"match", b"*"], [b"count", b"100"], [b"count", b"0"],
            [b"count", b"-1"], [b"count", b"a"], [b"count"], [b"foo", b"bar"], [b"type", b"string"],
            [b"type", b"HASH"], [b"type", b"nosuch"], [b"match", b"f[1-3]", b"count", b"1000"],
        ])

    def key_command(self):
        r, k = self.rng, self.key
        if r.random() < 0.25:
            return self.expire_command()
        make = r.choice([
            lambda: [b"del"] + [k() for _ in range(r.randrange(1, 3))],
            lambda: [b"unlink", k()],
            lambda: [b"exists"] + [k() for _ in range(r.randrange(4))],
            lambda: [b"touch", k(), k()], lambda: [b"type", k()],
            lambda: [b"ttl", k()], lambda: [b"pttl", k()], lambda: [b"expiretime", k()],
            lambda: [b"pexpiretime", k()], lambda: [b"persist", k()],
            lambda: [b"rename", k(), k()], lambda: [b"renamenx", k(), k()],
            lambda: [b"copy", k(), k()] + r.choice([[], [b"replace"], [b"db", b"1"], [b"db", b"99"],
                                                    [b"db", b"a"], [b"db"], [b"DB", b"1", b"REPLACE"],
                                                    [b"foo"], [b"db", b"99999999999"]]),
            lambda: [b"move", k(), r.choice([b"1", b"0", b"a", b"77", b"-1", b"4294967296"])],
            lambda: [b"object", b"encoding", k()], lambda: [b"object", b"refcount", b"missing"],
            lambda: [b"object", b"freq", k()], lambda: [b"object", b"encoding"],
            lambda: [b"object", b"nosuch", k()], lambda: [b"object", b"idletime", b"missing"],
            lambda: [b"keys", r.choice([b"*", b"k1*", b"k?", b"[", b"k[0-5]", b"k[^0-5]", b"\\k1",
                                        b"nosuch", b"", b"k[5-0]", b"*1*", b"**2"])],
            lambda: [b"scan", r.choice([b"a", b"1 ", b"99999999999999999999", b""]) if
                     r.random() < 0.3 else b"0"] + self.scan_options(),
            lambda: [b"randomkey"], lambda: [b"dbsize"],
            lambda: [b"select", r.choice([b"0", b"1", b"16", b"-1", b"a", b"99999999999"])],
            lambda: [b"swapdb", r.choice([b"0", b"1", b"a"]), r.choice([b"0", b"1", b"x", b"99"])],
            lambda: [b"sort", k()] + r.choice([[], [b"alpha"], [b"limit", b"0", b"a"], [b"by"],
                                               [b"store", b"dst"], [b"by", b"w*", b"get", b"#"],
                                               [b"desc", b"alpha", b"limit", b"0", b"5"]]),
            lambda: [b"sort_ro", k()] + r.choice([[], [b"store", b"dst"], [b"asc"]]),
            lambda: [b"flushdb"] + r.choice([[], [b"async"], [b"sync"], [b"foo"],
                                             [b"sync", b"async"]]) if r.random() < 0.05 else
                    [b"dbsize"],
            lambda: [b"wait", b"0", b"0"], lambda: [b"wait", b"a", b"0"],
            lambda: [b"wait", b"0", b"-1"], lambda: [b"wait", b"0", b"x"],
        ])
        return make()

    def hash_command(self):
        r, k, f = self.rng, self.key, self.field
        make = r.choice([
            lambda: [b"hset", k()] + [x for _ in range(r.randrange(1, 4))
                                      for x in (f(), self.value())],
            lambda: [b"hset", k(), f()], lambda: [b"hset", k(), f(), b"v", f()],
            lambda: [b"hmset", k(), f(), self.value()], lambda: [b"hmset", k(), f()],
            lambda: [b"hsetnx", k(), f(), self.value()], lambda: [b"hget", k(), f()],
            lambda: [b"hmget", k()] + [f() for _ in range(r.randrange(4))],
            lambda: [b"hgetall", k()], lambda: [b"hkeys", k()], lambda: [b"hvals", k()],
            lambda: [b"hlen", k()], lambda: [b"hstrlen", k(), f()], lambda: [b"hexists", k(), f()],
            lambda: [b"hdel", k()] + [f() for _ in range(r.randrange(1, 4))],
            lambda: [b"hincrby", k(), f(), self.number()],
            lambda: [b"hincrbyfloat", k(), f(), self.floating()],
            lambda: [b"hrandfield", k()],
            lambda: [b"hrandfield", k(), r.choice([b"0", b"1", b"3", b"100", b"-1", b"-7", b"a",
                                                   b"9223372036854775807", b"-9223372036854775808",
                                                   ])] + r.choice([[], [b"withvalues"], [b"foo"]])
                    if r.random() < 0.9 else [b"hrandfield", k(), b"1", b"withvalues", b"x"],
            lambda: [b"hscan", k(), r.choice([b"0", b"0", b"0", b"a"])] + self.scan_options(),
            lambda: [b"object", b"encoding", k()],
            lambda: [b"del", k()],
        ])
        return make()

    def other_command(self):
        r = self.rng
        return list(r.choice([
            [b"ping"], [b"ping", b"x"], [b"ping", b"x", b"y"], [b"echo", b"hi"], [b"echo"],
            [b"nosuch"], [b"nosuch", b"a", b"b"], [b"NoSuch\r\n", b"\x00"], [b"x" * 200, b"y" * 200],
            [b"get"], [b"get", b"a", b"b"], [b"config", b"nosuch"], [b"config"],
            [b"client", b"getname"], [b"client", b"setname", b"a b"], [b"client", b"setname", b"me"],
            [b"client", b"setname", b""], [b"client", b"nosuch"], [b"client", b"no-evict", b"on"],
            [b"client", b"no-evict", b"x"], [b"client", b"reply", b"foo"], [b"client", b"reply", b"on"],
            [b"client", b"kill", b"a"], [b"client", b"kill", b"id", b"x"],
            [b"client", b"kill", b"id", b"99999"], [b"client", b"kill", b"type", b"x"],
            [b"client", b"kill", b"skipme", b"x"], [b"client", b"kill", b"user", b"nobody"],
            [b"client", b"kill", b"addr", b"1.2.3.4:5", b"laddr", b"1.1.1.1:1"],
            [b"client", b"kill", b"addr"], [b"client", b"list", b"type", b"pubsub"],
            [b"client", b"list", b"type", b"x"], [b"client", b"list", b"id", b"a"],
            [b"client", b"list", b"x"], [b"client", b"unblock", b"99"], [b"client", b"unblock", b"a"],
            [b"client", b"unblock", b"1", b"x"], [b"client", b"getredir"],
            [b"client", b"trackinginfo"], [b"client", b"pause", b"a"], [b"client", b"pause", b"-1"],
            [b"client", b"pause", b"0", b"x"], [b"auth"], [b"auth", b"x"], [b"auth", b"default", b"x"],
            [b"auth", b"nobody", b"x"], [b"auth", b"a", b"b", b"c"], [b"hello", b"4"],
            [b"hello", b"a"], [b"hello", b"2", b"foo"], [b"hello", b"2", b"setname"],
            [b"hello", b"3", b"setname", b"a b"], [b"hello", b"3", b"auth", b"default"],
            [b"hello", b"2", b"auth", b"nobody", b"x"], [b"lastsave", b"x"], [b"role", b"x"],
            [b"time", b"x"], [b"shutdown", b"foo"], [b"shutdown", b"abort"],
            [b"shutdown", b"save", b"nosave"], [b"readonly"], [b"readwrite"], [b"asking"],
            [b"cluster", b"info"], [b"cluster"], [b"memory", b"usage", b"nosuchkey"],
            [b"memory", b"usage"], [b"memory", b"usage", b"k", b"samples"],
            [b"memory", b"usage", b"k", b"samples", b"-1"], [b"memory", b"nosuch"],
            [b"config", b"get"], [b"config", b"set", b"maxmemory"],
            [b"config", b"set", b"nosuch", b"1"], [b"config", b"set", b"maxmemory", b"abc"],
            [b"config", b"set", b"hash-max-listpack-entries", b"x"],
            [b"config", b"set", b"maxmemory-policy", b"x"], [b"config", b"set", b"port", b"99999999"],
            [b"config", b"set", b"maxmemory-samples", b"5", b"maxmemory-samples", b"6"],
            [b"config", b"get", b"maxmemory"], [b"config", b"get", b"nosuch"],
            [b"config", b"get", b"hash-max-listpack-value"], [b"role"], [b"module", b"list"],
            [b"acl", b"whoami"], [b"command", b"getkeys", b"get"], [b"command", b"getkeys"],
            [b"command", b"getkeys", b"mset", b"a", b"1", b"b", b"2"], [b"command", b"nosuch"],
            [b"command", b"getkeys", b"ping"], [b"command", b"info", b"get", b"nosuch"],
            [b"debug"], [b"debug", b"sleep", b"0"], [b"debug", b"nosuch"],
            [b"debug", b"protocol", b"map"], [b"debug", b"protocol", b"double"],
            [b"debug", b"protocol", b"null"], [b"debug", b"protocol", b"set"],
            [b"debug", b"protocol", b"true"], [b"debug", b"protocol", b"verbatim"],
            [b"debug", b"protocol", b"bignum"], [b"debug", b"protocol", b"string"],
            [b"flushall", b"x"], [b"flushdb", b"x"], [b"info", b"nosuch"],
            [b"reset"], [b"select", b"0"],
        ]))

    def command(self):
        families = list(self.makers) if self.family == "all" else [self.family]
        weights = {"string": 5, "key": 4, "hash": 4, "other": 1}
        family = self.rng.choices(families, [weights[f] for f in families])[0]
        return self.makers[family]()


def sort_pairs(items):
    return sorted(zip(items[::2], items[1::2]))


def normalized(args, reply, version):
    """One form for what Redis leaves open."""
    name = args[0].lower()
    kind, value = reply
    if kind == b"-":
        return reply
    if name in UNORDERED and isinstance(value, list):
        return kind, sorted(value)
    if name == b"hgetall" and isinstance(value, list):
        return kind, sort_pairs(value)
    if name in (b"scan", b"hscan") and isinstance(value, list):
        return kind, "scan"  # a whole scan is compared in compare_scans()
    if name == b"randomkey":
        return kind, None
    if name == b"dump":
        return kind, value is None  # tried out in compare_dumps()
    if name == b"hrandfield" and kind == b"$":
        return kind, None
    if name == b"hrandfield" and isinstance(value, list):
        return kind, len(value), [element[0] for element in value]
    return reply


def same(args, ours, theirs, version):
    name = args[0].lower()
    if name in NEAR and ours[0] == theirs[0] == b":":
        a, b = int(ours[1]), int(theirs[1])
        # Times beyond the year 10889 are clamped.
        if min(a, b) > 2 * 10**11:
            return True
        return a == b or (a > 0 and b > 0 and abs(a - b) <= NEAR[name])
    if name == b"role" and ours[0] == theirs[0] == b"*":
        return [e[0] for e in ours[1]] == [e[0] for e in theirs[1]]
    if name == b"info":
        return ours[0] == theirs[0]
    return normalized(args, ours, version) == normalized(args, theirs, version)


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
    if name == b"command":
        # 7.2 takes COMMAND GETKEYS of a command without arguments.
        return args[1].lower() in (b"info", b"getkeys")
    return name == b"cluster" and len(args) < 2


def compare_dumps(shard, oracle):
    """What either side dumps the other must take and hold as the same value."""
    problems = []
    for key in sorted(k[1] for k in oracle.call("keys", "*")[1]):
        read = b"hgetall" if oracle.call("type", key)[1] == b"hash" else b"get"
        expected = normalized([read], oracle.call(read, key), 2)
        if len(expected[1]) > 1000000:
            continue  # the payload would pass proto-max-bulk-len
        for giver, taker, way in ((shard, oracle, "to redis"), (oracle, shard, "from redis")):
            payload = giver.call("dump", key)[1]
            answer = taker.call("restore", "restored", 0, payload or b"", "replace")
            got = normalized([read], taker.call(read, "restored"), 2)
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
    version = 2
    make_dumps(oracle)
    generator = Generator(rng, family)
    while done < total:
        if rng.random() < 0.02:
            version = rng.choice([2, 3])
            for connection in (shard, oracle):
                connection.call("hello", version)
        batch = [generator.command() for _ in range(BATCH)]
        # Commands that say nothing would put the replies out of step.
        batch = [c for c in batch if not (c[0] == b"client" and c[1:2] == [b"reply"] and
                                          c[2:] not in ([b"on"], [b"foo"]))]
        shard.send(batch)
        oracle.send(batch)
        for args in batch:
            ours, theirs = shard.read(), oracle.read()
            history.append(args)
            if same(args, ours, theirs, version) or is_expected_difference(args, ours, theirs):
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

# SPDX-License-Identifier: Apache-2.0
"""Random commands on keys of any type: expiry, RENAME, COPY, RESTORE, OBJECT, SORT, SCAN."""
import time

from command_stream.old_dumps import old_dumps

# Payloads of Redis 7.0: texts, numbers, LZF, hashes, sets and sorted sets of all encodings; and
# older ones. Filled in by make_dumps().
DUMPS = []


def make_dumps(oracle):
    DUMPS.extend(old_dumps())
    # None but the empty one is the beginning of another up to a NUL: SORT ALPHA takes such for equal.
    values = [b"", b"hello", b"12", b"-1", b"200", b"-30000", b"70000", b"2147483648", b"007",
              b"9223372036854775807", b"abc" * 100, b"x" * 1000, bytes(range(1, 256)) * 3, b"a" * 63,
              b"b" * 64, b"1234567890" * 2000]
    for value in values:
        oracle.call("set", "dump", value)
        DUMPS.append(oracle.call("dump", "dump")[1])
    for count in (1, 3, 8, 9, 50):
        oracle.call("del", "dump")
        for i in range(count):
            oracle.call("hset", "dump", b"f%d" % i, values[i % len(values)][:60])
        DUMPS.append(oracle.call("dump", "dump")[1])
    for count in (1, 3, 8, 9, 150):
        for member in (b"%d", b"%d000000", b"m%d"):
            oracle.call("del", "dump")
            for i in range(count):
                oracle.call("sadd", "dump", member % i)
            DUMPS.append(oracle.call("dump", "dump")[1])
    for count in (1, 3, 8, 9, 150):
        oracle.call("del", "dump")
        for i in range(count):
            oracle.call("zadd", "dump", i * 0.3 - 1, values[i % len(values)][:60] + b"%d" % i)
        DUMPS.append(oracle.call("dump", "dump")[1])
    oracle.call("del", "dump")
    make_stream_dumps(oracle)


def make_stream_dumps(oracle):
    """Streams with a group that has the consumers of stream_commands, too."""
    for count in (0, 1, 7, 150):
        oracle.call("xgroup", "create", "dump", "readers", "0", "mkstream")
        for consumer in (b"alice", b"bob", b"carol"):
            oracle.call("xgroup", "createconsumer", "dump", "readers", consumer)
        for i in range(count):
            oracle.call("xadd", "dump", b"1-%d" % (i + 1), b"f%d" % (i // 5), b"v", b"g", i)
        oracle.call("xreadgroup", "group", "readers", "bob", "count", 3, "streams", "dump", ">")
        oracle.call("xdel", "dump", "1-2", "1-5")
        DUMPS.append(oracle.call("dump", "dump")[1])
        oracle.call("del", "dump")


def expire_command(v):
    r = v.rng
    now = int(time.time())
    far = r.randrange(1000, 100000)
    name, values = r.choice([
        (b"expire", [far, 0, -1]), (b"pexpire", [far * 1000, 0, -1]),
        (b"expireat", [now + far, now - 10, 0, -1]),
        (b"pexpireat", [(now + far) * 1000, (now - 10) * 1000, -1]),
    ])
    value = str(r.choice(values[:1] * 5 + values)).encode()
    if r.random() < 0.1:
        value = r.choice([v.bad_number(), str(2**63 - 1).encode(), str(-2**63).encode(),
                          str(2**62).encode(), str(2**63 // 1000 + 1).encode()])
    options = [v.case(r.choice([b"nx", b"xx", b"gt", b"lt"]))
               for _ in range(r.choice([0, 0, 1, 1, 2]))]
    if r.random() < 0.02:
        options.append(b"foo")
    return [name, v.key(), value] + options


def restore_command(v):
    r = v.rng
    payload = bytearray(r.choice(DUMPS))
    if r.random() < 0.1:
        payload[r.randrange(len(payload))] ^= 1 << r.randrange(8)
    if r.random() < 0.03:
        payload = payload[:r.randrange(len(payload))]
    ttl = r.choice([b"0", b"0", b"0", b"100000000", b"-1", b"x"])
    options = [v.case(r.choice([b"replace", b"replace", b"absttl", b"foo", b"idletime",
                                   b"freq"])) for _ in range(r.choice([0, 1, 1, 2]))]
    return [b"restore", v.key(), ttl, bytes(payload)] + options


def sort_command(v):
    r = v.rng
    if r.random() < 0.1:  # as a hash table has them, so never cut or stored
        return [b"sort_ro", v.key(), b"by", b"nosort", v.case(r.choice([b"alpha", b"desc"]))]
    options = []
    for _ in range(r.choice([0, 1, 1, 2, 3])):
        options += r.choice([
            [b"alpha"], [b"asc"], [b"desc"], [b"ALPHA"], [b"limit", v.small(), v.small()],
            [b"limit", b"0", b"a"], [b"limit", b"1"], 
            [b"foo"], [b"store", v.key()], [b"by", b"w*"], [b"get", b"#"], [b"get", b"w*"],
            [b"by", b"s*"], [b"get", b"s*"], [b"get", b"h*->f1"]])
    words = {word.lower() for word in options}
    if {b"s*", b"alpha"} <= words:
        return [b"sort", v.key()]  # those that have no text are in any order
    if {b"w*", b"alpha"} <= words and (b"store" in words or b"limit" in words):
        return [b"sort", v.key()]  # by texts that nobody has: in any order, so not kept or cut
    if r.random() < 0.05:
        options.append(r.choice([b"by", b"get", b"limit"]))
    return [r.choice([b"sort", b"sort", b"sort_ro"]), v.key()] + options


def scan_options(v):
    r = v.rng
    return r.choice([
        [], [b"match", b"k*"], [b"match", b"*"], [b"count", b"100"], [b"count", b"0"],
        [b"count", b"-1"], [b"count", b"a"], [b"count"], [b"foo", b"bar"], [b"type", b"string"],
        [b"type", b"HASH"], [b"type", b"nosuch"], [b"match", b"f[1-3]", b"count", b"1000"],
    ])


def key_command(v):
    r, k = v.rng, v.key
    if r.random() < 0.3:
        return r.choice([expire_command, expire_command, expire_command, restore_command,
                         sort_command])(v)
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
        lambda: [b"object", b"encoding", k()], lambda: [b"object", b"refcount", v.missing_key()],
        lambda: [b"object", b"freq", k()], lambda: [b"object", b"encoding"],
        lambda: [b"object", b"nosuch", k()], lambda: [b"object", b"idletime", v.missing_key()],
        lambda: [b"object", b"idletime", k()], lambda: [b"dump", k()],
        lambda: [b"dump", v.missing_key()], lambda: [b"type", v.missing_key()],
        lambda: [b"keys", r.choice([b"*", b"k1*", b"k?", b"[", b"k[0-5]", b"k[^0-5]", b"\\k1",
                                    b"nosuch", b"", b"k[5-0]", b"*1*", b"**2"])],
        lambda: [b"scan", r.choice([b"a", b"1 ", b"99999999999999999999", b""]) if
                 r.random() < 0.3 else b"0"] + scan_options(v),
        lambda: [b"randomkey"], lambda: [b"dbsize"],
        lambda: [b"select", r.choice([b"0", b"1", b"16", b"-1", b"a", b"99999999999"])],
        lambda: [b"swapdb", r.choice([b"0", b"1", b"a"]), r.choice([b"0", b"1", b"x", b"99"])],
        lambda: [b"flushdb"] + r.choice([[], [b"async"], [b"sync"], [b"foo"],
                                         [b"sync", b"async"]]) if r.random() < 0.05 else
                [b"dbsize"],
        lambda: [b"wait", b"0", b"0"], lambda: [b"wait", b"a", b"0"],
        lambda: [b"wait", b"0", b"-1"], lambda: [b"wait", b"0", b"x"],
    ])
    return make()

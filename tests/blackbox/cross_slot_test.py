# SPDX-License-Identifier: Apache-2.0
"""Commands over keys of several slots: one redis-server is right about every reply and all data."""
import random

import pytest

from proxy_process import ProxyProcess
from raw_client import ErrorReply

CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot"
SEED = 7


def proxy_with(cluster, **routing):
    return ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                        settings={"routing": routing})


@pytest.fixture(scope="module")
def all_proxy(cluster):
    proxy = proxy_with(cluster, cross_slot="all", cross_slot_bytes_max="1mb")
    yield proxy
    proxy.stop()


@pytest.fixture(params=[2, 3])
def sides(all_proxy, oracle, request):
    """(through the proxy, one redis-server), both empty."""
    with all_proxy.client(protocol=request.param) as client, \
            oracle.client(protocol=request.param) as redis:
        client.call("FLUSHALL")
        redis.call("FLUSHALL")
        yield client, redis


@pytest.fixture
def both(sides):
    """Sends to both sides; the replies have to be equal."""
    def call(*request):
        mine, right = (side.call(*request) for side in sides)
        if request[0] in ("SUNION", "SINTER", "SDIFF", "SMEMBERS") and isinstance(right, list):
            mine, right = sorted(mine), sorted(right)
        assert mine == right, request
        return mine
    return call


def everything(client):
    """All data as values."""
    readers = {"string": ("GET",), "list": ("LRANGE", 0, -1), "set": ("SMEMBERS",),
               "zset": ("ZRANGE", 0, -1, "WITHSCORES"), "hash": ("HGETALL",),
               "stream": ("XRANGE", "-", "+")}
    data = {}
    for key in client.call("KEYS", "*"):
        kind = client.call("TYPE", key)
        name, *rest = readers[kind]
        value = client.call(name, key, *rest)
        if kind in ("set", "hash") and isinstance(value, list):
            value = sorted(value, key=repr)
        data[key] = (kind, value, client.call("PTTL", key) > 0)
    return data


def fill(sides):
    requests = [
        ("SADD", "s1", *range(10)), ("SADD", "s2", *range(5, 15)), ("SADD", "s3", 7, 8, "x"),
        ("ZADD", "z1", 1, "a", 2, "b", 3.5, "c"), ("ZADD", "z2", 10, "b", 20, "c", "inf", "d"),
        ("ZADD", "z3", "-inf", "d", 2, "a"), ("SADD", "members", "a", "b"),
        ("RPUSH", "l1", "one", "two", "three"), ("RPUSH", "l2", "x"), ("SET", "str", "hello world"),
        ("SET", "str2", "yellow word"), ("SET", "b1", b"\x0f\xf0"), ("SET", "b2", b"\xff\x00\x01"),
        ("PFADD", "h1", *range(500)), ("PFADD", "h2", *range(300, 900)), ("PFADD", "h3", "q"),
        ("GEOADD", "geo", 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"),
        ("RPUSH", "numbers", 3, 1, 2), ("HSET", "hash", "f", "v"), ("XADD", "stream", "1-1", "f", "v"),
        ("SET", "volatile", "v", "PX", 1000000),
    ]
    for side in sides:
        for request in requests:
            reply = side.call(*request)
            assert not isinstance(reply, ErrorReply), (request, reply)


def test_reads(sides, both):
    fill(sides)
    for name in ("SUNION", "SINTER", "SDIFF"):
        both(name, "s1", "s2")
        both(name, "s1", "s2", "s3", "s1")
        both(name, "s1", "nosuch")
        both(name, "nosuch", "s1")
        both(name, "s1", "l1")
        both(name, "nosuch", "l1")
    both("SINTERCARD", 2, "s1", "s2")
    both("SINTERCARD", 2, "s1", "s2", "LIMIT", 2)
    both("SINTERCARD", 2, "s1", "s2", "LIMIT", 0)
    both("SINTERCARD", 2, "s1", "s2", "LIMIT", -1)
    both("SINTERCARD", 2, "s1", "s2", "NOPE")
    for name in ("ZUNION", "ZINTER", "ZDIFF"):
        both(name, 2, "z1", "z2")
        both(name, 2, "z1", "z2", "WITHSCORES")
        both(name, 3, "z1", "z2", "z3", "WITHSCORES")
        both(name, 2, "z1", "members", "WITHSCORES")
        both(name, 2, "z1", "nosuch", "WITHSCORES")
        both(name, 2, "z1", "str")
        both(name, 2, "z1", "z2", "NOPE")
    for name in ("ZUNION", "ZINTER"):
        both(name, 3, "z1", "z2", "z3", "WEIGHTS", 2, 0.5, 0, "WITHSCORES")
        both(name, 3, "z1", "z2", "z3", "AGGREGATE", "MIN", "WITHSCORES")
        both(name, 3, "z1", "z2", "z3", "WITHSCORES", "AGGREGATE", "max", "WEIGHTS", 1, -1, "inf")
        both(name, 2, "z1", "z2", "WEIGHTS", 1)
        both(name, 2, "z1", "z2", "WEIGHTS", 1, "x")
        both(name, 2, "z1", "z2", "AGGREGATE", "AVG")
    both("ZINTERCARD", 2, "z1", "z2")
    both("ZINTERCARD", 2, "z1", "z2", "LIMIT", 1)
    both("PFCOUNT", "h1", "h2")
    both("PFCOUNT", "h1", "h2", "h3", "nosuch")
    both("PFCOUNT", "h1", "str")
    both("PFCOUNT", "h1", "l1")
    both("LCS", "str", "str2")
    both("LCS", "str", "str2", "IDX", "WITHMATCHLEN")
    both("LCS", "str", "l1")
    assert everything(sides[0]) == everything(sides[1])


def test_streams(sides, both):
    for side in sides:
        for key, ids in (("x1", ["1-1", "1-2", "3-0"]), ("x2", ["2-0"]), ("x3", ["1-1"])):
            for entry in ids:
                side.call("XADD", key, entry, "of", key)
        side.call("SET", "text", "v")
    for words in (["x1", "x2", "0", "0"], ["x2", "x1", "0", "1-1"], ["x1", "x2", "$", "0"],
                  ["x1", "x2", "x3", "9", "9", "$"], ["x1", "none", "x1", "0", "0", "2"],
                  ["none", "missing", "0", "0"], ["x1", "text", "0", "0"], ["x1", "text", "x", "0"],
                  ["text", "x1", "0", "x"], ["x1", "x2", "0", "x"], ["x1", "x2", "0"],
                  ["x1", "x2", "0", ">"]):
        both("XREAD", "STREAMS", *words)
        both("XREAD", "COUNT", "2", "STREAMS", *words)
        both("XREAD", "COUNT", "x", "STREAMS", *words)
        both("XREAD", "NOACK", "STREAMS", *words)
        both("XREAD", "COUNT", "STREAMS", *words)
    client, _ = sides
    assert client.call("XREAD", "BLOCK", "1", "STREAMS", "x1", "x2", "0", "0") == CROSSSLOT


def test_hyperloglogs_of_all_sizes(sides, both):
    random.seed(SEED)
    for size in (0, 1, 10, 200, 1000, 5000, 20000):
        members = [random.getrandbits(60) for _ in range(size)]
        for side in sides:
            for start in range(0, size, 1000):
                side.call("PFADD", f"big:{size}", *members[start:start + 1000])
    keys = [f"big:{size}" for size in (1, 10, 200, 1000, 5000, 20000)]
    for i, key in enumerate(keys):
        for other in keys[i + 1:]:
            both("PFCOUNT", key, other)
    assert both("PFCOUNT", *keys) > 20000


def test_stores(sides, both):
    fill(sides)
    for name in ("SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"):
        both(name, f"to:{name}", "s1", "s2")
        both(name, "s1", "s1", "s3")
        both(name, "str", "nosuch", "nosuch2")
        both(name, "x", "s1", "l1")
    for name in ("ZUNIONSTORE", "ZINTERSTORE"):
        both(name, f"to:{name}", 2, "z1", "z2", "WEIGHTS", 2, 3, "AGGREGATE", "MAX")
        both(name, "z3", 3, "z1", "z2", "members")
        both(name, "x", 2, "z1", "z2", "WEIGHTS", 1)
        both(name, "x", 2, "z1", "str")
    both("ZDIFFSTORE", "zd", 2, "z1", "z2")
    both("ZRANGESTORE", "zr", "z1", 0, 1)
    both("ZRANGESTORE", "zr", "z1", "(1", "+inf", "BYSCORE", "LIMIT", 0, 1)
    both("ZRANGESTORE", "zr", "nosuch", 0, -1)
    both("GEOSEARCHSTORE", "gs", "geo", "FROMLONLAT", 15, 37, "BYRADIUS", 200, "km")
    both("GEORADIUS", "geo", 15, 37, 200, "km", "STORE", "gr")
    both("GEORADIUSBYMEMBER", "geo", "Palermo", 200, "km", "STOREDIST", "gm")
    both("PFMERGE", "hm", "h1", "h2", "h3")
    both("PFCOUNT", "hm")
    both("PFMERGE", "h1", "h2")
    both("PFMERGE", "h1", "str")
    both("BITOP", "AND", "bo", "b1", "b2")
    both("BITOP", "NOT", "bn", "b1")
    both("BITOP", "XOR", "b1", "b1", "b2")
    both("BITOP", "NOPE", "x", "b1")
    both("BITOP", "OR", "x", "l1", "b1")
    both("SORT", "numbers", "DESC", "STORE", "sorted")
    both("SORT", "l1", "STORE", "sorted2")
    both("SORT", "l1", "ALPHA", "LIMIT", 0, 2, "STORE", "sorted3")
    assert everything(sides[0]) == everything(sides[1])


def test_sorting_by_patterns(sides, both):
    elements = [*range(10), "x"]
    for side in sides:
        side.call("RPUSH", "list", *elements), side.call("SADD", "set", *elements)
        side.call("ZADD", "zset", *[part for i in range(8) for part in (-i, i)])
        for i in range(9):  # one has no weight, one no number
            side.call("SET", f"weight:{i}", (i * 7) % 5), side.call("SET", f"{i}:name", f"n{i % 4}")
            side.call("HSET", f"object:{i}", "weight", 9 - i, "name", f"object {i}")
        side.call("SET", "name:x->", "arrow"), side.call("RPUSH", "weight:x", "of another type")
    for key in ("list", "set", "zset", "nosuch"):
        # A weight of another type counts as none; what nobody orders comes in any order.
        both("SORT", key, "BY", "weight:*")
        both("SORT", key, "BY", "weight:*", "DESC", "LIMIT", 2, 5, "GET", "#", "GET", "*:name")
        both("SORT", key, "BY", "object:*->weight", "GET", "object:*->name", "GET", "nothing")
        both("SORT_RO", key, "BY", "object:*->name", "ALPHA", "DESC", "LIMIT", 0, 3)
        both("SORT", key, "ALPHA", "GET", "name:*->", "GET", "object:*->nosuch", "LIMIT", -1, 100)
        both("SORT", key, "BY", "weight:*", "GET", "*:name", "GET", "#", "STORE", "stored")
        both("SORT", key, "BY", "nosort", "GET", "object:*->name", "STORE", f"unsorted {key}")
        both("SORT", key, "ALPHA", "GET", "#", "STORE", "list")
    both("SORT", "set", "GET", "#")
    both("SORT", "list", "BY", "nosort", "DESC", "GET", "#")
    both("SORT", "weight:1", "GET", "#")
    both("SORT", "list", "BY", "*:name")
    for words in (("GET",), ("BY", "w*", "x"), ("GET", "#", "LIMIT", 1), ("GET", "#", "BY"),
                  ("GET", "#", "LIMIT", 1, "x")):
        both("SORT", "list", *words)
    both("SORT_RO", "list", "GET", "#", "STORE", "x")
    assert everything(sides[0]) == everything(sides[1])


def test_moves(sides, both):
    fill(sides)
    for key in ("s1", "z1", "l1", "str", "hash", "stream", "geo", "h1", "volatile"):
        both("RENAME", key, f"renamed:{key}")
        both("RENAME", key, "nowhere")
        both("COPY", f"renamed:{key}", f"copy:{key}")
        both("COPY", f"renamed:{key}", "s2")
        both("COPY", f"renamed:{key}", f"over:{key}", "REPLACE")
        both("RENAMENX", f"copy:{key}", "s2")
        both("RENAMENX", f"copy:{key}", f"again:{key}")
    both("RENAME", "renamed:l1", "l2")
    both("RENAMENX", "nosuch", "s2")
    both("COPY", "nosuch", "s2")
    both("COPY", "s2", "x", "NOPE")
    both("COPY", "s2", "x", "DB")
    both("COPY", "s3", "s2", "REPLACE")
    both("SMOVE", "s2", "s3", "x")
    both("SMOVE", "s2", "s3", "nosuch")
    both("SMOVE", "nosuch", "z2", "x")
    both("SMOVE", "s2", "z2", "x")
    both("SMOVE", "s2", "z2", "nosuch")
    both("SMOVE", "z2", "s2", "x")
    both("SMOVE", "members", "new-set", "a")
    both("SMOVE", "members", "new-set", "b")
    both("RPOPLPUSH", "l2", "l9")
    both("LMOVE", "l2", "l9", "LEFT", "RIGHT")
    both("LMOVE", "l2", "l9", "right", "left")
    both("LMOVE", "l2", "l9", "UP", "LEFT")
    both("LMOVE", "nosuch", "z2", "LEFT", "LEFT")
    both("LMOVE", "l9", "z2", "LEFT", "LEFT")
    both("LMOVE", "z2", "l9", "LEFT", "LEFT")
    both("RPOPLPUSH", "l9", "l9b")
    assert everything(sides[0]) == everything(sides[1])


def test_arity(both):
    for request in (("SUNIONSTORE", "a"), ("RENAME", "a"), ("LMOVE", "a", "b"), ("COPY", "a"),
                    ("ZUNION", "x", "a", "b"), ("ZUNION", 0, "a", "b"), ("ZUNIONSTORE", "d", 9, "a"),
                    ("SINTERCARD", 0, "a", "b")):
        assert both(*request).startswith("ERR")


def test_nothing_stays_behind(sides, cluster):
    client, _ = sides
    fill(sides)
    before = set(client.call("KEYS", "*"))
    client.call("SUNIONSTORE", "s9", "s1", "s2", "s3")
    client.call("BITOP", "AND", "s9", "b1", "l1")
    client.call("LCS", "str", "str2")
    client.call("SUNION", "s1", "s2")
    assert set(client.call("KEYS", "*")) == before | {b"s9"}
    keys = {key for node in cluster.nodes for key in node.call("KEYS", "*")}
    assert keys == before | {b"s9"}


def test_the_bound_in_bytes(all_proxy):
    with all_proxy.client() as client:
        client.call("FLUSHALL")
        client.call("SET", "large", "x" * 1_200_000)
        client.call("SADD", "large-set", *[f"{i}{'y' * 1000}" for i in range(1200)])
        client.call("SADD", "small-set", "a")
        refused = "ERR The keys of this request are together larger than"
        assert client.call("RENAME", "large", "larger").startswith(refused)
        assert client.call("SUNION", "large-set", "small-set").startswith(refused)
        assert client.call("SUNIONSTORE", "small-set", "large-set").startswith(refused)
        client.call("RPUSH", "list", *range(20000))
        assert client.call("SORT", "list", "GET", "large").startswith(refused)
        client.call("LTRIM", "list", 0, 9)
        client.call("MSET", "w1", "1" * 600000, "w2", "2" * 600000)
        assert client.call("SORT", "list", "ALPHA", "GET", "w*").startswith(refused)
        assert len(client.call("SORT", "list", "ALPHA", "LIMIT", 0, 2, "GET", "w*")[1]) == 600000
        assert client.call("EXISTS", "large", "larger", "small-set") == 2
        # The large one does not travel.
        assert client.call("SUNIONSTORE", "large-set", "small-set") == 1


def test_in_pipelines_the_order_holds(sides, both):
    requests = [("SET", "p1", 1), ("RENAME", "p1", "p2"), ("GET", "p1"), ("GET", "p2"),
                ("INCR", "p2"), ("COPY", "p2", "p3"), ("INCR", "p3"), ("GET", "p3"),
                ("SADD", "ps1", "a"), ("SUNIONSTORE", "ps2", "ps1", "ps3"), ("SMEMBERS", "ps2")]
    mine, right = (side.pipeline(requests) for side in sides)
    assert [sorted(r) if isinstance(r, (set, list)) else r for r in mine] == [
        sorted(r) if isinstance(r, (set, list)) else r for r in right]


def test_random_commands(sides, both):
    random.seed(SEED)
    keys = [f"k{i}" for i in range(6)]
    for turn in range(400):
        key, other, third = random.choices(keys, k=3)
        member = random.choice("abcdef")
        both(*random.choice([
            ("SADD", key, member), ("ZADD", key, turn % 7, member), ("RPUSH", key, turn),
            ("SET", key, turn), ("DEL", key), ("RENAME", key, other), ("RENAMENX", key, other),
            ("COPY", key, other, "REPLACE"), ("SMOVE", key, other, member),
            ("LMOVE", key, other, "LEFT", "RIGHT"), ("SUNIONSTORE", key, other, third),
            ("ZUNIONSTORE", key, 2, other, third), ("SINTER", key, other), ("SDIFF", key, other),
            ("ZUNION", 2, key, other, "WITHSCORES"), ("PFCOUNT", key, other),
            ("BITOP", "OR", key, other, third), ("ZINTER", 2, key, other)]))
    assert everything(sides[0]) == everything(sides[1])


def test_the_setting(cluster):
    reads = proxy_with(cluster)
    try:
        with reads.client() as client:
            client.call("FLUSHALL")
            client.call("SADD", "s1", 1), client.call("SADD", "s2", 2)
            assert sorted(client.call("SUNION", "s1", "s2")) == [b"1", b"2"]
            for request in (("RENAME", "s1", "s2"), ("SUNIONSTORE", "x", "s1", "s2"),
                            ("COPY", "s1", "x"), ("LCS", "a", "b"), ("MSETNX", "a", 1, "b", 2),
                            ("SORT", "s1", "STORE", "x")):
                assert client.call(*request) == CROSSSLOT, request
            assert client.call("MSET", "a", 1, "b", 2) == "OK"
            client.call("SADD", "s1", 2), client.call("MSET", "w1", 5, "w2", 3)
            assert client.call("SORT", "s1", "BY", "w*", "GET", "#") == [b"2", b"1"]
            assert client.call("SORT", "s1", "BY", "w*", "STORE", "s1").startswith("ERR BY option")
    finally:
        reads.stop()
    off = proxy_with(cluster, cross_slot="off", split_mset=False)
    try:
        with off.client() as client:
            assert client.call("SUNION", "s1", "s2") == CROSSSLOT
            assert client.call("SORT_RO", "s1", "GET", "#").startswith("ERR GET option")
            assert client.call("MSET", "a", 1, "b", 2) == CROSSSLOT
            assert client.call("MSET", "{t}a", 1, "{t}b", 2) == "OK"
            assert client.call("DEL", "a", "b", "{t}a") == 3
    finally:
        off.stop()

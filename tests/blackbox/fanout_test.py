# SPDX-License-Identifier: Apache-2.0
"""Commands that concern all shards, and how their replies join."""
import re

import pytest

from proxy_process import ProxyProcess
from raw_client import ErrorReply
from real_cluster import RealCluster, RealRedis

SETTINGS = {"enable-debug-command": "yes", "latency-monitor-threshold": 1}


@pytest.fixture(scope="module")
def cluster():
    cluster = RealCluster(masters=3, password="backend-secret", settings=SETTINGS)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def oracle():
    redis = RealRedis(settings=SETTINGS)
    yield redis
    redis.stop()


@pytest.fixture
def client(proxy):
    with proxy.client() as client:
        client.call("FLUSHALL")
        yield client


@pytest.fixture
def redis(oracle):
    with oracle.client() as redis:
        redis.call("FLUSHALL")
        yield redis


def pairs(reply):
    return dict(zip(reply[::2], reply[1::2]))


def test_dbsize_keys_flush(client, cluster):
    client.pipeline([("SET", f"{{{i}}}:k", i) for i in range(200)])
    assert client.call("DBSIZE") == 200
    assert len(client.call("KEYS", "*")) == 200
    assert sorted(client.call("KEYS", "{1?}:k")) == sorted(f"{{1{i}}}:k".encode() for i in range(10))
    assert client.call("FLUSHDB") == "OK"
    assert [node.call("DBSIZE") for node in cluster.nodes] == [0, 0, 0]
    assert client.call("FLUSHALL", "SYNC") == "OK"
    assert client.call("FLUSHALL", "NOPE") == "ERR syntax error"


def test_the_documentation_is_the_shards(client, redis):
    """With the arguments, which clients show while a command is typed."""
    assert client.call("COMMAND", "DOCS", "set") == redis.call("COMMAND", "DOCS", "set")
    assert len(client.call("COMMAND", "DOCS")) == len(redis.call("COMMAND", "DOCS"))


def test_a_pipeline_keeps_its_order(client):
    replies = client.pipeline([("SET", "a", 1), ("SET", "b", 2), ("DBSIZE",), ("FLUSHALL",),
                               ("DBSIZE",), ("GET", "a"), ("SET", "a", 3), ("KEYS", "*")])
    assert replies == ["OK", "OK", 2, "OK", 0, None, "OK", [b"a"]]


def test_config(client, cluster):
    assert client.call("CONFIG", "SET", "maxmemory", "123mb", "hz", "20") == "OK"
    for node in cluster.nodes:
        assert node.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"128974848"]
    assert client.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"128974848"]
    assert pairs(client.call("CONFIG", "GET", "hz", "maxmemory"))[b"hz"] == b"20"
    assert client.call("CONFIG", "SET", "maxmemory", "0") == "OK"
    assert client.call("CONFIG", "RESETSTAT") == "OK"
    refused = client.call("CONFIG", "SET", "nosuch", "1")
    assert refused.startswith("ERR Unknown option or number of arguments for CONFIG SET")
    assert client.call("CONFIG", "GET", "nosuch") == []
    refused = client.call("CONFIG", "SET", "hz", "10", "RequirePass", "x")
    assert "'RequirePass'" in refused
    assert pairs(client.call("CONFIG", "GET", "hz"))[b"hz"] == b"20"


def test_an_error_of_one_shard_names_it(client, cluster):
    node = cluster.nodes[1]
    node.call("ACL", "SETUSER", "default", "-memory|purge")
    try:
        error = client.call("MEMORY", "PURGE")
        assert isinstance(error, ErrorReply) and error.startswith("NOPERM")
        assert error.endswith(f" (shard 127.0.0.1:{node.port})")
    finally:
        node.call("ACL", "SETUSER", "default", "+@all")


def test_slowlog(client):
    client.call("CONFIG", "SET", "slowlog-log-slower-than", "0")
    client.pipeline([("SET", f"slow:{i}", i) for i in range(50)])
    client.call("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    entries = client.call("SLOWLOG", "GET", "-1")
    assert client.call("SLOWLOG", "LEN") == len(entries) >= 50
    times, ids = [entry[1] for entry in entries], [entry[0] for entry in entries]
    assert times == sorted(times, reverse=True)
    assert len(set(ids)) == len(ids)
    assert client.call("SLOWLOG", "GET", "3") == entries[:3]
    assert len(client.call("SLOWLOG", "GET")) == 10
    assert client.call("SLOWLOG", "RESET") == "OK"
    assert client.call("SLOWLOG", "LEN") == 0


def test_what_all_shards_do_is_one_entry_of_the_slow_log(client):
    client.call("CONFIG", "SET", "slowlog-log-slower-than", "20000")
    client.call("SLOWLOG", "RESET")
    client.call("DEBUG", "SLEEP", "0.05")
    assert client.call("SLOWLOG", "LEN") == 1
    [entry] = client.call("SLOWLOG", "GET", "-1")
    assert entry[3] == [b"DEBUG", b"SLEEP", b"0.05"] and entry[2] >= 50000
    client.pipeline([("MULTI",), ("DEBUG", "SLEEP", "0.05"), ("EXEC",)])
    assert client.call("SLOWLOG", "LEN") == 2
    client.call("CONFIG", "SET", "slowlog-log-slower-than", "-1")


def test_the_slow_log_is_as_long_as_it_may_be(client):
    client.call("SLOWLOG", "RESET")
    client.call("CONFIG", "SET", "slowlog-max-len", "8", "slowlog-log-slower-than", "0")
    client.pipeline([("SET", f"slow:{i}", i) for i in range(50)])
    assert client.call("SLOWLOG", "LEN") == 8
    client.call("CONFIG", "SET", "slowlog-max-len", "128", "slowlog-log-slower-than", "-1")
    client.call("SLOWLOG", "RESET")


def test_latency(client, cluster):
    client.call("LATENCY", "RESET")
    for node in cluster.nodes[:2]:
        node.call("DEBUG", "SLEEP", "0.02")
    latest = client.call("LATENCY", "LATEST")
    assert [event[0] for event in latest] == [b"command"]
    assert latest[0][3] >= 20
    # A busy machine may have held the third up as well.
    events = sum(len(node.call("LATENCY", "HISTORY", "command")) for node in cluster.nodes)
    assert len(client.call("LATENCY", "HISTORY", "command")) == events >= 2
    assert b"command" in client.call("LATENCY", "GRAPH", "command")
    assert client.call("LATENCY", "GRAPH", "nosuch").startswith("ERR No samples available")
    assert b"#" in client.call("LATENCY", "DOCTOR")
    client.call("CONFIG", "RESETSTAT")
    client.pipeline([("SET", f"lat:{i}", i) for i in range(60)])
    histogram = pairs(pairs(client.call("LATENCY", "HISTOGRAM", "set"))[b"set"])
    assert histogram[b"calls"] == 60
    buckets = histogram[b"histogram_usec"]
    assert buckets[-1] == 60 and buckets[1::2] == sorted(buckets[1::2])
    # What went to all shards was called once.
    of_all = pairs(client.call("LATENCY", "HISTOGRAM", "config"))[b"config|resetstat"]
    assert pairs(of_all)[b"calls"] == 1
    slowed_down = sum(bool(node.call("LATENCY", "LATEST")) for node in cluster.nodes)
    assert client.call("LATENCY", "RESET", "command") == slowed_down >= 2


def test_memory(client):
    client.pipeline([("SET", f"mem:{i}", i) for i in range(90)])
    stats = pairs(client.call("MEMORY", "STATS"))
    assert stats[b"keys.count"] == 90
    assert stats[b"total.allocated"] > 3 * stats[b"startup.allocated"] / 4
    assert float(stats[b"dataset.percentage"]) > 0
    assert pairs(stats[b"db.0"])[b"overhead.hashtable.main"] > 0
    assert client.call("MEMORY", "DOCTOR")
    assert client.call("MEMORY", "MALLOC-STATS")
    assert client.call("MEMORY", "PURGE") == "OK"
    assert client.call("MEMORY", "USAGE", "mem:1") > 0


def test_what_one_server_says_for_all(client, redis):
    for request in (("OBJECT", "HELP"), ("XINFO", "HELP"), ("CONFIG", "HELP"),
                    ("MODULE", "LIST")):
        assert client.call(*request) == redis.call(*request), request
    seconds, microseconds = client.call("TIME")
    assert int(seconds) > 1_600_000_000 and 0 <= int(microseconds) < 1_000_000
    assert client.call("ROLE") == [b"master", 0, []]


def test_saving(client):
    assert client.call("SAVE") == "OK"
    saved = client.call("LASTSAVE")
    assert saved > 1_600_000_000
    assert client.call("BGSAVE") in ("Background saving started", "Background saving scheduled")


def test_debug(client, redis):
    # A list has an order; a hash and a set of these sizes have one encoding on every server.
    for side in (client, redis):
        for i in range(40):
            side.call("SET", f"d:{i}", i)
        side.call("RPUSH", "list", "a", "b", "c")
        side.call("HSET", "hash", "f", "v", "g", "w")
        side.call("SADD", "set", "1", "2", "x")
        side.call("ZADD", "zset", "1.5", "m", "2", "n")
    assert client.call("DEBUG", "DIGEST") == redis.call("DEBUG", "DIGEST")
    for i in range(40):  # even and odd numbers of shards with keys
        for side in (client, redis):
            side.call("DEL", f"d:{i}")
        assert client.call("DEBUG", "DIGEST") == redis.call("DEBUG", "DIGEST"), i
    values = ("DEBUG", "DIGEST-VALUE", "list", "hash", "set", "nosuch", "zset")
    assert client.call(*values) == redis.call(*values)
    for side in (client, redis):
        side.call("FLUSHALL")
    assert client.call("DEBUG", "DIGEST") == redis.call("DEBUG", "DIGEST")
    assert client.call("DEBUG", "SLEEP", "0.01") == "OK"
    assert client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0") == "OK"
    assert client.call("DEBUG", "SET-ACTIVE-EXPIRE", "1") == "OK"
    assert client.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0") == "OK"
    client.call("SET", "kept", "1")
    assert client.call("DEBUG", "RELOAD") == "OK"
    assert client.call("GET", "kept") == b"1"
    assert client.call("DEBUG", "OBJECT", "kept").startswith("Value at:")
    assert client.call("DEBUG", "PROTOCOL", "integer") == redis.call("DEBUG", "PROTOCOL", "integer")
    assert client.call("DEBUG", "NOPE") == redis.call("DEBUG", "NOPE")
    assert client.call("DEBUG", "SEGFAULT").startswith("ERR This DEBUG subcommand is not available")
    assert b"Hash table" in client.call("DEBUG", "HTSTATS", "0")


def test_keys_in_a_slot(client):
    client.pipeline([("SET", f"{{s}}:{i}", i) for i in range(5)])
    slot = client.call("CLUSTER", "KEYSLOT", "{s}")
    assert client.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 5
    assert len(client.call("CLUSTER", "GETKEYSINSLOT", slot, 3)) == 3
    assert client.call("CLUSTER", "COUNTKEYSINSLOT", 16384) == "ERR Invalid slot"
    assert client.call("CLUSTER", "COUNTKEYSINSLOT", "x").startswith("ERR")


def test_the_one_node_that_clients_see(client):
    me = client.call("CLUSTER", "MYID")
    assert re.fullmatch(rb"[0-9a-f]{40}", client.call("CLUSTER", "MYSHARDID"))
    assert client.call("CLUSTER", "LINKS") == []
    assert client.call("CLUSTER", "REPLICAS", me) == []
    assert client.call("CLUSTER", "REPLICAS", "x" * 40) == f"ERR Unknown node {'x' * 40}"
    assert client.call("CLUSTER", "COUNT-FAILURE-REPORTS", me) == 0


def test_refusals(client):
    for request in (("SHUTDOWN",), ("REPLICAOF", "a", "1"), ("CLUSTER", "ADDSLOTS", "1"),
                    ("CLUSTER", "RESET"), ("MODULE", "LOAD", "x"), ("SYNC",), ("FAILOVER",),
                    ("MIGRATE", "h", "1", "k", "0", "1")):
        reply = client.call(*request)
        assert isinstance(reply, ErrorReply), request
        assert "yet" not in reply, reply
    assert client.call("SWAPDB", "0", "1") == "ERR SWAPDB is not allowed in cluster mode"
    assert client.call("MOVE", "a", "1") == "ERR MOVE is not allowed in cluster mode"
    assert client.call("SENTINEL", "masters").startswith("ERR unknown command 'SENTINEL'")


def test_acl(client, redis):
    for request in (("ACL", "WHOAMI"), ("ACL", "USERS"), ("ACL", "GETUSER", "nobody"),
                    ("ACL", "CAT"), ("ACL", "CAT", "nope"), ("ACL", "LOG"), ("ACL", "LOG", "RESET"),
                    ("ACL", "DRYRUN", "default", "GET", "x"), ("ACL", "DRYRUN", "nobody", "GET"),
                    ("ACL", "DRYRUN", "default", "NOPE"), ("ACL", "DRYRUN", "default", "GET"),
                    ("ACL", "GENPASS", "0"), ("ACL", "GENPASS", "x")):
        assert client.call(*request) == redis.call(*request), request
    assert len(client.call("ACL", "GENPASS", "5")) == 2
    assert b"get" in client.call("ACL", "CAT", "read")

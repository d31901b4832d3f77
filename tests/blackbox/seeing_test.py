# SPDX-License-Identifier: Apache-2.0
"""What the proxy tells of single requests: SLOTWAY SLOWLOG, HOTKEYS, BIGKEYS, LATENCY, the access log,
and how a request is found again at its shard."""
import json
import os
import tempfile

import pytest

from deadline import wait_until
from metrics_document import total
from proxy_process import ProxyProcess, admin_text
from raw_client import ErrorReply, encode
from real_cluster import RealCluster
from shard_cluster import LocalCluster

LOG = os.path.join(tempfile.mkdtemp(prefix="slotway-access-"), "access.json")
SETTINGS = {"slow_requests": {"over_ms": 20}, "hot_keys": {"sample": 4},
            "access_log": {"file": LOG, "sample": 10, "slow_over_ms": 20},
            "auth": {"users": ["default on nopass +@all ~* &*", "reader on >p +@read ~*",
                               "admin on >p +@all -@dangerous +slotway|hotkeys ~*"]}}


@pytest.fixture(scope="module")
def cluster():
    cluster = RealCluster(masters=3, settings={"enable-debug-command": "yes"})
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    proxy = ProxyProcess(cluster.seeds(), password=None, settings=SETTINGS)
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy):
    with proxy.client() as client:
        client.call("FLUSHALL")
        client.call("SLOTWAY", "RESET")
        yield client


def entries(client, *arguments):
    return [{name.decode(): value for name, value in zip(entry[::2], entry[1::2])}
            for entry in client.call("SLOTWAY", *arguments)]


SLOW = "local t = redis.call('TIME') local s = t[1] * 1000000 + t[2] repeat t = redis.call('TIME') " \
       "until t[1] * 1000000 + t[2] - s > 40000 return 'done'"


def test_a_slow_request_is_found_with_where_its_time_went(client):
    client.call("CLIENT", "SETNAME", "me")
    client.call("SET", "fast", "v")
    assert client.call("EVAL", SLOW, 1, "slow-key") == b"done"
    entry, = entries(client, "SLOWLOG")
    assert entry["command"][0] == b"EVAL" and entry["command"][2:] == [b"1", b"slow-key"]
    assert entry["client_name"] == b"me" and entry["user"] == b"default"
    assert entry["client"].startswith(b"127.0.0.1:") and entry["node"].startswith(b"127.0.0.1:")
    assert entry["id"].startswith(b"slotway-") and b"#" in entry["id"]
    assert entry["total_us"] == entry["proxy_us"] + entry["wait_us"]
    # Who has sent it may be interrupted before it looks at the clock.
    assert entry["total_us"] >= 40000 and entry["wait_us"] > entry["proxy_us"]
    assert entry["shard_us"] is None, "Redis does not tell"
    assert client.call("SLOTWAY", "RESET") == "OK"
    assert client.call("SLOTWAY", "SLOWLOG") == []


def test_secrets_and_long_arguments_are_not_kept(client):
    client.call("EVAL", SLOW, 1, "k", "x" * 1000, *["y"] * 100)
    command = entries(client, "SLOWLOG")[0]["command"]
    assert len(command) == 32 and command[4].endswith(b"... (872 more bytes)")
    assert command[31].startswith(b"... (")


def test_the_proxys_part_is_the_time_that_a_request_waits_in_it(cluster):
    """While a shard is busy two batches are on their way to it, and what comes later waits here."""
    proxy = ProxyProcess(cluster.seeds(), password=None,
                         settings={"workers": 1, "slow_requests": {"over_ms": 100}})
    clients = [proxy.client() for _ in range(5)]
    try:
        def seen():
            return total(admin_text(proxy.admin_port, "/metrics"), "slotway_requests_total")
        before = seen()
        clients[0].send(encode("EVAL", SLOW.replace("40000", "400000"), 1, "k"))
        for number, client in enumerate(clients[1:]):
            # Each is a batch.
            wait_until(lambda count=before + number: seen() > count, 5, "the proxy has read the request before")
            client.send(encode("GET", "k") if number < 3 else encode("STRLEN", "k"))
        for client in clients:
            client.reply()
        found = {entry["command"][0]: entry for entry in entries(clients[0], "SLOWLOG", -1)}
        assert found[b"EVAL"]["proxy_us"] < 100_000 < found[b"EVAL"]["wait_us"]
        assert found[b"STRLEN"]["wait_us"] < found[b"STRLEN"]["proxy_us"] > 100_000
    finally:
        for client in clients:
            client.close()
        proxy.stop()


def test_how_many_are_asked_for(client):
    for _ in range(3):
        client.call("EVAL", SLOW, 1, "k")
    assert len(entries(client, "SLOWLOG", 2)) == 2
    assert len(entries(client, "SLOWLOG", -1)) == 3
    assert client.call("SLOTWAY", "SLOWLOG", "x").startswith("ERR count should")
    assert client.call("SLOTWAY", "SLOWLOG", "1", "2").startswith("ERR wrong number of arguments")
    assert client.call("SLOTWAY", "NOPE").startswith("ERR unknown subcommand 'NOPE'. Try SLOTWAY HELP.")
    assert client.call("SLOTWAY", "HELP")[0].startswith("SLOTWAY")


# The clock of a slotway-shard stands still while a script runs.
COUNTING = "local n = 0 for i = 1, 20000000 do n = n + i end return 'done'"


def test_one_request_is_found_at_its_shard():
    local = LocalCluster(shards=3)
    try:
        with local.client() as client:
            client.call("CONFIG", "SET", "slowlog-log-slower-than", "20000")
            client.pipeline([("SET", f"k{i}", "v") for i in range(1000)])
            client.call("EVAL", COUNTING, 1, "k1")
            client.pipeline([("GET", f"k{i}") for i in range(1000)])
            assert client.call("EVAL", COUNTING, 1, "k1") == b"done"
            newest, older = entries(client, "SLOWLOG")[:2]
            assert newest["id"] != older["id"]
            for entry in (newest, older):
                assert 20000 <= entry["shard_us"] <= entry["total_us"]
                assert entry["total_us"] == entry["proxy_us"] + entry["wait_us"] + entry["shard_us"]
            names = [entry[5] for entry in client.call("SLOWLOG", "GET", -1)]
            assert newest["id"] in names and older["id"] in names
            assert all(len(entry) == 6 for entry in client.call("SLOWLOG", "GET"))
    finally:
        local.stop()


def test_hot_keys(client):
    client.pipeline([("SET", f"cold{i}", "v") for i in range(2000)])
    for _ in range(20):
        client.pipeline([("GET", "hot")] * 100)
        client.pipeline([("MGET", "warm", "warm")] * 20)
    hottest, next_one = entries(client, "HOTKEYS", 2)
    assert (hottest["key"], next_one["key"]) == (b"hot", b"warm")
    assert 0.3 < float(hottest["share"]) < 0.6 and float(hottest["requests_per_second"]) > 100
    assert len(entries(client, "HOTKEYS")) == 10
    client.call("SLOTWAY", "RESET")
    assert client.call("SLOTWAY", "HOTKEYS") == []


def test_big_keys(client):
    client.call("SET", "written", "x" * 100_000)
    client.call("SET", "small", "x")
    client.pipeline([("RPUSH", "read", "y" * 1000)] * 300)
    client.call("LRANGE", "read", 0, -1)
    client.call("MSET", "a", "z" * 50_000, "b", "z" * 50_000)
    found = {entry["key"]: entry for entry in entries(client, "BIGKEYS")}
    assert list(found)[:2] == [b"read", b"written"]
    assert found[b"read"]["command"] == b"lrange" and found[b"read"]["bytes"] > 300_000
    assert found[b"written"]["command"] == b"set" and found[b"written"]["bytes"] > 100_000
    assert b"small" not in found


def test_a_reply_that_comes_in_pieces_counts_as_a_whole(client):
    client.call("SET", "huge", "x" * 3_000_000)
    client.call("SLOTWAY", "RESET")
    assert len(client.call("GET", "huge")) == 3_000_000
    entry, = entries(client, "BIGKEYS")
    assert entry["bytes"] >= 3_000_000


def test_latencies(client):
    client.pipeline([("HSET", f"h{i}", "f", "v") for i in range(50)])
    rows = entries(client, "LATENCY")
    family = next(row for row in rows if row.get("family") == b"hash")
    assert family["answers"] >= 50
    assert 0 < family["p50_us"] <= family["p99_us"] <= family["p99.9_us"]
    assert sum("node" in row for row in rows) == 3


def test_only_administrators_ask(proxy):
    with proxy.client() as client:
        client.call("AUTH", "reader", "p")
        assert client.call("SLOTWAY", "HOTKEYS").startswith("NOPERM")
        client.call("AUTH", "admin", "p")
        assert isinstance(client.call("SLOTWAY", "HOTKEYS"), list)
        assert client.call("SLOTWAY", "SLOWLOG").startswith("NOPERM")
        # The shards do not know the command, and are not told of the rule.
        assert client.call("EVAL", "return 1", 0) == 1


def test_a_shard_is_not_asked(cluster):
    assert cluster.nodes[0].call("SLOTWAY", "HOTKEYS").startswith("ERR unknown command")


def lines():
    with open(LOG, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_access_log_has_samples_and_what_was_slow(client):
    before = len(lines())
    client.call("CLIENT", "SETNAME", "logged")
    client.pipeline([("SET", f"secret{i}", "secret") for i in range(1000)])
    client.call("LPUSH", "secret1", "v")
    client.call("EVAL", SLOW, 1, "secret-key")
    wait_until(lambda: any(line["reason"] == "slow" for line in lines()[before:]), 10, "a line")
    new = lines()[before:]
    samples = [line for line in new if line["reason"] == "sample" and line["command"] == "set"]
    assert 80 <= len(samples) <= 120
    assert "secret" not in json.dumps(new)
    slow, = [line for line in new if line["reason"] == "slow"]
    assert slow["command"] == "eval" and slow["client_name"] == "logged" and slow["user"] == "default"
    assert int(slow["total_us"]) == int(slow["proxy_us"]) + int(slow["wait_us"]) >= 40000
    assert slow["id"].startswith("slotway-") and slow["node"].startswith("127.0.0.1:")


def test_all_of_it_can_be_turned_off_and_on(proxy, client):
    proxy.write_config({"slow_requests": {"over_ms": 0}, "hot_keys": {"sample": 0},
                        "access_log": {"file": ""}})
    proxy.reload("reload: changed:")
    try:
        before = len(lines())
        client.pipeline([("GET", "k")] * 1000)
        client.call("EVAL", SLOW, 1, "k")
        assert client.call("SLOTWAY", "SLOWLOG") == []
        assert client.call("SLOTWAY", "HOTKEYS") == "ERR hot keys are not looked for: hot_keys.sample is 0"
        assert len(lines()) == before
    finally:
        proxy.write_config(SETTINGS)
        proxy.reload("reload: changed:")
    client.pipeline([("GET", "k")] * 1000)
    assert client.call("SLOTWAY", "HOTKEYS") != []
    assert not isinstance(client.call("SLOTWAY", "HOTKEYS"), ErrorReply)

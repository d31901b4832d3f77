# SPDX-License-Identifier: Apache-2.0
"""Blocking commands through the proxy: as Redis answers them, from thousands of clients, through
failovers and resharding, and ended when their client leaves."""
import signal
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import RawClient, encode
from real_cluster import RealCluster

CALLS = {
    "BLPOP": ("BLPOP", "{t}list", "{t}other", 0),
    "BRPOP": ("BRPOP", "{t}other", "{t}list", 0),
    "BLMOVE": ("BLMOVE", "{t}list", "{t}moved", "LEFT", "RIGHT", 0),
    "BRPOPLPUSH": ("BRPOPLPUSH", "{t}list", "{t}moved", 0),
    "BLMPOP": ("BLMPOP", 0, 2, "{t}other", "{t}list", "LEFT", "COUNT", 2),
    "BZPOPMIN": ("BZPOPMIN", "{t}zset", 0),
    "BZPOPMAX": ("BZPOPMAX", "{t}zset", 0),
    "BZMPOP": ("BZMPOP", 0, 1, "{t}zset", "MAX", "COUNT", 2),
    "XREAD": ("XREAD", "BLOCK", 0, "STREAMS", "{t}stream", "$"),
    "XREADGROUP": ("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "BLOCK", 0, "STREAMS", "{t}stream",
                   ">"),
}
WAKERS = {
    "list": ("RPUSH", "{t}list", "one", "two"),
    "zset": ("ZADD", "{t}zset", 1, "a", 2, "b"),
    "stream": ("XADD", "{t}stream", "7-7", "field", "value"),
}
PREPARE = [("DEL", "{t}list"), ("DEL", "{t}moved"), ("DEL", "{t}zset"), ("DEL", "{t}stream"),
           ("XGROUP", "CREATE", "{t}stream", "g", "$", "MKSTREAM")]
TIMED = [("BLPOP", "{t}none", 0.05), ("BLMOVE", "{t}none", "{t}x", "LEFT", "LEFT", 0.05),
         ("BRPOPLPUSH", "{t}none", "{t}x", "0.05"), ("BLMPOP", 0.05, 1, "{t}none", "LEFT"),
         ("BZPOPMIN", "{t}none", 0.05), ("BZMPOP", "0.05", 1, "{t}none", "MIN"),
         ("XREAD", "BLOCK", 20, "STREAMS", "{t}none", "$")]
REFUSED = [("BLPOP", "{t}k", "-1"), ("BLPOP", "{t}k", "soon"), ("BLPOP", "{t}k", "inf"),
           ("BLPOP", "{t}k"), ("BLMPOP", 1, 0, "{t}k", "LEFT"), ("BLMPOP", 1, "x", "{t}k", "LEFT"),
           ("BLMPOP", 1, 1, "{t}k", "UP"), ("BLMOVE", "{t}a", "{t}b", "UP", "LEFT", 1),
           ("BZMPOP", "x", 1, "{t}k", "MIN"), ("XREAD", "BLOCK", "-1", "STREAMS", "{t}k", 0),
           ("XREAD", "BLOCK", "1.5", "STREAMS", "{t}k", 0), ("XREAD", "BLOCK", 1),
           ("XREAD", "BLOCK", 1, "STREAMS", "{t}k"), ("XREAD", "BLOCK", 1, "STREAMS", "{t}k", "x"),
           ("XREADGROUP", "GROUP", "none", "c", "BLOCK", 1, "STREAMS", "{t}k", ">")]


@pytest.fixture(scope="module")
def cluster():
    running = RealCluster(masters=3, replicas=1, node_timeout_ms=2000)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    running = ProxyProcess(cluster.seeds(), password=None)
    yield running
    running.stop()


def blocked_clients(node):
    for line in node.call("INFO", "clients").decode().splitlines():
        if line.startswith("blocked_clients:"):
            return int(line.split(":")[1])
    raise AssertionError("no blocked_clients")


def blocked_in(cluster):
    return sum(blocked_clients(node) for node in cluster.running_nodes())


def wait_until_blocked(cluster, count):
    wait_until(lambda: blocked_in(cluster) == count, 20, f"{count} are blocked at the shards")


def replies_of_wakened(port, blocked_at, name, protocol):
    """What a blocked client receives when another wakes it, byte for byte."""
    call = CALLS[name]
    kind = next(kind for kind in WAKERS if any("{t}" + kind == str(word) for word in call))
    with RawClient(port, protocol=protocol) as waiting, RawClient(port) as waker:
        for command in PREPARE:
            waker.call(*command)
        waiting.send(encode(*call) + encode("ECHO", "behind"))
        blocked_at()
        waker.call(*WAKERS[kind])
        return waiting.raw_reply(), waiting.raw_reply(), waker.raw_call("LRANGE", "{t}moved", 0, -1)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_blocked_call_is_woken_as_redis_wakes_it(cluster, proxy, oracle, name, protocol):
    expected = replies_of_wakened(
        oracle.port, lambda: wait_until(lambda: blocked_clients(oracle.node) == 1, 10, "blocked"),
        name, protocol)
    actual = replies_of_wakened(proxy.port, lambda: wait_until_blocked(cluster, 1), name, protocol)
    assert actual == expected


@pytest.mark.parametrize("protocol", [2, 3])
def test_time_over_and_refusals(proxy, oracle, protocol):
    with proxy.client(protocol=protocol) as client, oracle.client(protocol=protocol) as plain:
        for command in TIMED + REFUSED:
            assert client.raw_call(*command) == plain.raw_call(*command), command
        client.call("SET", "{t}string", "x")
        plain.call("SET", "{t}string", "x")
        assert client.raw_call("BLPOP", "{t}string", 1) == plain.raw_call("BLPOP", "{t}string", 1)


def test_data_that_is_there_is_given_at_once_and_in_order(proxy):
    with proxy.client() as client:
        client.call("DEL", "queue")
        replies = client.pipeline([("RPUSH", "queue", "1", "2", "3"), ("BLPOP", "queue", 0),
                                   ("BRPOP", "queue", 0), ("LLEN", "queue"), ("BLPOP", "queue", 0),
                                   ("LLEN", "queue")])
    assert replies == [3, [b"queue", b"1"], [b"queue", b"3"], 1, [b"queue", b"2"], 0]


def test_keys_of_several_slots_are_refused(proxy):
    with proxy.client() as client:
        reply = client.call("BLPOP", "a", "b", 0)
    assert reply == "CROSSSLOT Keys in request don't hash to the same slot"


@pytest.mark.parametrize("has_more_input", [False, True])
def test_who_leaves_blocks_no_more(cluster, proxy, has_more_input):
    key = f"left:{has_more_input}"
    client = proxy.client()
    client.send(encode("BLPOP", key, 0))
    wait_until_blocked(cluster, 1)
    if has_more_input:
        client.send(encode("PING") * 1000)
    client.close()
    wait_until_blocked(cluster, 0)
    # What is pushed then is nobody's.
    with proxy.client() as other:
        assert other.call("RPUSH", key, "x") == 1
        assert other.call("LLEN", key) == 1


def test_one_who_blocks_stalls_nobody(cluster, proxy):
    with proxy.client() as blocked, proxy.client() as busy:
        blocked.send(encode("BLPOP", "{b}stall", 0))
        wait_until_blocked(cluster, 1)
        for i in range(100):
            assert busy.call("SET", "{b}other", i) == "OK"
        busy.call("RPUSH", "{b}stall", "x")
        assert blocked.reply() == [b"{b}stall", b"x"]


def test_two_thousand_blocked_clients(cluster):
    count = 2000
    proxy = ProxyProcess(cluster.seeds(), password=None)
    clients = []
    try:
        clients = [proxy.client() for _ in range(count)]
        for i, client in enumerate(clients):
            client.send(encode("BLPOP", f"crowd:{i}", 0))
        wait_until_blocked(cluster, count)
        with proxy.client() as info:
            assert b"blocked_clients:2000" in info.call("INFO", "clients")
            info.send(b"".join(encode("RPUSH", f"crowd:{i}", i) for i in range(count)))
            assert [info.reply() for _ in range(count)] == [1] * count
        for i, client in enumerate(clients):
            assert client.reply() == [b"crowd:%d" % i, b"%d" % i]
        wait_until_blocked(cluster, 0)
    finally:
        for client in clients:
            client.close()
        proxy.stop()


def test_too_many_are_told_so(cluster):
    proxy = ProxyProcess(cluster.seeds(), password=None, settings={
        "workers": 1, "limits": {"private_connections_max": 2}})
    clients = [proxy.client() for _ in range(3)]
    try:
        for client in clients[:2]:
            client.send(encode("BLPOP", "few", 0))
        wait_until_blocked(cluster, 2)
        assert "private_connections_max" in clients[2].call("BLPOP", "few", 0)
        clients[0].close()
        wait_until_blocked(cluster, 1)
        clients[2].send(encode("BLPOP", "few", 0))
        wait_until_blocked(cluster, 2)
    finally:
        for client in clients:
            client.close()
        proxy.stop()


def test_a_drain_does_not_wait_for_the_blocked(cluster):
    proxy = ProxyProcess(cluster.seeds(), password=None)
    with proxy.client() as client:
        client.send(encode("BLPOP", "drained", 0))
        wait_until_blocked(cluster, 1)
        began = time.monotonic()
        assert proxy.stop() == 0
        assert time.monotonic() - began < 5 * SLOWNESS
        assert client.receive_until_closed() == b""
    wait_until_blocked(cluster, 0)


def take_when_woken(client, timeout_s=30):
    client.settimeout(timeout_s)
    return client.reply()


def test_a_moved_slot_takes_the_blocked_along(cluster, proxy):
    key = "moving"
    owner = cluster.master_of(key)
    target = next(node for node in cluster.running_nodes()
                  if node is not owner and node.port in cluster.slot_owners())
    slot = owner.call("CLUSTER", "KEYSLOT", key)
    with proxy.client() as blocked, proxy.client() as waker:
        waker.call("DEL", key)
        blocked.send(encode("BLPOP", key, 0))
        wait_until_blocked(cluster, 1)
        ids = {node: node.call("CLUSTER", "MYID").decode() for node in (owner, target)}
        for source, destination in ((owner, target), (target, owner)):
            destination.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
            source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[destination])
            for node in (destination, source):
                node.call("CLUSTER", "SETSLOT", slot, "NODE", ids[destination])
            wait_until(lambda node=destination: blocked_clients(node) == 1, 20,
                       "it is blocked at the new owner")
        waker.call("RPUSH", key, "found")
        assert take_when_woken(blocked) == [b"moving", b"found"]


def test_a_manual_failover_takes_the_blocked_along(cluster, proxy):
    key = "demoted"
    with proxy.client() as blocked, proxy.client(protocol=3) as timed, proxy.client() as waker:
        waker.call("DEL", key)
        master = cluster.master_of(key)
        replica = cluster.replicas_of(master)[0]
        blocked.send(encode("BRPOP", key, 0))
        began = time.monotonic()
        timed.send(encode("BLPOP", key + "{demoted}", 4))
        wait_until_blocked(cluster, 2)
        assert replica.call("CLUSTER", "FAILOVER") == "OK"
        wait_until(lambda: blocked_clients(replica) == 2, 20, "they are blocked at the new master")
        # The time is not counted anew.
        assert timed.reply() is None
        assert 3.5 < time.monotonic() - began < 6 * SLOWNESS
        waker.call("RPUSH", key, "x")
        assert take_when_woken(blocked) == [b"demoted", b"x"]
    cluster.wait_until_ok()


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_lost_master_takes_the_blocked_along(cluster, how):
    proxy = ProxyProcess(cluster.seeds(), password=None,
                         settings={"backend": {"response_timeout_ms": 1500,
                                               "ping_interval_ms": 500}})
    key = "lost:" + how
    master = cluster.master_of(key)
    replica = cluster.replicas_of(master)[0]
    try:
        with proxy.client() as blocked, proxy.client() as timed, proxy.client() as waker:
            blocked.send(encode("BLPOP", key, 0))
            timed.send(encode("XREAD", "BLOCK", 100000, "STREAMS", key + ":stream{" + key + "}",
                              "0"))
            wait_until_blocked(cluster, 2)
            if how == "killed":
                master.kill()
            else:
                master.process.signal(signal.SIGSTOP)
            wait_until(lambda: blocked_clients(replica) == 2, 30,
                       "they are blocked at the promoted replica")
            assert waker.call("RPUSH", key, "x") == 1
            assert take_when_woken(blocked) == [key.encode(), b"x"]
            timed.close()
            wait_until(lambda: blocked_clients(replica) == 0, 20, "nobody is blocked any more")
    finally:
        if how == "killed":
            master.start()
            master.wait_until_up()
        else:
            master.process.signal(signal.SIGCONT)
        proxy.stop()
    cluster.wait_until_ok()


def test_time_runs_out_while_nobody_owns_the_slot(cluster):
    proxy = ProxyProcess(cluster.seeds(), password=None)
    key = "orphan"
    master = cluster.master_of(key)
    try:
        with proxy.client() as blocked:
            began = time.monotonic()
            blocked.send(encode("BLPOP", key, 1))
            wait_until_blocked(cluster, 1)
            master.process.signal(signal.SIGSTOP)
            assert blocked.reply() is None
            assert time.monotonic() - began < 10 * SLOWNESS
    finally:
        master.process.signal(signal.SIGCONT)
        proxy.stop()
    cluster.wait_until_ok()

# SPDX-License-Identifier: Apache-2.0
"""WAIT and WAITAOF: about the client's own writes, whichever shards they went to."""
import signal
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import ErrorReply, encode
from real_cluster import RealCluster


@pytest.fixture(scope="module")
def cluster():
    running = RealCluster(masters=3, replicas=1, node_timeout_ms=60000)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    running = ProxyProcess(cluster.seeds(), password=None)
    yield running
    running.stop()


def key_of(cluster, master):
    """A key in the middle of the master's first range."""
    ranges = cluster.slot_owners()[master.port]
    middle = sum(ranges[0]) // 2
    for i in range(1_000_000):
        key = f"k{i}"
        slot = cluster.nodes[0].call("CLUSTER", "KEYSLOT", key)
        if abs(slot - middle) < 1500:
            return key
    raise AssertionError("no key")


@pytest.fixture(scope="module")
def masters(cluster):
    """Each master, a key of it, and its replica."""
    found = [cluster.node_of_port(port) for port in sorted(cluster.slot_owners())]
    return [(master, key_of(cluster, master), cluster.replicas_of(master)[0]) for master in found]


class Stopped:
    """A process that does nothing meanwhile."""

    def __init__(self, node):
        self._process = node.process

    def __enter__(self):
        self._process.signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self._process.signal(signal.SIGCONT)


def test_waits_for_the_replica_of_what_was_written(proxy, masters):
    (_, key_a, _), (_, key_b, replica_b), _ = masters
    with proxy.client() as client, proxy.client() as other:
        with Stopped(replica_b):
            assert client.pipeline([("SET", key_a, "1"), ("WAIT", 1, 0)]) == ["OK", 1]
            # Another client's writes are none of its business.
            other.call("SET", key_b, "1")
            assert client.call("WAIT", 1, 0) == 1
            began = time.monotonic()
            assert other.call("WAIT", 1, 300) == 0
            assert 0.25 < time.monotonic() - began < 5 * SLOWNESS
            # All that it wrote to: the smallest.
            client.call("SET", key_b, "2")
            assert client.call("WAIT", 1, 100) == 0
            other.send(encode("WAIT", 1, 0))
        # It comes back, and the waiting one is told.
        assert other.reply() == 1
        assert client.call("WAIT", 1, 0) == 1


def test_every_way_of_writing_counts(proxy, masters):
    (_, key_a, replica_a), *_ = masters
    ways = [[("MSET", key_a, "1", "{other}x", "2")],
            [("EVAL", "return redis.call('set', KEYS[1], 'x')", 1, key_a)],
            [("MULTI",), ("SET", key_a, "2"), ("EXEC",)],
            [("DEL", key_a, "a", "b", "c")]]
    for commands in ways:
        with proxy.client() as client, Stopped(replica_a):
            for reply in client.pipeline(commands):
                assert not isinstance(reply, ErrorReply), reply
            assert client.call("WAIT", 1, 100) == 0, commands


def test_who_wrote_nothing_hears_how_many_replicas_there_are(proxy):
    with proxy.client() as client:
        client.call("GET", "x")
        wait_until(lambda: client.call("WAIT", 0, 0) == 1, 10, "replicas have caught up")
        assert client.call("WAIT", 1, 0) == 1
        began = time.monotonic()
        assert client.call("WAIT", 2, 200) == 1
        assert time.monotonic() - began >= 0.15


def test_refusals_are_those_of_redis(proxy, oracle):
    with proxy.client() as client, oracle.client() as plain:
        for command in [("WAIT", "x", "0"), ("WAIT", "0", "x"), ("WAIT", "0", "-1"), ("WAIT", "0"),
                        ("WAIT", "0", "1.5"), ("WAIT", "99999999999999999999", "0")]:
            assert client.raw_call(*command) == plain.raw_call(*command), command


def test_in_a_transaction_it_does_not_wait(proxy, masters):
    (_, key_a, replica_a), *_ = masters
    with proxy.client() as client, Stopped(replica_a):
        assert client.pipeline([("MULTI",), ("SET", key_a, "1"), ("WAIT", 1, 0), ("EXEC",)])[-1] == [
            "OK", 0]


def test_waitaof_is_answered_by_the_shards(proxy, cluster):
    with proxy.client() as client, cluster.nodes[0].client() as node:
        client.call("SET", "x", "1")
        reply, direct = client.call("WAITAOF", 0, 0, 10), node.call("WAITAOF", 0, 0, 10)
        # Redis before 7.2 does not know it, and says so.
        assert type(reply) is type(direct)
        if isinstance(direct, ErrorReply):
            assert reply.startswith("ERR unknown command 'WAITAOF'")
        else:
            assert len(reply) == 2


def test_after_a_failover_the_new_master_is_asked():
    cluster = RealCluster(masters=3, replicas=1, node_timeout_ms=2000)
    proxy = ProxyProcess(cluster.seeds(), password=None)
    try:
        master = cluster.master_of("moved")
        with proxy.client() as client:
            assert client.call("SET", "moved", "1") == "OK"
            client.send(encode("WAIT", 2, 0))
            wait_until(lambda: b"blocked_clients:1" in master.call("INFO", "clients"), 10, "waits")
            replica = cluster.replicas_of(master)[0]
            assert replica.call("CLUSTER", "FAILOVER") == "OK"
            wait_until(lambda: b"blocked_clients:1" in replica.call("INFO", "clients"), 20,
                       "waits at the new master")
            client.close()
            wait_until(lambda: b"blocked_clients:0" in replica.call("INFO", "clients"), 20,
                       "nobody waits any more")
    finally:
        proxy.stop()
        cluster.stop()

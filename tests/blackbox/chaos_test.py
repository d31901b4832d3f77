# SPDX-License-Identifier: Apache-2.0
"""Nodes are killed, paused and restarted and slots move, while clients write and read: no
acknowledged write is lost that Redis kept, nothing runs twice, no key sees its commands in another
order, and no reply goes to another request.

Half a minute by default; SLOTWAY_CHAOS_MINUTES=10 for longer, SLOTWAY_CHAOS_SEED to repeat,
SLOTWAY_CHAOS_FAULT=kill_master for one fault only."""
import os
import random
import time

import pytest

from chaos_clients import FIXED, INCR_AND_ECHO, ChaosClient, Judge, fixed_value
from chaos_faults import Faults
from chaos_pubsub import Listener, PubsubRound
from deadline import wait_until
from proxy_process import ProxyProcess
from real_cluster import RealCluster

CLIENTS, PLAIN, TRICKLING, PUBLISHERS, LISTENERS = 10, 6, 4, 2, 4
SECONDS = float(os.environ.get("SLOTWAY_CHAOS_MINUTES", "0.5")) * 60
# An append only file keeps what a killed node has acknowledged for its restart. Not "everysec": while
# a slow disk is busy, Redis answers before it has written.
SETTINGS = {"appendonly": "yes", "appendfsync": "no", "auto-aof-rewrite-percentage": 0}


@pytest.fixture
def cluster():
    cluster = RealCluster(masters=3, replicas=1, node_timeout_ms=1500, settings=SETTINGS)
    yield cluster
    cluster.stop()


@pytest.fixture
def proxies(cluster):
    """A patient one that soon hears of changes, and one that gives a shard up that is silent for
    less than a short pause."""
    proxies = []
    try:
        for backend in ({"topology": {"refresh_interval_ms": 150}}, {"response_timeout_ms": 400}):
            proxies.append(ProxyProcess(cluster.seeds(), settings={"backend": backend}))
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


@pytest.fixture
def listeners(proxies):
    """Two of each proxy, one of them in RESP2."""
    listeners = [Listener(proxies[i % 2].client(timeout_s=90, protocol=2 + i // 2),
                          f"listener {i}", i) for i in range(LISTENERS)]
    for listener in listeners:
        listener.start()
    yield listeners
    for listener in listeners:
        listener.stop()


def test_chaos(cluster, proxies, listeners):
    seed = int(os.environ.get("SLOTWAY_CHAOS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    faults = Faults(cluster, rng)
    connections = [proxies[i % 2].client(timeout_s=90) for i in range(CLIENTS + PUBLISHERS)]
    connections[0].pipeline([("SET", key, fixed_value(key)) for key in FIXED])
    for connection in connections[:2]:
        connection.call("SCRIPT", "LOAD", INCR_AND_ECHO)
    end = time.monotonic() + SECONDS
    only = os.environ.get("SLOTWAY_CHAOS_FAULT")
    chosen = [fault for fault in faults.all() if only in (None, fault.__name__)]
    waiting, rounds = [], 0
    # Every kind of fault once before any comes again.
    while time.monotonic() < end or rounds == 0:
        waiting = waiting or rng.sample(chosen, len(chosen))
        name = b"round%d" % rounds
        pubsub = PubsubRound(cluster, listeners, connections[CLIENTS:], name, seed)
        one_round(waiting.pop(), connections[:CLIENTS], proxies[rounds % 2], name, seed, pubsub)
        rounds += 1
    for connection in connections:
        connection.close()
    for proxy in proxies:
        proxy.assert_up()


def one_round(fault, connections, proxy, name, seed, pubsub):
    clients = [ChaosClient(connection, b"c%d" % i, name, seed, i < PLAIN, i < TRICKLING)
               for i, connection in enumerate(connections)]
    for client in clients:
        client.start()
    try:
        before = requests_of(clients)
        wait_until(lambda: requests_of(clients) > before + 1000, 30, "the load is running")
        pubsub.wait_in_peace()
        pubsub.note_fault()
        begin = time.monotonic()
        losses = fault()
        seconds = time.monotonic() - begin
        before = requests_of(clients)
        wait_until(lambda: requests_of(clients) > before + 1000, 60, "the load goes on")
        pubsub.wait_until_recovered()
        pubsub.wait_in_peace()
    finally:
        for client in clients:
            client.stop()
        pubsub.stop()
        for client in clients:
            client.join(100)
    assert not any(client.is_alive() for client in clients), "a client waits for a reply for ever"
    # A call that waits at a shard that stops is made again at the next: when the shard goes on, it
    # may still serve the first.
    unnoticed = len(clients) if "pause" in fault.__name__ else 0
    with proxy.client(timeout_s=60) as reader:
        judge = Judge(clients, reader, losses, unnoticed)
        print(f"{name.decode()}: {fault.__name__} in {seconds:.1f} s, {requests_of(clients)} "
              f"requests, {sum(client.unknown for client in clients)} unknown, "
              f"{sum(client.refused for client in clients)} refused, {judge.doubtful()} may be "
              f"lost by Redis, longest {max(client.longest_s for client in clients):.1f} s; "
              f"{pubsub.count()} messages, heard again in {pubsub.recovery_s:.2f} s",
              flush=True)
        # A connection that is cut is opened again to the same node, unless that is cut again and
        # again before it is of use.
        may_repeat = fault.__name__ != "cut_connections" or pubsub.has_moved()
        problems = judge.problems() + pubsub.problems(may_repeat)
        assert not problems, f"after {fault.__name__}:\n" + "\n".join(problems[:20])
        for client in clients:
            reader.call("DEL", *[b"{%s}much" % key for key in client.counters])
            reader.call("DEL", *client.counters, *client.registers, *client.texts, *client.pushes)


def requests_of(clients):
    failures = [client.failure for client in clients if client.failure]
    assert failures == []
    return sum(client.requests for client in clients)

# SPDX-License-Identifier: Apache-2.0
"""Nodes are killed, paused and restarted and slots move, while clients write and read: no
acknowledged write is lost that Redis kept, nothing runs twice, no key sees its commands in another
order, and no reply goes to another request.

Half a minute by default; SLOTWAY_CHAOS_MINUTES=10 for longer, SLOTWAY_CHAOS_SEED to repeat."""
import os
import random
import time

import pytest

from chaos_clients import FIXED, ChaosClient, Judge, fixed_value
from chaos_faults import Faults
from chaos_history import (ACKED, DELETED, REFUSED, UNKNOWN, LossZone, Operation, check_counter,
                           check_register, check_text)
from deadline import wait_until
from proxy_process import ProxyProcess
from real_cluster import RealCluster

CLIENTS = 8
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
    """A patient one, and one that gives a shard up that is silent for less than a short pause."""
    proxies = []
    try:
        for backend in ({}, {"response_timeout_ms": 400}):
            proxies.append(ProxyProcess(cluster.seeds(), settings={"backend": backend}))
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


def test_chaos(cluster, proxies):
    seed = int(os.environ.get("SLOTWAY_CHAOS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    faults = Faults(cluster, rng)
    connections = [proxies[i % 2].client(timeout_s=90) for i in range(CLIENTS)]
    connections[0].pipeline([("SET", key, fixed_value(key)) for key in FIXED])
    end = time.monotonic() + SECONDS
    waiting, rounds = [], 0
    # Every kind of fault once before any comes again.
    while time.monotonic() < end or rounds == 0:
        waiting = waiting or rng.sample(faults.all(), len(faults.all()))
        one_round(waiting.pop(), connections, proxies[rounds % 2], b"round%d" % rounds, seed)
        rounds += 1
    for connection in connections:
        connection.close()
    for proxy in proxies:
        proxy.assert_up()


def one_round(fault, connections, proxy, name, seed):
    clients = [ChaosClient(connection, b"c%d" % i, name, seed)
               for i, connection in enumerate(connections)]
    for client in clients:
        client.start()
    try:
        before = requests_of(clients)
        wait_until(lambda: requests_of(clients) > before + 1000, 30, "the load is running")
        begin = time.monotonic()
        losses = fault()
        seconds = time.monotonic() - begin
        before = requests_of(clients)
        wait_until(lambda: requests_of(clients) > before + 1000, 60, "the load goes on")
    finally:
        for client in clients:
            client.stop()
        for client in clients:
            client.join(100)
    assert not any(client.is_alive() for client in clients), "a client waits for a reply for ever"
    with proxy.client(timeout_s=60) as reader:
        judge = Judge(clients, reader, losses)
        print(f"{name.decode()}: {fault.__name__} in {seconds:.1f} s, {requests_of(clients)} "
              f"requests, {sum(client.unknown for client in clients)} unknown, "
              f"{sum(client.refused for client in clients)} refused, {judge.doubtful()} may be "
              f"lost by Redis, longest {max(client.longest_s for client in clients):.1f} s",
              flush=True)
        problems = judge.problems()
        assert not problems, f"after {fault.__name__}:\n" + "\n".join(problems[:20])
        for client in clients:
            reader.call("DEL", *client.counters, *client.registers, *client.texts)


def requests_of(clients):
    failures = [client.failure for client in clients if client.failure]
    assert failures == []
    return sum(client.requests for client in clients)


def operations(*outcomes):
    """(token, outcome, reply) one after the other, a second each."""
    return [Operation(token, i, i + 0.5, outcome, reply)
            for i, (token, outcome, reply) in enumerate(outcomes)]


@pytest.mark.parametrize("history,final,zones,is_fine", [
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 2, [], True),
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 1, [], False),
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 1, [LossZone(1, 2, 1)], True),
    ([(b"k", ACKED, 1), (b"k", ACKED, 2)], 1, [LossZone(1, 2, 0.5)], False),
    ([(b"k", ACKED, 1), (b"k", ACKED, 3)], 3, [], False),
    ([(b"k", ACKED, 1), (b"k", UNKNOWN, None), (b"k", ACKED, 3)], 3, [], True),
    ([(b"k", ACKED, 1), (b"k", REFUSED, None), (b"k", ACKED, 3)], 3, [], False),
    ([(b"k", ACKED, 1), (b"k", ACKED, 1)], 1, [], False),
    ([(b"k", UNKNOWN, None)], None, [], True),
    ([(b"k", UNKNOWN, None)], 2, [], False),
])
def test_the_checker_of_counters(history, final, zones, is_fine):
    assert (check_counter("k", operations(*history), final, zones) == []) == is_fine


@pytest.mark.parametrize("history,final,zones,is_fine", [
    ([(b"a", ACKED, "OK"), (None, ACKED, b"a"), (b"b", ACKED, "OK")], b"b", [], True),
    ([(b"a", ACKED, "OK"), (b"b", ACKED, "OK"), (None, ACKED, b"a")], b"b", [], False),
    ([(b"a", ACKED, "OK"), (b"b", ACKED, "OK")], b"a", [], False),
    ([(b"a", ACKED, "OK"), (b"b", UNKNOWN, None)], b"a", [], True),
    ([(b"a", ACKED, "OK"), (b"b", REFUSED, None)], b"b", [], False),
    ([(b"a", ACKED, "OK")], None, [LossZone(0, 1, 1)], True),
    ([(b"a", ACKED, "OK"), (None, ACKED, None)], b"a", [], False),
    ([(b"a", ACKED, "OK"), (DELETED, ACKED, 1), (None, ACKED, None)], None, [], True),
    ([(b"a", ACKED, "OK"), (DELETED, ACKED, 1)], b"a", [], False),
    ([(b"a", ACKED, "OK"), (DELETED, UNKNOWN, None)], b"a", [], True),
])
def test_the_checker_of_registers(history, final, zones, is_fine):
    assert (check_register("k", operations(*history), final, zones) == []) == is_fine


@pytest.mark.parametrize("histories,final,is_fine", [
    ([[(b"a1;", ACKED, 3), (b"a2;", ACKED, 6)], [(b"b1;", ACKED, 9)]], b"a1;b1;a2;", True),
    ([[(b"a1;", ACKED, 3), (b"a2;", ACKED, 6)]], b"a2;a1;", False),
    ([[(b"a1;", ACKED, 3), (b"a2;", ACKED, 6)]], b"a1;", False),
    ([[(b"a1;", ACKED, 3)]], b"a1;a1;", False),
    ([[(b"a1;", UNKNOWN, None)]], b"a1;a1;", False),
    ([[(b"a1;", UNKNOWN, None)]], None, True),
    ([[(b"a1;", REFUSED, None)]], b"a1;", False),
    ([[(b"a1;", ACKED, 3)]], b"a1;x1;", False),
])
def test_the_checker_of_texts(histories, final, is_fine):
    histories = [operations(*history) for history in histories]
    assert (check_text("k", histories, final, []) == []) == is_fine

# SPDX-License-Identifier: Apache-2.0
"""Reads that go to replicas: whose they are, and that nobody waits for a replica that is unfit."""
import os
import re
import signal
import threading
import time

import pytest

from deadline import wait_until
from free_ports import free_port
from proxy_process import ProxyProcess
from raw_client import ErrorReply
from real_cluster import RealCluster
from replica_set import ReplicaSet

KEYS = [f"reads:{i}" for i in range(64)]
STALENESS_MAX_MS = 800


@pytest.fixture(scope="module")
def reads_cluster():
    cluster = RealCluster(masters=3, replicas=1, password="backend-secret", node_timeout_ms=15000)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def filled(reads_cluster):
    for key in KEYS:
        master = reads_cluster.master_of(key)
        assert master.call("SET", key, f"value of {key}") == "OK"
    wait_until(lambda: all(replica.call("DBSIZE") == master.call("DBSIZE")
                           for master, replica in pairs(reads_cluster)), 20, "it is replicated")
    return reads_cluster


def pairs(cluster):
    for node in cluster.running_nodes():
        if node.call("ROLE")[0] == b"master":
            for replica in cluster.replicas_of(node):
                yield node, replica


def start_proxy(backend, reads, settings=None, listener=None):
    port = free_port()
    config = {"listeners": [{"address": "127.0.0.1", "port": port, "reads": reads,
                             **(listener or {})}],
              "backend": {"replicas": {"staleness_max_ms": STALENESS_MAX_MS}}}
    config["backend"].update(settings or {})
    return ProxyProcess(backend.seeds(), backend_password=backend.password, settings=config,
                        port=port)


def gets_of(node):
    """How many GETs and MGETs the node has run."""
    stats = node.call("INFO", "commandstats").decode()
    return sum(int(count) for count in re.findall(r"cmdstat_m?get:calls=(\d+)", stats))


class Counting:
    """GETs of masters and of replicas since it was made."""

    def __init__(self, nodes):
        self._before = [(node, gets_of(node)) for node in nodes]

    def by_role(self):
        counts = {b"master": 0, b"slave": 0}
        for node, before in self._before:
            if node.process.is_running():
                counts[node.call("ROLE")[0]] += gets_of(node) - before
        return counts

    def of(self, wanted):
        return next(gets_of(node) - before for node, before in self._before if node is wanted)


def wait_until_replicated(master, key, replicas=1):
    """WAIT is about what the same connection wrote; `key` tells the slot to write to."""
    with master.client() as direct:
        _, acknowledged = direct.pipeline([("SET", f"{{{key}}}:sync", "x"),
                                           ("WAIT", replicas, 5000)])
    assert acknowledged >= replicas


def read_all(client):
    assert client.pipeline([("GET", key) for key in KEYS]) == [
        f"value of {key}".encode() for key in KEYS]


def wait_until_replicas_answer(client, nodes):
    """The first reads open connections, and the facts about replicas come a moment later."""
    def only_replicas():
        counting = Counting(nodes)
        read_all(client)
        return counting.by_role()[b"master"] == 0
    wait_until(only_replicas, 20, "replicas answer all reads")


@pytest.mark.parametrize("reads", ["prefer-replica", "replica"])
def test_replicas_answer_reads_and_masters_take_writes(filled, reads):
    proxy = start_proxy(filled, reads)
    try:
        with proxy.client() as client:
            wait_until_replicas_answer(client, filled.nodes)
            counting = Counting(filled.nodes)
            for _ in range(3):
                read_all(client)
            assert counting.by_role() == {b"master": 0, b"slave": 3 * len(KEYS)}
            assert client.call("MGET", *KEYS) == [f"value of {key}".encode() for key in KEYS]
            assert client.call("SET", "reads:written", "x") == "OK"
            assert counting.by_role()[b"master"] == 0
    finally:
        proxy.stop()


def test_who_watches_reads_from_masters(filled):
    """Or EXEC would follow from an old value that the master sees no change of."""
    proxy = start_proxy(filled, "prefer-replica")
    try:
        with proxy.client() as client:
            wait_until_replicas_answer(client, filled.nodes)
            for ending in ([("UNWATCH",)], [("MULTI",), ("EXEC",)]):
                counting = Counting(filled.nodes)
                # Also while WATCH is still on its way.
                assert client.pipeline([("WATCH", KEYS[0]), ("GET", KEYS[0])])[0] == "OK"
                read_all(client)
                assert counting.by_role() == {b"master": len(KEYS) + 1, b"slave": 0}
                client.pipeline(ending)
                counting = Counting(filled.nodes)
                read_all(client)
                assert counting.by_role() == {b"master": 0, b"slave": len(KEYS)}
    finally:
        proxy.stop()


def test_masters_answer_unless_a_client_says_readonly(filled):
    proxy = start_proxy(filled, "primary")
    try:
        with proxy.client() as client, proxy.client() as other:
            counting = Counting(filled.nodes)
            read_all(client)
            assert counting.by_role() == {b"master": len(KEYS), b"slave": 0}
            assert client.call("READONLY") == "OK"
            wait_until_replicas_answer(client, filled.nodes)
            counting = Counting(filled.nodes)
            read_all(client)
            read_all(other)
            assert counting.by_role() == {b"master": len(KEYS), b"slave": len(KEYS)}
            assert client.call("READWRITE") == "OK"
            read_all(client)
            assert counting.by_role() == {b"master": 2 * len(KEYS), b"slave": len(KEYS)}
    finally:
        proxy.stop()


def test_nearest_uses_masters_and_replicas(filled):
    proxy = start_proxy(filled, "nearest")
    try:
        with proxy.client() as client:
            def both():
                counting = Counting(filled.nodes)
                for _ in range(6):
                    read_all(client)
                return min(counting.by_role().values()) > 0
            wait_until(both, 20, "on one machine all are near: both kinds answer")
    finally:
        proxy.stop()


def test_nearest_prefers_the_zone():
    replica_set = ReplicaSet(hosts=("127.0.0.1", "127.0.0.2", "127.0.0.3"))
    proxy = start_proxy(replica_set, "nearest", settings={
        "kind": "master-replica",
        "replicas": {"zone": "here", "node_zones": {"127.0.0.2": "here", "127.0.0.0/8": "there"}}})
    try:
        master, near, far = replica_set.nodes
        with proxy.client() as client:
            def only_the_near_one():
                counting = Counting(replica_set.nodes)
                client.pipeline([("GET", key) for key in KEYS])
                return counting.of(near) == len(KEYS)
            wait_until(only_the_near_one, 20, "who is in the zone answers")
            near.kill()
            def the_others():
                counting = Counting([master, far])
                client.pipeline([("GET", key) for key in KEYS])
                return counting.of(master) + counting.of(far) == len(KEYS)
            wait_until(the_others, 20, "the others answer when the zone is empty")
    finally:
        proxy.stop()
        replica_set.stop()


def test_a_read_only_listener_uses_replicas(filled):
    port = free_port()
    listener = {"address": "127.0.0.1", "port": port, "mode": "read-only"}
    proxy = ProxyProcess(filled.seeds(), backend_password=filled.password, port=port,
                         settings={"listeners": [listener]})
    try:
        with proxy.client() as client:
            wait_until_replicas_answer(client, filled.nodes)
            reply = client.call("SET", KEYS[0], "x")
            assert isinstance(reply, ErrorReply) and reply.startswith("READONLY")
    finally:
        proxy.stop()


def test_a_read_behind_a_write_sees_it(filled):
    proxy = start_proxy(filled, "prefer-replica")
    try:
        with proxy.client() as client:
            wait_until_replicas_answer(client, filled.nodes)
            for i in range(200):
                value = str(i)
                assert client.pipeline([("SET", "reads:order", value), ("GET", "reads:order"),
                                        ("GET", "reads:order")]) == [
                    "OK", value.encode(), value.encode()]
            # And the other way round: what is read first does not see what is written then.
            writes = [("SET", "reads:order", "after"), ("SET", "reads:order", "before")]
            client.pipeline(writes)
            for behind in (writes, [("MULTI",), *writes, ("EXEC",)]) * 25:
                wait_until_replicated(filled.master_of("reads:order"), "reads:order")
                first, *_ = client.pipeline([("GET", "reads:order"), *behind])
                assert first == b"before"
    finally:
        proxy.stop()


class Reader(threading.Thread):
    """Reads all keys again and again until stop(); collects what is not as it should be."""

    def __init__(self, proxy):
        super().__init__()
        self._client = proxy.client(timeout_s=30)
        self._stopping = threading.Event()
        self.rounds, self.longest_s, self.failures = 0, 0.0, []

    def run(self):
        try:
            while not self._stopping.is_set():
                begin = time.monotonic()
                read_all(self._client)
                self.longest_s = max(self.longest_s, time.monotonic() - begin)
                self.rounds += 1
        except BaseException as error:
            self.failures.append(repr(error))
        self._client.close()

    def stop(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), "a client waits for a reply for ever"


@pytest.fixture
def replica_set():
    replica_set = ReplicaSet(replicas=2, password="backend-secret")
    for key in KEYS:
        assert replica_set.nodes[0].call("SET", key, f"value of {key}") == "OK"
    wait_until_replicated(replica_set.nodes[0], KEYS[0], replicas=2)
    yield replica_set
    for node in replica_set.nodes:
        if node.process.is_running():
            os.kill(node.process.pid, signal.SIGCONT)
    replica_set.stop()


@pytest.fixture
def set_proxy(replica_set):
    proxy = start_proxy(replica_set, "prefer-replica", settings={"kind": "master-replica"})
    with proxy.client() as client:
        wait_until_replicas_answer(client, replica_set.nodes)
    yield proxy
    proxy.stop()


@pytest.fixture
def readers(set_proxy):
    readers = [Reader(set_proxy) for _ in range(4)]
    for reader in readers:
        reader.start()
    yield readers
    for reader in readers:
        reader.stop()


def wait_for_rounds(readers, count=20):
    before = [reader.rounds for reader in readers]
    wait_until(lambda: all(reader.failures or reader.rounds >= rounds + count
                           for reader, rounds in zip(readers, before)), 30, "the readers go on")
    assert [reader.failures for reader in readers] == [[]] * len(readers)


def test_a_replica_of_a_cluster_dies_under_load(filled):
    proxy = start_proxy(filled, "prefer-replica")
    readers = [Reader(proxy) for _ in range(4)]
    try:
        with proxy.client() as client:
            wait_until_replicas_answer(client, filled.nodes)
            for reader in readers:
                reader.start()
            wait_for_rounds(readers)
            _, victim = next(pairs(filled))
            victim.kill()
            wait_for_rounds(readers)
            victim.start().wait_until_up()
            filled.wait_until_ok()
            wait_until_replicas_answer(client, filled.nodes)
            wait_for_rounds(readers)
    finally:
        for reader in readers:
            if reader.is_alive():
                reader.stop()
        proxy.stop()


def test_reads_spread_over_the_replicas(replica_set, readers):
    counting = Counting(replica_set.nodes)
    wait_for_rounds(readers, 50)
    first, second = (counting.of(node) for node in replica_set.nodes[1:])
    assert min(first, second) > (first + second) / 4, (first, second)
    assert counting.by_role()[b"master"] == 0


def test_a_replica_dies_under_load(replica_set, readers):
    wait_for_rounds(readers)
    replica_set.nodes[1].kill()
    wait_for_rounds(readers)
    counting = Counting(replica_set.nodes[:1] + replica_set.nodes[2:])
    wait_for_rounds(readers)
    assert counting.by_role()[b"master"] == 0, "the other replica is enough"
    replica_set.nodes[1].start().wait_until_up()
    wait_until(lambda: gets_of(replica_set.nodes[1]) > 100, 30, "it answers again")
    wait_for_rounds(readers)


def test_a_replica_that_restarts_empty_is_not_asked_before_it_has_its_data(replica_set, readers):
    """Nobody may see that it is empty, however short the time since it was fit."""
    wait_for_rounds(readers)
    for _ in range(5):
        replica_set.nodes[1].kill()
        replica_set.nodes[1].start().wait_until_up()
        wait_for_rounds(readers)
    replica_set.wait_until_in_step()
    wait_until(lambda: gets_of(replica_set.nodes[1]) > 100, 30, "it answers again")


def test_a_paused_replica_is_passed_over(replica_set, readers):
    wait_for_rounds(readers)
    os.kill(replica_set.nodes[1].process.pid, signal.SIGSTOP)
    wait_for_rounds(readers, 100)
    # Until its silence is noticed; then others answer what it owes.
    assert max(reader.longest_s for reader in readers) < 5
    os.kill(replica_set.nodes[1].process.pid, signal.SIGCONT)
    counting = Counting(replica_set.nodes)
    wait_until(lambda: counting.of(replica_set.nodes[1]) > 100, 30, "it answers again")
    wait_for_rounds(readers)


def test_a_replica_that_falls_behind_is_passed_over(replica_set, set_proxy):
    """Its connection to the master is paused, its connections to clients are not."""
    master, behind, other = replica_set.nodes
    with set_proxy.client() as client, behind.client() as at_replica:
        # A replica that follows nobody it can reach keeps its data and serves it.
        at_replica.call("REPLICAOF", "127.0.0.1", free_port())
        assert master.call("SET", KEYS[0], "new") == "OK"
        wait_until_replicated(master, KEYS[0])
        def nobody_sees_the_old_value():
            counting = Counting([behind])
            values = {client.call("GET", KEYS[0]) for _ in range(20)}
            return values == {b"new"} and counting.of(behind) == 0
        begin = time.monotonic()
        wait_until(nobody_sees_the_old_value, 20, "the replica that is behind answers no more")
        assert time.monotonic() - begin < STALENESS_MAX_MS / 1000 + 2
        at_replica.call("REPLICAOF", "127.0.0.1", master.port)
        replica_set.wait_until_in_step()
        counting = Counting([behind])
        def answers_again():
            client.call("GET", KEYS[0])
            return counting.of(behind) > 0
        wait_until(answers_again, 20, "it is in step and answers again")
        assert client.call("GET", KEYS[0]) == b"new"


def test_a_replica_without_its_master_refuses_and_is_passed_over(replica_set, set_proxy):
    _, refusing, _ = replica_set.nodes
    assert refusing.call("CONFIG", "SET", "replica-serve-stale-data", "no") == "OK"
    refusing.call("REPLICAOF", "127.0.0.1", free_port())
    reply = refusing.call("GET", KEYS[0])
    assert isinstance(reply, ErrorReply) and reply.startswith("MASTERDOWN")
    with set_proxy.client() as client:
        for _ in range(20):
            read_all(client)


def test_replica_only_says_when_there_is_none(replica_set):
    proxy = start_proxy(replica_set, "replica", settings={"kind": "master-replica"})
    try:
        with proxy.client() as client:
            wait_until_replicas_answer(client, replica_set.nodes)
            for replica in replica_set.nodes[1:]:
                replica.kill()
            def refused():
                reply = client.call("GET", KEYS[0])
                return isinstance(reply, ErrorReply) and reply.startswith(
                    "CLUSTERDOWN No replica of this slot is up")
            wait_until(refused, 20, "reads are refused")
            assert client.call("SET", "reads:w", "1") == "OK", "the master takes writes"
    finally:
        proxy.stop()


def test_reads_go_on_while_the_master_is_dead(replica_set, readers):
    wait_for_rounds(readers)
    replica_set.nodes[0].kill()
    # Within the bound of staleness nobody can have missed anything.
    rounds = [reader.rounds for reader in readers]
    wait_until(lambda: all(reader.rounds > count + 5
                           for reader, count in zip(readers, rounds)), 5, "the readers go on")
    assert replica_set.nodes[1].call("REPLICAOF", "NO", "ONE") == "OK"
    assert replica_set.nodes[2].call("REPLICAOF", "127.0.0.1", replica_set.nodes[1].port) == "OK"
    wait_for_rounds(readers)

# SPDX-License-Identifier: Apache-2.0
"""Slots move between masters while clients write and read: nobody notices."""
import threading

import pytest

from proxy_process import ProxyProcess
from raw_client import bulk, encode
from real_cluster import RealCluster, redis_cli

KEYS = 200_000
SLOTS_MOVED = 2_000
DEPTH = 16
CLIENTS = 4
FIRST_PASS = 40_000  # keys of the total that are there before the first slot moves


@pytest.fixture(scope="module")
def moving_cluster():
    cluster = RealCluster(masters=3, password="backend-secret")
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def moving_proxy(moving_cluster):
    proxy = ProxyProcess(moving_cluster.seeds(), backend_password=moving_cluster.password)
    yield proxy
    proxy.stop()


def key_of(index):
    return b"key:%d" % index


def value_of(index, generation):
    return b"value:%d:%d" % (index, generation)


class Writer(threading.Thread):
    """Owns the keys with index % CLIENTS == number. Writes and reads them in pipelines, and holds
    every reply against the only bytes that are right."""

    def __init__(self, proxy, number):
        super().__init__()
        self._client = proxy.client(timeout_s=30)
        self._mine = range(number, KEYS, CLIENTS)
        self._first_pass_done = threading.Event()
        self._moving = threading.Event()
        self._moved = threading.Event()
        self.requests_while_moving = 0
        self.failure = None

    def wait_for_first_pass(self):
        assert self._first_pass_done.wait(60) and self.failure is None, self.failure

    def moving(self):
        self._moving.set()

    def moved(self):
        self._moved.set()

    def run(self):
        try:
            self._run()
        except Exception as error:  # reported by the main thread
            self.failure = f"{type(error).__name__}: {error}"
        self._first_pass_done.set()

    def _run(self):
        first = FIRST_PASS // CLIENTS
        self._write(self._mine[:first], 0)
        self._first_pass_done.set()
        self._moving.wait()
        generation = 0
        self._write(self._mine[first:], generation)
        self._read(self._mine, generation)
        while not self._moved.is_set():
            generation += 1
            for start in range(0, len(self._mine), 1024):
                part = self._mine[start:start + 1024]
                self._write(part, generation)
                self._read(part, generation)
                if self._moved.is_set():
                    self._write(self._mine[start + 1024:], generation)
                    break
        self._read(self._mine, generation)
        self._client.close()

    def _write(self, indexes, generation):
        self._exchange(indexes, lambda i: (encode("SET", key_of(i), value_of(i, generation)),
                                           b"+OK\r\n"))

    def _read(self, indexes, generation):
        self._exchange(indexes, lambda i: (encode("GET", key_of(i)),
                                           bulk(value_of(i, generation))))

    def _exchange(self, indexes, request_and_reply):
        for start in range(0, len(indexes), DEPTH):
            batch = [request_and_reply(i) for i in indexes[start:start + DEPTH]]
            expected = b"".join(reply for _, reply in batch)
            self._client.send(b"".join(request for request, _ in batch))
            # Reply by reply only where the quick comparison cannot succeed.
            received = b"".join(self._client.raw_reply() for _ in batch)
            assert received == expected, f"expected {expected!r}, received {received!r}"
            if self._moving.is_set() and not self._moved.is_set():
                self.requests_while_moving += len(batch)


def test_reshard_under_load(moving_cluster, moving_proxy):
    writers = [Writer(moving_proxy, number) for number in range(CLIENTS)]
    for writer in writers:
        writer.start()
    try:
        for writer in writers:
            writer.wait_for_first_pass()
        for writer in writers:
            writer.moving()
        source, target = moving_cluster.nodes[0], moving_cluster.nodes[1]
        before = sum(last - first + 1
                     for first, last in moving_cluster.slot_owners()[target.port])
        output = redis_cli(
            moving_cluster.nodes[2].port, "--cluster", "reshard",
            f"127.0.0.1:{source.port}",
            "--cluster-from", source.call("CLUSTER", "MYID").decode(),
            "--cluster-to", target.call("CLUSTER", "MYID").decode(),
            "--cluster-slots", SLOTS_MOVED, "--cluster-yes",
            password=moving_cluster.password, timeout_s=180)
    finally:
        for writer in writers:
            writer.moving()
            writer.moved()
        for writer in writers:
            writer.join(60)
    assert "ERR" not in output and "[ERR]" not in output, output[-2000:]
    after = sum(last - first + 1 for first, last in moving_cluster.slot_owners()[target.port])
    assert after == before + SLOTS_MOVED, output[-2000:]
    assert [writer.failure for writer in writers] == [None] * CLIENTS
    assert not any(writer.is_alive() for writer in writers)
    requests = sum(writer.requests_while_moving for writer in writers)
    print(f"{requests} requests were answered while {SLOTS_MOVED} slots moved")
    assert requests > 10_000
    moving_proxy.assert_up()


def migrate_the_rest(source, target, slot, password):
    """All keys of the slot, other tests' too: a node that holds some will not give the slot away."""
    for key in source.call("CLUSTER", "GETKEYSINSLOT", slot, 1000):
        reply = source.call("MIGRATE", "127.0.0.1", target.port, key, 0, 5000, "AUTH", password)
        assert reply == "OK"


def test_a_slot_that_is_half_way(moving_cluster, moving_proxy):
    """A slot stands still in migration: some of its keys are here, some are there (ASK)."""
    source, target = moving_cluster.nodes[2], moving_cluster.nodes[1]
    source_id, target_id = (node.call("CLUSTER", "MYID").decode() for node in (source, target))
    first, _ = moving_cluster.slot_owners()[source.port][0]
    tag = next(tag for tag in map(str, range(100_000))
               if source.call("CLUSTER", "KEYSLOT", "{%s}" % tag) == first)
    keys = ["{%s}:%d" % (tag, i) for i in range(20)]
    with moving_proxy.client() as client:
        for key in keys:
            assert client.call("SET", key, key) == "OK"
        assert target.call("CLUSTER", "SETSLOT", first, "IMPORTING", source_id) == "OK"
        assert source.call("CLUSTER", "SETSLOT", first, "MIGRATING", target_id) == "OK"
        moved, stayed = keys[:10], keys[10:]
        assert source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "AUTH",
                           moving_cluster.password, "KEYS", *moved) == "OK"
        for key in keys:
            assert client.call("GET", key) == key.encode()
        assert client.pipeline([("GET", key) for key in keys]) == [key.encode() for key in keys]
        assert client.call("MGET", *moved) == [key.encode() for key in moved]
        assert client.call("MGET", *stayed) == [key.encode() for key in stayed]
        new_key = "{%s}:new" % tag
        # Order of one client's commands on one key holds across the ASK.
        commands = [command for i in range(50) for command in
                    (("SET", new_key, i), ("GET", new_key), ("DEL", new_key), ("GET", new_key))]
        replies = client.pipeline(commands)
        assert replies == [reply for i in range(50) for reply in ("OK", b"%d" % i, 1, None)]
        assert client.call("DEL", moved[0], moved[1]) == 2

        migrate_the_rest(source, target, first, moving_cluster.password)
        for node in (target, source, moving_cluster.nodes[0]):
            assert node.call("CLUSTER", "SETSLOT", first, "NODE", target_id) == "OK"
        assert client.call("MGET", *keys[2:]) == [key.encode() for key in keys[2:]]


def test_keys_on_both_sides(moving_cluster, moving_proxy):
    """TRYAGAIN: a multi-key command waits until its keys are on one side again."""
    source, target = moving_cluster.nodes[2], moving_cluster.nodes[0]
    source_id, target_id = (node.call("CLUSTER", "MYID").decode() for node in (source, target))
    first, _ = moving_cluster.slot_owners()[source.port][0]
    tag = next(tag for tag in map(str, range(100_000))
               if source.call("CLUSTER", "KEYSLOT", "{%s}" % tag) == first)
    here, there = "{%s}:here" % tag, "{%s}:there" % tag
    with moving_proxy.client() as client:
        assert client.call("MSET", here, "1", there, "2") == "OK"
        assert target.call("CLUSTER", "SETSLOT", first, "IMPORTING", source_id) == "OK"
        assert source.call("CLUSTER", "SETSLOT", first, "MIGRATING", target_id) == "OK"
        assert source.call("MIGRATE", "127.0.0.1", target.port, there, 0, 5000, "AUTH",
                           moving_cluster.password) == "OK"
        client.send(encode("MGET", here, there))
        assert source.call("MIGRATE", "127.0.0.1", target.port, here, 0, 5000, "AUTH",
                           moving_cluster.password) == "OK"
        assert client.reply() == [b"1", b"2"]
        migrate_the_rest(source, target, first, moving_cluster.password)
        for node in (target, source, moving_cluster.nodes[1]):
            assert node.call("CLUSTER", "SETSLOT", first, "NODE", target_id) == "OK"
        assert client.call("DEL", here, there) == 2

# SPDX-License-Identifier: Apache-2.0
"""Slots that nodes hand over by themselves (CLUSTER MIGRATESLOTS): what clients see, and what is where
afterwards - also if somebody dies in the middle of it.

SLOTWAY_MIGRATION_ROUNDS says how often the random ones run (2)."""
import os
import random
import signal
import threading

import pytest

from bus_nodes import agree, all_ok, answers, my_id, nodes  # noqa: F401  fixtures
from cluster_tool import run_tool
from cluster_tool_test import owners
from deadline import wait_until
from raw_client import ConnectionClosed, ErrorReply, RawClient, encode

ROUNDS = int(os.environ.get("SLOTWAY_MIGRATION_ROUNDS", "2"))
SLOTS = 16384


def key_of(slot, name="k"):
    """A key of this slot."""
    return f"{name}:{{{TAGS[slot]}}}"


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


TAGS = {}
_number = 0
while len(TAGS) < 300:
    if crc16(b"%d" % _number) % SLOTS < 300:
        TAGS.setdefault(crc16(b"%d" % _number) % SLOTS, str(_number))
    _number += 1


def migrations(node):
    rows = []
    for row in node.call("CLUSTER", "GETSLOTMIGRATIONS"):
        fields = dict(zip(row[::2], row[1::2]))
        rows.append({name.decode(): value.decode() if isinstance(value, bytes) else value
                     for name, value in fields.items()})
    return rows


def last(node):
    rows = migrations(node)
    return rows[0] if rows else None


def state_of(node):
    row = last(node)
    return row["state"] if row else "none"


def is_over(node):
    rows = migrations(node)
    return rows and all(row["state"] in ("success", "failed", "cancelled") for row in rows)


def await_end(node, timeout_s, what):
    try:
        wait_until(lambda: is_over(node), timeout_s, what)
    except AssertionError as error:
        raise AssertionError(f"{error}: {migrations(node)[:2]}\n{node.process.log_tail(20)}") from None
    return last(node)["state"]


def migrate(source, target, first, final):
    return source.call("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, final, "NODE", my_id(target))


def count_in(node, first, final):
    return sum(node.call("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in range(first, final + 1))


@pytest.fixture
def three(nodes):  # noqa: F811
    members = nodes(3)
    run_tool("create", *members)
    return members


@pytest.fixture
def shards(nodes):  # noqa: F811
    """Three masters, the first two with a replica: (masters, replica of the first, of the second)."""
    members = nodes(5)
    run_tool("create", *members[:3])
    run_tool("add", members[0], members[3], "--replica-of", f"127.0.0.1:{members[0].port}")
    run_tool("add", members[0], members[4], "--replica-of", f"127.0.0.1:{members[1].port}")
    return members[:3], members[3], members[4]


class FollowingClient:
    """Follows MOVED, and sends nothing twice."""

    def __init__(self, seeds):
        self._ports = [node.port for node in seeds]
        self._connections, self._owners = {}, {}

    def call(self, slot, *arguments):
        """Raises OSError if it is not known whether it ran."""
        port = self._owners.get(slot, self._ports[slot % len(self._ports)])
        for _ in range(50):
            try:
                if port not in self._connections:
                    self._connections[port] = RawClient(port, timeout_s=30)
                reply = self._connections[port].call(*arguments)
            except (OSError, ConnectionClosed) as error:
                self._connections.pop(port, None)
                self._owners.pop(slot, None)
                self._ports.append(self._ports.pop(0))
                raise OSError(error) from None
            if not isinstance(reply, ErrorReply):
                self._owners[slot] = port
                return reply
            if not reply.startswith("MOVED"):
                self._owners.pop(slot, None)
                self._ports.append(self._ports.pop(0))
                raise OSError(reply)
            port = int(reply.rsplit(":", 1)[1])
        raise OSError("it is sent from one to the other")


class Writers:
    """Count up, push and remember what was confirmed. A key whose last call has failed may or may not
    have it."""

    def __init__(self, seed_nodes, slots, count=3):
        self._seeds = seed_nodes
        self._slots = slots
        self._stopping = threading.Event()
        self.sure, self.maybe = {}, {}
        self.errors, self.unknown, self.ended = [], 0, 0
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        chance = random.Random(number)
        client = FollowingClient(self._seeds)
        while not self._stopping.is_set():
            slot = chance.choice(self._slots)
            is_list = chance.random() < 0.3
            name = key_of(slot, f"w{number}") + (":list" if is_list else ":count")
            sure, maybe = self.sure.get(name, 0), self.maybe.get(name, 0)
            try:
                got = client.call(slot, *(["RPUSH", name, sure] if is_list else ["INCR", name]))
                if not sure < got <= sure + maybe + 1:
                    self.errors.append(f"{name}: {got}, where {sure} to {sure + maybe} were there")
                    return
                self.sure[name], self.maybe[name] = got, 0
            except OSError:
                self.maybe[name] = maybe + 1
                self.unknown += 1
                self._stopping.wait(0.02)
        self.ended += 1

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()
        assert self.errors == [] and self.ended == len(self._threads)

    def count(self):
        return sum(dict(self.sure).values())

    def check(self):
        client = FollowingClient(self._seeds)
        for name, sure in self.sure.items():
            slot = crc16(name[name.index("{") + 1:name.index("}")].encode()) % SLOTS
            got = int(client.call(slot, "LLEN" if name.endswith(":list") else "GET", name) or 0)
            assert sure <= got <= sure + self.maybe.get(name, 0), f"{name}: {got}, {sure} were confirmed"
        print(f"{sum(self.sure.values())} writes, {self.unknown} of unknown outcome")
        return len(self.sure)


def assert_in_one_place(members, first, final):
    """All keys of the slots are where they belong, and nowhere else."""
    masters = [node for node in members if node.process.is_running() and b"master" in node.call("ROLE")[0]]
    for node in masters:
        node_owns = set()
        for line in node.call("CLUSTER", "NODES").decode().splitlines():
            if "myself" in line:
                for part in line.split()[8:]:
                    low, _, high = part.partition("-")
                    node_owns.update(range(int(low), int(high or low) + 1))
        for slot in range(first, final + 1):
            if slot not in node_owns:
                left = node.call("CLUSTER", "COUNTKEYSINSLOT", slot)
                assert left == 0, f"{node.port} has {left} keys of {slot}\n{node.process.log_tail(30)}"


def test_an_idle_range_moves_with_its_keys(three):
    source, target, _ = three
    expected = {}
    with source.client() as client:
        for slot in TAGS:
            for i in range(3):
                client.call("SET", key_of(slot, f"s{i}"), f"{slot}.{i}")
            client.call("RPUSH", key_of(slot, "l"), *range(50))
            client.call("ZADD", key_of(slot, "z"), 1, "a", 2, "b")
            client.call("HSET", key_of(slot, "h"), "f", slot)
            client.call("XADD", key_of(slot, "x"), "1-1", "f", slot)
            client.call("SET", key_of(slot, "t"), "short", "PX", 1_000_000)
        for slot in list(TAGS)[:50]:
            expected[slot] = client.call("DUMP", key_of(slot, "l"))
    before = source.call("DBSIZE")
    assert migrate(source, target, 0, 299) == "OK"
    wait_until(lambda: is_over(source), 30, "it is over")
    row = last(source)
    assert row["state"] == "success", row
    assert row["operation"] == "EXPORT" and row["slot_ranges"] == "0-299"
    assert last(target)["state"] == "success" and last(target)["operation"] == "IMPORT"
    assert last(target)["name"] == row["name"]
    wait_until(lambda: count_in(source, 0, 299) == 0, 20, "the source has deleted them")
    assert target.call("DBSIZE") == before and source.call("DBSIZE") == 0
    for slot, dump in expected.items():
        assert target.call("DUMP", key_of(slot, "l")) == dump
    assert 0 < target.call("PTTL", key_of(next(iter(TAGS)), "t")) <= 1_000_000
    assert "MOVED" in str(source.call("GET", key_of(next(iter(TAGS)), "s0")))
    wait_until(lambda: agree(three), 10, "all agree")


def test_nothing_is_lost_or_doubled_under_writers(shards):
    masters, replica_of_first, replica_of_second = shards
    writers = Writers(masters, list(TAGS))
    try:
        source, target = masters[0], masters[1]
        for _ in range(2 * ROUNDS):
            assert migrate(source, target, 0, 299) == "OK"
            wait_until(lambda source=source: is_over(source), 60, "it is over")
            assert last(source)["state"] == "success", last(source)
            source, target = target, source
            seen = writers.count()
            wait_until(lambda seen=seen: writers.count() > seen + 100, 20, "clients go on")
    finally:
        writers.stop()
    assert writers.check() > 100
    wait_until(lambda: count_in(masters[1], 0, 299) == 0, 20, "no key is left there")
    wait_until(lambda: count_in(replica_of_second, 0, 299) == 0, 20, "nor at its replica")
    wait_until(lambda: replica_of_first.call("DBSIZE") == masters[0].call("DBSIZE"), 20, "replicas follow")


def test_large_values_move(three):
    source, target, _ = three
    slot = next(iter(TAGS))
    with source.client() as client:
        for i in range(0, 1_000_000, 10_000):
            client.call("RPUSH", key_of(slot, "list"), *range(i, i + 10_000))
        client.call("SET", key_of(slot, "big"), b"x" * 100_000_000)
    digest = source.call("DEBUG", "DIGEST-VALUE", key_of(slot, "list"))
    assert migrate(source, target, 0, 299) == "OK"
    wait_until(lambda: is_over(source), 120, "it is over")
    assert last(source)["state"] == "success", last(source)
    assert target.call("LLEN", key_of(slot, "list")) == 1_000_000
    assert target.call("DEBUG", "DIGEST-VALUE", key_of(slot, "list")) == digest
    assert target.call("STRLEN", key_of(slot, "big")) == 100_000_000


def slow_start(source, target, keys=3000):
    """A migration that takes a while: true when its snapshot is on its way."""
    source.call("CONFIG", "SET", "rdb-key-save-delay", 1000)
    with source.client() as client:
        for i in range(keys):
            client.call("SET", key_of(list(TAGS)[i % len(TAGS)], f"n{i}"), i)
    assert migrate(source, target, 0, 299) == "OK"
    wait_until(lambda: target.call("CLUSTER", "GETSLOTMIGRATIONS"), 10, "it has begun")
    wait_until(lambda: count_in(target, 0, 299) > 10, 20, "keys arrive")


def test_a_cancelled_one_leaves_nothing(three):
    source, target, _ = three
    slow_start(source, target)
    assert target.call("DBSIZE") == 0 and target.call("KEYS", "*") == []
    assert target.call("RANDOMKEY") is None and target.call("SCAN", 0, "COUNT", 10_000)[1] == []
    assert source.call("CLUSTER", "CANCELSLOTMIGRATIONS", "ALL") == "OK"
    assert last(source)["state"] == "cancelled"
    wait_until(lambda: count_in(target, 0, 299) == 0, 20, "the target has dropped them")
    wait_until(lambda: is_over(target), 10, "the target knows")
    assert source.call("DBSIZE") == 3000
    source.call("CONFIG", "SET", "rdb-key-save-delay", 0)
    wait_until(lambda: begin(source, target), 10, "the next one begins")
    wait_until(lambda: is_over(source), 30, "it is over")
    assert last(source)["state"] == "success", last(source)
    assert target.call("DBSIZE") == 3000


def begin(source, target):
    return migrate(source, target, 0, 299) == "OK"


def test_what_ends_one_leaves_all_at_the_source(three):
    source, target, third = three
    slow_start(source, target)
    # Slots that change otherwise.
    source.call("CLUSTER", "SETSLOT", 7, "MIGRATING", my_id(third))
    wait_until(lambda: is_over(source) and is_over(target), 10, "it is over")
    assert last(source)["state"] == "failed" and "changed hands" in last(source)["message"]
    source.call("CLUSTER", "SETSLOT", 7, "STABLE")
    wait_until(lambda: count_in(target, 0, 299) == 0, 20, "the target has dropped them")
    # The target has no room.
    target.call("CONFIG", "SET", "maxmemory", 1)
    wait_until(lambda: begin(source, target), 10, "the next one begins")
    wait_until(lambda: is_over(source) and is_over(target), 20, "it is over")
    assert last(source)["state"] == "failed" and "OOM" in last(source)["message"], last(source)
    target.call("CONFIG", "SET", "maxmemory", 0)
    # All keys of the target are flushed, then those of the source.
    wait_until(lambda: begin(source, target), 10, "the next one begins")
    wait_until(lambda: count_in(target, 0, 299) > 10, 20, "keys arrive")
    target.call("FLUSHALL")
    wait_until(lambda: is_over(source), 10, "it is over")
    assert last(source)["state"] == "failed", last(source)
    wait_until(lambda: count_in(target, 0, 299) == 0, 20, "the target has dropped them")
    assert source.call("DBSIZE") == 3000
    wait_until(lambda: begin(source, target), 10, "the next one begins")
    wait_until(lambda: count_in(target, 0, 299) > 10, 20, "keys arrive")
    source.call("FLUSHALL")
    wait_until(lambda: is_over(source) and is_over(target), 10, "it is over")
    assert last(source)["state"] == "failed" and "flushed" in last(source)["message"]
    wait_until(lambda: count_in(target, 0, 299) == 0, 20, "the target has dropped them")


def test_a_target_that_restarts_drops_what_is_not_its_own(three):
    source, target, _ = three
    target.call("CONFIG", "SET", "appendonly", "yes")
    wait_until(lambda: b"aof_rewrite_in_progress:0" in target.call("INFO", "persistence"), 20, "the log is on")
    slow_start(source, target)
    target.process.kill()
    target.command += ["--appendonly", "yes"]
    wait_until(lambda: is_over(source), 30, "the source knows")
    assert last(source)["state"] == "failed", last(source)
    target.start_again()
    wait_until(lambda: answers(target), 30, "it is there again")
    wait_until(lambda: all_ok(three), 30, "the cluster is up")
    wait_until(lambda: count_in(target, 0, 299) == 0, 20, "it has dropped them")
    assert source.call("DBSIZE") == 3000


@pytest.mark.parametrize("victim", ["source", "target"])
def test_a_master_that_dies_is_replaced_and_nothing_is_in_two_places(shards, victim):
    masters, replica_of_first, replica_of_second = shards
    source, target = masters[0], masters[1]
    slow_start(source, target)
    wait_until(lambda: source.call("WAIT", 1, 1000) == 1, 10, "the replica has it")
    heir = replica_of_first if victim == "source" else replica_of_second
    (source if victim == "source" else target).process.kill()
    wait_until(lambda: b"master" in heir.call("ROLE")[0], 30, "the replica takes over")
    living = [node for node in [*masters, replica_of_first, replica_of_second] if node.process.is_running()]
    wait_until(lambda: all(b"cluster_state:ok" in node.call("CLUSTER", "INFO") for node in living), 30, "it serves")
    owner = heir if victim == "source" else source
    wait_until(lambda: owner.call("DBSIZE") == 3000, 20, "the owner has all")
    other = target if victim == "source" else heir
    wait_until(lambda: count_in(other, 0, 299) == 0, 20, "the other has none")


def test_nodes_that_die_at_random_lose_nothing(shards):
    """With min-replicas-to-ack what was confirmed is with the replica, so that nothing may be missing."""
    masters, *replicas = shards
    both = [*masters[:2], *replicas]
    chance = random.Random(7)
    for node in both:
        node.call("CONFIG", "SET", "min-replicas-to-ack", "1")
        node.call("CONFIG", "SET", "rdb-key-save-delay", 300)
        node.command += ["--min-replicas-to-ack", "1", "--rdb-key-save-delay", "300"]
    writers = Writers([*masters, *replicas], list(TAGS))
    ends = []
    try:
        for round_ in range(2 * ROUNDS):
            wait_until(lambda: all_ok([*masters, *replicas]) and all(map(has_copy, both)), 60, "all is well")
            owner = next(node for node in both if owns(node, 5))
            target = next(node for node in both if node is not owner and node.call("ROLE")[0] == b"master")
            assert migrate(owner, target, 0, 299) == "OK"
            victim = chance.choice(both)
            if chance.random() < 0.5:
                wait_until(lambda: state_of(owner) not in ("connecting", "establishing", "queued"), 10, "keys move")
            victim.process.kill()
            if victim is not owner:
                await_end(owner, 60, f"it is over, round {round_}, {victim.port} died")
                ends.append(f"{last(owner)['state']} {last(owner)['message']}".strip())
            victim.start_again()
            wait_until(lambda victim=victim: victim.answers(), 30, "it is back")
    finally:
        writers.stop()
    wait_until(lambda: all_ok([*masters, *replicas]), 60, "all is well")
    print(f"migrations ended {ends}")
    assert writers.check() > 50
    try:
        wait_until(lambda: not is_torn([*masters, *replicas]), 30, "each key is in one place")
    except AssertionError:
        assert_in_one_place([*masters, *replicas], 0, 299)


def has_copy(node):
    """A master with its replica, or a replica with its master's data: who dies now loses nothing."""
    text = node.call("INFO", "replication")
    return b"master_link_status:up" in text or b"state=online" in text


def owns(node, slot):
    for line in node.call("CLUSTER", "NODES").decode().splitlines():
        if "myself" in line:
            for part in line.split()[8:]:
                low, _, high = part.partition("-")
                if low.isdigit() and int(low) <= slot <= int(high or low):
                    return True
    return False


def is_torn(members):
    try:
        assert_in_one_place(members, 0, 299)
        return False
    except AssertionError:
        return True


def test_a_target_that_stands_still_costs_clients_a_bounded_time(three):
    source, target, _ = three
    source.call("CONFIG", "SET", "cluster-manual-failover-timeout", 500)
    source.call("CONFIG", "SET", "repl-timeout", 2)
    slow_start(source, target, keys=600)
    target.process.signal(signal.SIGSTOP)
    try:
        with source.client() as client:
            assert client.call("SET", key_of(next(iter(TAGS)), "n0"), "still here") == "OK"
        wait_until(lambda: is_over(source), 20, "the source gives up")
        assert last(source)["state"] == "failed", last(source)
    finally:
        target.process.signal(signal.SIGCONT)
    wait_until(lambda: count_in(target, 0, 299) == 0, 20, "the target has dropped them")
    assert source.call("DBSIZE") == 600


def test_clients_that_wait_or_watch_are_told(three):
    source, target, _ = three
    slot = next(iter(TAGS))
    key, watched = key_of(slot, "queue"), key_of(slot, "watched")
    with source.client() as waiter, source.client() as watcher:
        waiter.send(encode("BLPOP", key, 30))
        watcher.call("SET", watched, 1)
        watcher.call("WATCH", watched)
        watcher.call("MULTI")
        watcher.call("SET", watched, 2)
        assert migrate(source, target, 0, 299) == "OK"
        wait_until(lambda: is_over(source), 20, "it is over")
        assert last(source)["state"] == "success", last(source)
        assert "MOVED" in str(waiter.reply())
        assert "MOVED" in str(watcher.call("EXEC"))
    assert target.call("GET", watched) == b"1"


def test_refusals(three):
    source, target, third = three
    for arguments, error in [
            (("SLOTSRANGE", 0, 99999, "NODE", my_id(target)), "Invalid or out of range slot"),
            (("SLOTSRANGE", 9, 0, "NODE", my_id(target)), "Invalid or out of range slot"),
            (("SLOTSRANGE", 0, 9, "NODE", "x" * 40), "Unknown node"),
            (("SLOTSRANGE", 0, 9, "NODE", my_id(source)), "can not be this node"),
            (("SLOTSRANGE", 16000, 16001, "NODE", my_id(target)), "not the owner"),
            (("SLOTSRANGE", 0, 9, "NODE", my_id(target), "SLOTSRANGE", 9, 9, "NODE", my_id(third)),
             "multiple times"),
            (("SLOTSRANGE", 0, 9, "TO", my_id(target)), "Invalid or out of range slot")]:
        assert error in str(source.call("CLUSTER", "MIGRATESLOTS", *arguments)), arguments
    assert "No migrations" in str(source.call("CLUSTER", "CANCELSLOTMIGRATIONS", "ALL"))
    assert source.call("CLUSTER", "GETSLOTMIGRATIONS") == []
    assert "stream" in str(source.call("CLUSTER", "SYNCSLOTS", "HIDE", 0, 9))


def test_the_tool_has_the_nodes_do_it(three, nodes):  # noqa: F811
    with three[0].client() as client:
        for slot in TAGS:
            client.call("SET", key_of(slot), slot)
    text = run_tool("rebalance", three[0], "--weight", f"127.0.0.1:{three[0].port}=0.1", timeout_s=120)
    assert "moved" in text
    assert migrations(three[0])[0]["state"] == "success"
    assert sum(owners(three).values()) == SLOTS
    assert sum(node.call("DBSIZE") for node in three) == len(TAGS)

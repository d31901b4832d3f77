# SPDX-License-Identifier: Apache-2.0
"""Writes that are not lost: WAITAOF, and replies that are held until replicas have the writes."""
import signal

import pytest

from deadline import SLOWNESS, wait_until
from raw_client import encode
from shard_process import ShardProcess
from shard_replication_test import Member

LONG_MS = int(20000 * SLOWNESS)


@pytest.fixture(name="members")
def fixture_members():
    """Makes members that are stopped in the end."""
    made = []

    def make(kind="ours", **settings):
        made.append(Member(kind, **settings))
        return made[-1]
    yield make
    for member in made:
        process_of(member).signal(signal.SIGCONT)
        member.stop()


def process_of(member):
    return getattr(member.server, "node", member.server).process


class Stopped:
    """A server that does nothing meanwhile."""

    def __init__(self, member):
        self._process = process_of(member)

    def __enter__(self):
        self._process.signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self._process.signal(signal.SIGCONT)


# ---- WAITAOF ----

def test_waitaof_says_what_is_wrong(members):
    master, replica = members(), members(appendonly="yes")
    for words, error in [((2, 0, 0), "ERR value is out of range, value must between 0 and 1"),
                         (("x", 0, 0), "ERR value is not an integer or out of range"),
                         ((0, -1, 0), "ERR value is out of range, must be positive"),
                         ((0, 0, -1), "ERR timeout is negative"),
                         ((0, 0, "x"), "ERR timeout is not an integer or out of range"),
                         ((1, 0, 0), "ERR WAITAOF cannot be used when numlocal is set but "
                                     "appendonly is disabled.")]:
        assert master.call("WAITAOF", *words) == error
    replica.follow(master)
    assert replica.call("WAITAOF", 0, 0, 0) == (
        "ERR WAITAOF cannot be used with replica instances. Please also note that writes to "
        "replicas are just local and are not propagated.")


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_waitaof_waits_for_the_own_disk(members, policy):
    master = members(appendonly="yes", appendfsync=policy)
    for i in range(20):
        master.call("SET", "k", i)
        assert master.call("WAITAOF", 1, 0, LONG_MS) == [1, 0]
    assert master.call("WAITAOF", 1, 1, 50) == [1, 0]
    master.call("MULTI")
    master.call("SET", "k", "x")
    master.call("WAITAOF", 1, 0, 0)
    assert master.call("EXEC") == ["OK", [1, 0]]  # of what was before it
    with master.server.client() as waiting:
        waiting.call("SET", "k", "y")
        waiting.send(encode("WAITAOF", 1, 5, 0))
        wait_until(lambda: master.info("blocked_clients", "clients") == "1", 10, "it waits")
        master.call("CONFIG", "SET", "appendonly", "no")
        assert "appendonly is disabled" in str(waiting.reply())


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_waitaof_counts_the_disks_of_replicas(members, policy):
    master = members()
    on_disk = members(appendonly="yes", appendfsync=policy)
    in_memory, old = members(), members("redis", appendonly="yes")
    chained = members(appendonly="yes", appendfsync=policy)
    master.call("SET", "before", "1")
    for replica in (on_disk, in_memory, old):
        replica.follow(master)
    chained.follow(on_disk)
    for i in range(5):
        master.call("SET", "k", i)
        assert master.call("WAITAOF", 0, 1, LONG_MS) == [0, 1]
        assert master.call("WAIT", 3, LONG_MS) == 3
    # Those that have no log, and those before 7.2 that do not say, are none.
    assert master.call("WAITAOF", 0, 2, 50) == [0, 1]
    with Stopped(on_disk):
        master.call("SET", "k", "x")
        assert master.call("WAITAOF", 0, 1, 100) == [0, 0]
        with master.server.client() as waiting:
            waiting.send(encode("WAITAOF", 0, 1, 0))
            process_of(on_disk).signal(signal.SIGCONT)
            assert waiting.reply() == [0, 1]
    in_memory.call("CONFIG", "SET", "appendonly", "yes")
    assert master.call("WAITAOF", 0, 2, LONG_MS) == [0, 2]


def test_what_waitaof_has_seen_on_a_replicas_disk_is_there(members, tmp_path):
    """The data set that a master sent counts only when it is in the replica's log, too."""
    master = members()
    for i in range(200):
        master.call("SET", f"k{i}", i)
    settings = ["--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"]
    replica = ShardProcess(password=None, options=[*settings, "--appenddirname", "log", "--dir", tmp_path])
    try:
        with replica.client() as client:
            client.call("REPLICAOF", "127.0.0.1", master.port)
            master.call("SET", "last", "1")
            wait_until(lambda: master.call("WAITAOF", 0, 1, 1000) == [0, 1], 20, "it is on its disk")
        replica.process.kill()
    finally:
        replica.stop()
    again = ShardProcess(password=None, options=[*settings, "--appenddirname", "log", "--dir", tmp_path])
    try:
        with again.client() as client:
            assert client.call("DBSIZE") == 201
            assert client.call("GET", "last") == b"1"
    finally:
        again.stop()

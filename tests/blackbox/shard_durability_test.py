# SPDX-License-Identifier: Apache-2.0
"""Writes that are not lost: WAITAOF, and replies that are held until replicas have the writes."""
import os
import signal

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import ConnectionClosed, RawClient, encode
from real_cluster import RealCluster
from shard_cluster import LocalCluster
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


# ---- Replies that are held ----

NOT_IN_TIME = ("NOREPLICAS Not acknowledged by enough replicas in time. What was written or read may "
               "be lost.")
TOO_FEW = "NOREPLICAS Not enough good replicas to write."


def pair(members, kind="ours", **settings):
    """A master whose replies wait for its one replica."""
    master = members(min_replicas_to_ack="1", **settings)
    replica = members(kind)
    replica.follow(master)
    wait_until(lambda: master.call("SET", "first", "1") == "OK", 20, "the replica is there")
    return master, replica


def test_settings_and_commands_are_checked(members):
    server = members()
    assert server.call("CONFIG", "SET", "min-replicas-to-ack", "2") == "OK"
    assert server.call("CONFIG", "GET", "min-replicas-to-ack") == [b"min-replicas-to-ack", b"2"]
    for wrong in ("-1", "x", "1001", "majority"):
        assert "CONFIG SET failed" in str(server.call("CONFIG", "SET", "min-replicas-to-ack", wrong))
    assert "out of range" in str(server.call("CONFIG", "SET", "min-replicas-ack-timeout", "0")) or \
        "between 1 and" in str(server.call("CONFIG", "SET", "min-replicas-ack-timeout", "0"))
    assert server.call("CLIENT", "ACK-REPLICAS", "1") == "OK"
    for wrong in ("-1", "x", "1001"):
        assert "from 0 to 1000" in str(server.call("CLIENT", "ACK-REPLICAS", wrong))
    assert "in cluster mode only" in str(server.call("CLIENT", "ACK-REPLICAS", "majority"))


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_replies_come_when_the_replica_has_the_writes(members, kind):
    master, replica = pair(members, kind, min_replicas_ack_timeout=str(LONG_MS))
    with master.server.client() as client:
        for i in range(100):
            assert client.call("INCR", "n") == i + 1
            assert replica.call("GET", "n") == str(i + 1).encode()  # READONLY is for clusters
        replies = client.pipeline([("RPUSH", "list", i) for i in range(5000)])
        assert replies == list(range(1, 5001))
        assert client.pipeline([("MULTI",), ("SET", "k", "v"), ("GET", "k"), ("EXEC",)])[-1] == [
            "OK", b"v"]
        assert client.call("EVAL", "return redis.call('incr', KEYS[1])", 1, "n") == 101
        with Stopped(replica):
            client.send(encode("SET", "held", "1") + encode("GET", "held") + encode("PING"))
            # The engine goes on, and whoever asks for what is not acknowledged waits as well.
            assert master.call("PING") == "PONG"
            assert client.is_silent(0.2)
            process_of(replica).signal(signal.SIGCONT)
            assert [client.reply() for _ in range(3)] == ["OK", b"1", "PONG"]


def test_who_pops_what_another_pushes_waits_for_the_replica(members):
    master, replica = pair(members, min_replicas_ack_timeout=str(LONG_MS))
    with master.server.client() as popping, master.server.client() as pushing:
        popping.send(encode("BLPOP", "queue", 0))
        wait_until(lambda: master.info("blocked_clients", "clients") == "1", 10, "it waits")
        with Stopped(replica):
            pushing.send(encode("LPUSH", "queue", "x"))
            assert popping.is_silent(0.2) and pushing.is_silent(0.1)
            process_of(replica).signal(signal.SIGCONT)
            assert popping.reply() == [b"queue", b"x"]
            assert pushing.reply() == 1


def test_what_is_not_acknowledged_becomes_an_error(members):
    master, replica = pair(members, min_replicas_ack_timeout="300")
    master.call("SET", "old", "1")
    with master.server.client() as client, Stopped(replica):
        replies = client.pipeline([("PING",), ("SET", "k", "x" * 100000), ("PING",), ("GET", "k"),
                                   ("ECHO", "end")])
        assert replies == ["PONG", NOT_IN_TIME, "PONG", NOT_IN_TIME, b"end"]
        # It may be quiet, and it may leave.
        client.send(encode("CLIENT", "REPLY", "SKIP") + encode("SET", "k", "y") + encode("QUIT"))
        assert client.reply() == "OK"
    wait_until(lambda: master.call("SET", "k", "z") == "OK", 20, "the replica is back")
    assert replica.call("GET", "k") == b"z"


def test_without_replicas_writes_are_refused_and_reads_answered(members):
    master, replica = pair(members, min_replicas_ack_timeout="300")
    replica.call("REPLICAOF", "NO", "ONE")
    wait_until(lambda: master.info("connected_slaves") == "0", 10, "the replica is gone")
    assert master.call("SET", "k", "1") == TOO_FEW
    assert TOO_FEW in str(master.call("EVAL", "return redis.call('set', 'k', '1')", 0))
    assert master.call("GET", "first") == b"1"
    assert master.call("EXISTS", "k") == 0
    replica.follow(master)
    wait_until(lambda: master.call("SET", "k", "1") == "OK", 20, "the replica is back")


def test_a_connection_asks_for_itself(members):
    master, replica = members(min_replicas_ack_timeout="300"), members()
    with master.server.client() as careful, master.server.client() as careless:
        assert careful.call("CLIENT", "ACK-REPLICAS", 1) == "OK"
        assert careful.call("SET", "k", "1") == TOO_FEW
        assert careless.call("SET", "k", "1") == "OK"
        replica.follow(master)
        wait_until(lambda: careful.call("SET", "k", "2") == "OK", 20, "the replica is there")
        with Stopped(replica):
            assert careless.call("SET", "k", "3") == "OK"
            assert careless.call("GET", "k") == b"3"
            assert careful.call("GET", "k") == NOT_IN_TIME
            assert careful.call("SET", "k", "4") == NOT_IN_TIME
            assert careful.call("CLIENT", "ACK-REPLICAS", 0) == "OK"
            assert careful.call("SET", "k", "5") == "OK"
            assert careful.call("CLIENT", "ACK-REPLICAS", 1) == "OK"
            assert careful.call("RESET") == "RESET"
            assert careful.call("SET", "k", "6") == "OK"


def test_a_master_that_becomes_a_replica_confirms_nothing(members):
    master, replica = pair(members, min_replicas_ack_timeout=str(LONG_MS))
    other = members()
    with master.server.client() as client, Stopped(replica):
        client.send(encode("SET", "k", "1"))
        assert client.is_silent(0.1)
        master.call("REPLICAOF", "127.0.0.1", other.port)
        assert "before this server ceased to be a master" in str(client.reply())


def test_what_is_held_is_bounded(members):
    master, replica = pair(members, min_replicas_ack_timeout=str(LONG_MS))
    count = 2_000_000
    with master.server.client() as client, Stopped(replica):
        client.settimeout(1)
        sent, some = 0, encode("INCR", "n") * 1000
        with pytest.raises(OSError):  # nobody takes any more
            while sent < count:
                client.send(some)
                sent += 1000
        client.settimeout(20)
        process_of(replica).signal(signal.SIGCONT)
        assert [client.reply() for _ in range(1000)] == list(range(1, 1001))


# ---- Through the proxy ----

@pytest.fixture(name="local", scope="module")
def fixture_local():
    running = LocalCluster(shards=1, replicas=1, password="secret")
    yield running
    running.stop()


def replica_of(local):
    """The process id of the one replica."""
    for port in local.shard_ports():
        try:
            with RawClient(port, password="secret") as client:
                if client.call("ROLE")[0] == b"slave":
                    return int(client.call("INFO", "server").split(b"process_id:")[1].split(b"\r\n")[0])
        except (AssertionError, ConnectionClosed):
            continue  # the admin port
    raise AssertionError("no replica")


def test_a_client_of_the_proxy_asks_for_itself(local):
    pid = replica_of(local)
    with local.client() as careful, local.client() as careless:
        assert careful.call("CONFIG", "SET", "min-replicas-ack-timeout", "300") == "OK"
        assert careful.call("CLIENT", "ACK-REPLICAS", 1) == "OK"
        wait_until(lambda: careful.call("SET", "k", "1") == "OK", 30, "the replica is there")
        assert careful.pipeline([("INCR", "n")] * 500) == list(range(1, 501))
        assert careful.call("CLIENT", "ACK-REPLICAS", "majority") == "OK"
        assert careful.call("GET", "k") == b"1"
        os.kill(pid, signal.SIGSTOP)
        try:
            assert careless.call("SET", "k", "2") == "OK"
            assert careful.call("SET", "k", "3") == NOT_IN_TIME
            assert careful.pipeline([("MULTI",), ("SET", "k", "4"), ("EXEC",)])[-1] == NOT_IN_TIME
            assert careful.call("WATCH", "w") == "OK"
            assert careful.pipeline([("MULTI",), ("SET", "w", "1"), ("EXEC",)])[-1] == NOT_IN_TIME
            assert careless.call("RPUSH", "list", "x") == 1
            assert careful.call("BLPOP", "list", 5) == NOT_IN_TIME
            assert careful.call("CLIENT", "ACK-REPLICAS", 0) == "OK"
            assert careful.call("GET", "k") == b"4"
        finally:
            os.kill(pid, signal.SIGCONT)
        for wrong in ("15", "-1", "x"):
            assert "from 0 to 14" in str(careful.call("CLIENT", "ACK-REPLICAS", wrong))
        assert careful.call("CLIENT", "ACK-REPLICAS", 2) == "OK"
        assert careful.call("SET", "k", "5") == TOO_FEW
        assert careful.call("RESET") == "RESET"
        assert careful.call("AUTH", "secret") == "OK"
        assert careful.call("SET", "k", "6") == "OK"


def test_masters_that_cannot_hold_replies_refuse():
    real = RealCluster(masters=3)
    try:
        proxy = ProxyProcess(real.seeds(), password=None)
        try:
            with proxy.client() as client:
                assert "unknown subcommand" in str(client.call("CLIENT", "ACK-REPLICAS", 1)).lower()
                assert client.call("CLIENT", "ACK-REPLICAS", 0) == "OK"
                assert client.call("SET", "k", "1") == "OK"
        finally:
            proxy.stop()
    finally:
        real.stop()

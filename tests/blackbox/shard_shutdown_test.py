# SPDX-License-Identifier: Apache-2.0
"""How a server goes: SHUTDOWN with its options and what SIGTERM and SIGINT mean, held against
redis-server; and masters of a cluster, which hand over first."""
import os
import signal
import time

import pytest

import bus_nodes
from bus_nodes import all_ok, my_id, nodes  # noqa: F401  fixtures
from counting_load import CountingLoad
from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import ConnectionClosed, RawClient, encode
from real_cluster import redis_cli
from shard_cluster import LocalCluster
from shard_history_test import fixture_keepers, wait_for  # noqa: F401  fixtures

KINDS = ["redis", "ours"]
FAILED = "ERR Errors trying to SHUTDOWN. Check logs."


def is_online(master):
    return "state=online" in (master.info("slave0") or "")


@pytest.fixture(name="lagging", params=KINDS)
def fixture_lagging(request, keepers):
    """A master whose replica stands still and lacks the last write."""
    master, replica = keepers([request.param, "redis"])
    wait_until(lambda: is_online(master), 20, "the replica is online")
    wait_for(master, 1)
    replica.process.signal(signal.SIGSTOP)
    assert master.call("SET", "k", "last") == "OK"
    yield master, replica
    replica.process.signal(signal.SIGCONT)


def shutting_down(master):
    return master.info("shutdown_in_milliseconds", "server") is not None


def test_it_waits_for_replicas_and_can_be_aborted(lagging):
    master, replica = lagging
    assert str(master.call("SHUTDOWN", "ABORT")) == "ERR No shutdown in progress."
    with master.client() as asking, master.client() as writing, master.client() as other:
        asking.send(encode("SHUTDOWN", "NOSAVE"))
        wait_until(lambda: shutting_down(master), 10, "it waits")
        writing.send(encode("SET", "held", "1"))
        assert other.call("GET", "held") is None
        assert 0 < int(master.info("shutdown_in_milliseconds", "server")) <= 10000
        assert not writing.has_input()
        assert other.call("SHUTDOWN", "ABORT") == "OK"
        assert str(asking.reply()) == FAILED
        assert writing.reply() == "OK"
        assert not shutting_down(master)
    # By a signal: Redis 7.0.15 crashes when one connection asks twice.
    master.process.signal(signal.SIGTERM)
    wait_until(lambda: shutting_down(master), 10, "it waits again")
    replica.process.signal(signal.SIGCONT)
    assert master.process.wait(20) == 0
    assert replica.call("GET", "k") == b"last"
    assert replica.call("GET", "held") == b"1"


@pytest.mark.parametrize("words", [["SHUTDOWN", "NOSAVE", "NOW"], ["SHUTDOWN", "NOW", "FORCE", "SAVE"]])
def test_now_waits_for_nobody(lagging, words):
    master, _ = lagging
    with master.client() as client:
        client.send(encode(*words))
        assert client.receive_until_closed() == b""
    assert master.process.wait(10) == 0


def test_it_waits_no_longer_than_its_timeout(lagging):
    master, _ = lagging
    assert master.call("CONFIG", "SET", "shutdown-timeout", "1") == "OK"
    master.process.signal(signal.SIGTERM)
    wait_until(lambda: shutting_down(master), 10, "it waits")
    assert master.process.wait(20) == 0


def test_a_signal_can_be_aborted_but_not_sigint_twice(lagging):
    master, _ = lagging
    master.process.signal(signal.SIGTERM)
    wait_until(lambda: shutting_down(master), 10, "it waits")
    assert master.call("SHUTDOWN", "ABORT") == "OK"
    assert not shutting_down(master)
    master.process.signal(signal.SIGINT)
    wait_until(lambda: shutting_down(master), 10, "it waits again")
    master.process.signal(signal.SIGINT)
    assert master.process.wait(10) == 1


@pytest.fixture(name="alone", params=KINDS)
def fixture_alone(request, keepers):
    master, = keepers([request.param])
    assert master.call("SET", "k", "v") == "OK"
    return master


@pytest.mark.parametrize("options, points, is_saved", [
    ("default", "", False), ("default", "3600 1", True), ("nosave", "3600 1", False), ("save", "", True),
    ("save now", "", True), ("NOSAVE force", "3600 1", False)])
def test_what_a_signal_means(alone, options, points, is_saved):
    assert alone.call("CONFIG", "SET", "shutdown-on-sigterm", options) == "OK"
    assert alone.call("CONFIG", "GET", "shutdown-on-sigterm")[1] == options.lower().encode()
    alone.call("CONFIG", "SET", "save", points)
    alone.process.signal(signal.SIGTERM)
    assert alone.process.wait(20) == 0
    assert os.path.exists(os.path.join(alone.directory, "dump.rdb")) == is_saved


def last_words(client):
    try:
        return client.receive_until_closed()
    except OSError:
        return b""


def test_what_comes_in_the_same_moment_is_kept_or_not_confirmed(alone):
    """The files are complete when SHUTDOWN has run: others have been heard in the same turn."""
    clients = [alone.client() for _ in range(30)]
    assert [client.call("PING") for client in clients] == ["PONG"] * 30
    alone.process.signal(signal.SIGSTOP)
    for i, client in enumerate(clients):
        client.send(encode("SHUTDOWN", "SAVE") if i == 10 else encode("SET", f"last:{i}", "1"))
    alone.process.signal(signal.SIGCONT)
    assert alone.process.wait(20) == 0
    confirmed = [i for i, client in enumerate(clients) if last_words(client) == b"+OK\r\n"]
    alone.start()
    assert [i for i in confirmed if alone.call("GET", f"last:{i}") is None] == []


def test_half_of_a_script_is_not_saved(alone):
    alone.call("CONFIG", "SET", "save", "3600 1")
    alone.call("CONFIG", "SET", "busy-reply-threshold", "50")
    with alone.client() as client:
        client.send(encode("EVAL", "redis.call('set', 'a', 1) for i = 1, 3e7 do end redis.call('set', 'b', 1)", 0))
        wait_until(lambda: str(alone.call("GET", "a")).startswith("BUSY"), 20, "the script is found to be long")
        alone.process.signal(signal.SIGTERM)
        assert alone.process.wait(60) == 0
    alone.start()
    assert alone.call("MGET", "a", "b") == [b"1", b"1"]


def test_a_script_that_only_reads_is_not_waited_for(keepers):
    alone, = keepers(["ours"])  # Redis waits, for ever
    alone.call("SET", "k", "v")
    alone.call("CONFIG", "SET", "save", "3600 1")
    alone.call("CONFIG", "SET", "busy-reply-threshold", "50")
    with alone.client() as client:
        client.send(encode("EVAL", "while true do end", 0))
        wait_until(lambda: str(alone.call("GET", "k")).startswith("BUSY"), 20, "the script is found to be long")
        alone.process.signal(signal.SIGTERM)
        assert alone.process.wait(20) == 0
    alone.start()
    assert alone.call("GET", "k") == b"v"


def test_what_cannot_be_said_of_signals(alone):
    assert str(alone.call("CONFIG", "SET", "shutdown-on-sigint", "save nosave")) == (
        "ERR CONFIG SET failed (possibly related to argument 'shutdown-on-sigint') - "
        "shutdown options SAVE and NOSAVE can't be used simultaneously")
    assert str(alone.call("CONFIG", "SET", "shutdown-on-sigint", "never")) == (
        "ERR CONFIG SET failed (possibly related to argument 'shutdown-on-sigint') - "
        "argument(s) must be one of the following: default, save, nosave, now, force")
    for words in (["SAVE", "NOSAVE"], ["ABORT", "NOW"], ["SOON"]):
        assert str(alone.call("SHUTDOWN", *words)) == "ERR syntax error"


def test_what_cannot_be_saved_goes_on_unless_forced(alone):
    os.mkdir(os.path.join(alone.directory, "dump.rdb"))
    assert str(alone.call("SHUTDOWN", "SAVE")) == FAILED
    assert alone.call("GET", "k") == b"v"
    with alone.client() as client:
        client.send(encode("SHUTDOWN", "SAVE", "FORCE"))
        assert client.receive_until_closed() == b""
    assert alone.process.wait(10) == 0


# ---- Masters of a cluster

@pytest.fixture(name="local")
def fixture_local():
    local = LocalCluster(shards=3, replicas=1)
    yield local
    local.stop()


def shard(local, port):
    return RawClient(port, "127.0.0.1", password=local.password)


def facts(local, port):
    """Role and process id, if it answers."""
    try:
        with shard(local, port) as client:
            return client.call("ROLE")[0].decode(), int(
                client.call("INFO", "server").decode().split("process_id:")[1].split("\r\n")[0])
    except (OSError, EOFError, AssertionError, IndexError, ConnectionClosed):
        return None, None


def tolerate_starvation(local):
    """On a busy machine nobody is replaced for having been slow."""
    for port in local.shard_ports():
        if facts(local, port)[0] is not None:
            with shard(local, port) as client:
                assert client.call("CONFIG", "SET", "cluster-node-timeout", "30000") == "OK"


def is_whole(local):
    roles = [facts(local, port)[0] for port in local.shard_ports()]
    return roles.count("master") == 3 and roles.count("slave") == 3 and all(
        "master_link_status:up" in redis_cli(port, "INFO", "replication", password=local.password)
        for port in local.shard_ports() if facts(local, port)[0] == "slave")


def test_sigterm_of_a_master_is_no_error_to_anybody(local):
    wait_until(lambda: is_whole(local), 30, "every replica follows")
    loads = [CountingLoad(local, number) for number in range(8)]
    for load in loads:
        load.start()
    wait_until(lambda: all(load.acknowledged > 100 for load in loads), 30, "the load is running")
    for port in [port for port in local.shard_ports() if facts(local, port)[0] == "master"]:
        tolerate_starvation(local)
        for load in loads:
            load.longest_pause_s = 0.0
        role, pid = facts(local, port)
        assert role == "master"  # nobody was put in its place meanwhile
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda p=port, old=pid: facts(local, p)[1] not in (None, old), 30, "it is started again")
        wait_until(lambda: is_whole(local), 30, "every replica follows")
        assert facts(local, port)[0] == "slave", "another one has taken over"
        print(f"longest pause {1000 * max(load.longest_pause_s for load in loads):.0f} ms")
        assert max(load.longest_pause_s for load in loads) < 10 * SLOWNESS
    for load in loads:
        load.stop()
    assert [(load.wrong, load.unknown, load.lost) for load in loads] == [([], 0, 0)] * len(loads)
    with local.client() as client:
        for load in loads:
            assert client.call("GET", load.key) == str(load.acknowledged).encode()


def test_a_whole_cluster_goes_at_once(local):
    wait_until(lambda: is_whole(local), 30, "every replica follows")
    local.process.signal(signal.SIGTERM)
    assert local.process.wait(15 * SLOWNESS) == 0


@pytest.fixture(name="loads")
def fixture_loads():
    """Makes clients of a proxy in front of these nodes, which count, and run until the end."""
    proxies, made = [], []

    def make(members):
        proxies.append(ProxyProcess([f"127.0.0.1:{node.port}" for node in members], password=None))
        made.extend(CountingLoad(proxies[-1], number) for number in range(8))
        for load in made:
            load.start()
        wait_until(lambda: all(load.acknowledged > 100 for load in made), 30, "the load is running")
        return made
    yield make
    for load in made:
        load.stop()
    for proxy in proxies:
        proxy.stop()


def test_a_replica_that_is_ready_since_a_moment_ago_takes_over(nodes, loads):
    """The bus hears of its data later: nodes that have a long timeout say little of themselves."""
    quiet = ("--cluster-node-timeout", "15000", "--repl-diskless-sync-delay", "0")
    *masters, heir = members = nodes(4, settings=quiet)
    bus_nodes.form(masters)
    assert masters[0].call("CLUSTER", "MEET", "127.0.0.1", heir.port) == "OK"
    wait_until(lambda: all_ok(members), 30, "all know each other")
    load = loads(masters)
    assert heir.call("CLUSTER", "REPLICATE", my_id(masters[0])) == "OK"
    wait_until(lambda: b"state=online" in masters[0].call("INFO", "replication"), 30, "it is ready")
    begin = time.monotonic()
    masters[0].process.signal(signal.SIGTERM)
    wait_until(lambda: heir.call("ROLE")[0] == b"master", 20, "it is the master")
    print(f"master after {1000 * (time.monotonic() - begin):.0f} ms")
    assert masters[0].process.is_running(), "it has handed over, and redirects clients"
    assert time.monotonic() - begin < 1 * SLOWNESS
    assert masters[0].process.wait(20) == 0
    counts = [one.acknowledged for one in load]
    wait_until(lambda: all(one.acknowledged > count + 100 for one, count in zip(load, counts)), 20, "all go on")
    for one in load:
        one.stop()
    assert [(one.wrong, one.unknown, one.lost) for one in load] == [([], 0, 0)] * len(load)


def test_a_replica_that_the_bus_has_given_up_and_that_comes_back_takes_over(nodes, loads):
    """As one that was restarted under another address: it follows the stream, but is held for failed."""
    *masters, heir = members = nodes(4, settings=("--repl-diskless-sync-delay", "0"))
    bus_nodes.form(masters)
    assert masters[0].call("CLUSTER", "MEET", "127.0.0.1", heir.port) == "OK"
    wait_until(lambda: all_ok(members), 30, "all know each other")
    assert heir.call("CLUSTER", "REPLICATE", my_id(masters[0])) == "OK"
    wait_until(lambda: b"state=online" in masters[0].call("INFO", "replication"), 30, "it is ready")
    load = loads(masters)
    heir_id = my_id(heir)
    heir.process.signal(signal.SIGSTOP)
    wait_until(lambda: "fail" in bus_nodes.flags_of(masters[0], heir_id).split(","), 30, "it has failed")
    assert b"state=online" in masters[0].call("INFO", "replication")
    masters[0].process.signal(signal.SIGTERM)
    wait_until(lambda: "shutting down" in masters[0].process.log(), 10, "it is about to go")
    heir.process.signal(signal.SIGCONT)
    assert masters[0].process.wait(20) == 0
    assert "asks its replica" in masters[0].process.log(), masters[0].process.log_tail()
    wait_until(lambda: heir.call("ROLE")[0] == b"master", 20, "it is the master")
    for one in load:
        one.stop()
    assert [(one.wrong, one.unknown, one.lost) for one in load] == [([], 0, 0)] * len(load)

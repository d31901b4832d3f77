# SPDX-License-Identifier: Apache-2.0
"""Clusters with replicas, ours and Redis's in all mixtures: a master that is killed loses nothing
that its replica had, and is replaced soon."""
import signal
import time

import pytest

from bus_nodes import NODE_TIMEOUT_MS, all_ok, give_slots, my_id, nodes, view  # noqa: F401  fixtures
from deadline import SLOWNESS, wait_until
from raw_client import encode

KEYS = [f"key:{i}" for i in range(300)]


def info(node, field):
    lines = node.call("INFO", "replication").decode().split("\r\n")
    return next((line.split(":", 1)[1] for line in lines if line.startswith(field + ":")), None)


def form(masters, replicas):
    """Masters that share the slots, each with one replica."""
    give_slots(masters)
    members = masters + replicas
    for other in members[1:]:
        assert members[0].call("CLUSTER", "MEET", "127.0.0.1", other.port) == "OK"
    ids = [my_id(node) for node in masters]
    wait_until(lambda: all(len(view(node)) == len(members) for node in members), 20, "all have met")
    for replica, master_id in zip(replicas, ids):
        wait_until(lambda r=replica, m=master_id: r.call("CLUSTER", "REPLICATE", m) == "OK", 20,
                   "it knows its master")
    wait_until(lambda: all_ok(members), 20, "all agree that all is well")
    for replica in replicas:
        wait_until(lambda r=replica: info(r, "master_link_status") == "up", 20, "the replica follows")


def call_owner(members, *command):
    """Follows redirects as a client does."""
    for node in members:
        reply = node.call(*command)
        if not str(reply).startswith("MOVED"):
            return reply
    raise AssertionError(f"nobody serves {command}")


@pytest.mark.parametrize("kinds", ["ours-ours", "ours-theirs", "theirs-ours"])
def test_a_killed_master_is_replaced_by_its_replica(nodes, kinds):
    master_kind, replica_kind = kinds.split("-")
    all_nodes = nodes(*{"ours-ours": (6, 0)}.get(kinds, (3, 3)),
                      settings=("--repl-diskless-sync-delay", "0"))
    ours, theirs = all_nodes[:3], all_nodes[3:]
    masters, replicas = (theirs, ours) if master_kind == "theirs" else (ours, theirs)
    form(masters, replicas)
    for key in KEYS:
        assert call_owner(masters, "SET", key, "v" + key) == "OK"
    for master in masters:
        assert master.call("WAIT", 1, int(10000 * SLOWNESS)) == 1
    victim, heir = masters[0], replicas[0]
    begin = time.monotonic()
    victim.process.kill()
    wait_until(lambda: info(heir, "role") == "master", 20, "the replica is elected")
    rest = [node for node in masters + replicas if node is not victim]
    wait_until(lambda: all(b"cluster_state:ok" in node.call("CLUSTER", "INFO") for node in rest), 20,
               "the cluster is well")
    assert time.monotonic() - begin < (NODE_TIMEOUT_MS / 1000 + 5) * SLOWNESS
    for key in KEYS:
        assert call_owner(rest, "GET", key) == b"v" + key.encode()
    assert heir.call("SET", "{06S}", "written") == "OK"


def reply_after_a_pause(master):
    """To a write that was sent while the master stood still for longer than a lease."""
    with master.client() as client:
        assert client.call("SET", "{06S}", "before") == "OK"
        master.process.signal(signal.SIGSTOP)
        client.send(encode("SET", "{06S}", "queued"))
        time.sleep(NODE_TIMEOUT_MS / 1000 + 0.3)  # poll: only time ends a lease
        master.process.signal(signal.SIGCONT)
        return str(client.reply())


def test_a_paused_master_does_not_serve_what_it_wakes_up_to(nodes):
    members = nodes(6, settings=("--repl-diskless-sync-delay", "0"))
    form(members[:3], members[3:])
    # Whether its replica has been elected yet or not.
    assert reply_after_a_pause(members[0]).startswith(("CLUSTERDOWN", "MOVED"))
    wait_until(lambda: all_ok(members), 20, "all agree")
    assert call_owner(members, "GET", "{06S}") == b"before"


def test_a_paused_master_goes_on_if_nobody_could_replace_it(nodes):
    members = nodes(3)
    form(members, [])
    assert reply_after_a_pause(members[0]) == "OK"


def test_a_manual_failover_changes_places(nodes):
    members = nodes(6, settings=("--repl-diskless-sync-delay", "0"))
    masters, replicas = members[:3], members[3:]
    form(masters, replicas)
    for key in KEYS:
        assert call_owner(masters, "SET", key, "v") == "OK"
    assert replicas[0].call("CLUSTER", "FAILOVER") == "OK"
    wait_until(lambda: info(replicas[0], "role") == "master", 20, "the replica is the master")
    wait_until(lambda: info(masters[0], "master_link_status") == "up", 20, "the master is its replica")
    wait_until(lambda: all_ok(members), 20, "all agree")
    for key in KEYS:
        assert call_owner([replicas[0], *masters[1:]], "GET", key) == b"v"
    assert replicas[0].call("SET", "{06S}", "written") == "OK"
    assert replicas[0].call("WAIT", 1, int(10000 * SLOWNESS)) == 1


@pytest.mark.parametrize("kind", ["ours", "theirs"])
def test_a_replica_serves_who_asked_to_read_there(nodes, kind):
    members = nodes(*(2, 0) if kind == "ours" else (0, 2))
    master, replica = members
    form([master], [replica])
    assert master.call("SET", "a", "1") == "OK"
    assert master.call("WAIT", 1, int(10000 * SLOWNESS)) == 1
    assert str(replica.call("GET", "a")).startswith("MOVED 15495 ")
    with replica.client() as reader:
        assert reader.call("READONLY") == "OK"
        assert reader.call("GET", "a") == b"1"
        assert str(reader.call("SET", "a", "2")).startswith("MOVED 15495 ")
        assert [reader.call(*words) for words in (["MULTI"], ["GET", "a"], ["EXEC"])] == [
            "OK", "QUEUED", [b"1"]]
        assert reader.call("EVAL", "return redis.call('get', KEYS[1])", 1, "a") == b"1"
        assert str(reader.call("EVAL", "#!lua\nreturn 1", 1, "a")).startswith("MOVED 15495 ")
        assert reader.call("READWRITE") == "OK"
        assert str(reader.call("GET", "a")).startswith("MOVED 15495 ")


@pytest.mark.parametrize("kind", ["ours", "theirs"])
def test_the_link_to_the_master_is_a_client(nodes, kind):
    members = nodes(*(2, 0) if kind == "ours" else (0, 2))
    master, replica = members
    form([master], [replica])
    listed = replica.call("CLIENT", "LIST", "TYPE", "master").decode()
    assert f"addr=127.0.0.1:{master.port} " in listed and " flags=M " in listed
    before = info(master, "master_repl_offset")
    assert replica.call("CLIENT", "KILL", f"127.0.0.1:{master.port}") == "OK"
    wait_until(lambda: b"sync_partial_ok:1" in master.call("INFO", "stats"), 20, "it has resumed")
    assert int(info(master, "master_repl_offset")) >= int(before)
    assert replica.call("CLIENT", "KILL", "TYPE", "master") == 1

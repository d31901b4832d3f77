# SPDX-License-Identifier: Apache-2.0
"""The cluster bus against redis-server 7.0.15 on the same bus, and redis-cli --cluster against
clusters of our masters: it works on them unchanged."""
import re
import socket
import struct
import time

import pytest

from bus_nodes import (NODE_TIMEOUT_MS, agree, all_ok, answers, flags_of,  # noqa: F401  fixtures
                       give_slots, info, my_id, nodes, view)
from deadline import SLOWNESS, wait_until
from real_cluster import RealRedis, redis_cli


@pytest.mark.parametrize("who_meets", ["ours", "theirs"])
def test_a_node_of_ours_and_two_of_redis_are_one_cluster(nodes, who_meets):
    ours, *theirs = members = nodes(1, 2)
    give_slots(members)
    for other in (theirs if who_meets == "ours" else [ours, theirs[1]]):
        host = ours if who_meets == "ours" else theirs[0]
        assert host.call("CLUSTER", "MEET", "127.0.0.1", other.port) == "OK"
    seen = wait_until(lambda: all_ok(members), 20, "all agree that all is well")
    assert len({epoch for _, epoch, _ in seen.values()}) == 3, seen
    assert {slots for _, _, slots in seen.values()} == {("0-5460",), ("5461-10921",), ("10922-16383",)}
    for node in members:
        assert int(info(node)["cluster_current_epoch"]) >= max(epoch for _, epoch, _ in seen.values())
    assert str(theirs[0].call("GET", "{06S}")) == f"MOVED 0 127.0.0.1:{ours.port}"
    assert ours.call("SET", "{06S}", "here") == "OK"
    if who_meets == "theirs":
        return
    our_id = my_id(ours)
    ours.process.kill()
    wait_until(lambda: all("fail" in flags_of(node, our_id).split(",") for node in theirs), 15, "theirs see ours failed")
    ours.start_again()
    wait_until(lambda: answers(ours) and all_ok(members), 20, "all is well again")
    assert my_id(ours) == our_id
    their_id = my_id(theirs[1])
    theirs[1].kill()
    wait_until(lambda: "fail" in flags_of(ours, their_id).split(","), 15, "ours sees theirs failed")
    assert info(ours)["cluster_state"] == "fail"



def test_messages_and_forget_get_around(nodes):
    ours, theirs = members = nodes(1, 1)
    give_slots(members)
    theirs.call("CLUSTER", "MEET", "127.0.0.1", ours.port)
    wait_until(lambda: all_ok(members), 20, "all is well")
    for listener_at, publisher in ((ours, theirs), (theirs, ours)):
        with listener_at.client() as listener:
            listener.call("SUBSCRIBE", "news")
            publisher.call("PUBLISH", "news", "hello")
            assert listener.reply() == [b"message", b"news", b"hello"]
    links = ours.call("CLUSTER", "LINKS")
    assert sorted(link[1] for link in links) == [b"from", b"to"]
    assert int(info(ours)["cluster_stats_messages_received"]) > 0
    theirs.call("CLUSTER", "FORGET", my_id(ours))
    ours.call("CLUSTER", "FORGET", my_id(theirs))
    assert len(view(ours)) == len(view(theirs)) == 1


def three_masters(nodes):
    members = nodes(3)
    give_slots(members)
    for other in members[1:]:
        members[0].call("CLUSTER", "MEET", "127.0.0.1", other.port)
    wait_until(lambda: all_ok(members), 20, "all is well")
    return members


def test_a_process_that_is_gone_is_seen_at_once(nodes):
    members = three_masters(nodes)
    gone = my_id(members[2])
    began = time.monotonic()
    members[2].process.kill()
    wait_until(lambda: all("fail" in flags_of(node, gone).split(",") for node in members[:2]), 10, "both see it failed")
    assert time.monotonic() - began < 0.9 * NODE_TIMEOUT_MS / 1000


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.1\r\n\r\n", b"RCmb" + b"\xff" * 60, b"RCmb" + struct.pack(">I", 2256) + b"\0" * 2248,
    b"RCmb" + struct.pack(">I", 20) + struct.pack(">HHHH", 1, 0, 0x8004, 0) + b"\xff" * 4])
def test_who_does_not_speak_the_bus_is_cut_off(nodes, garbage):
    node, = nodes(1)
    with socket.create_connection(("127.0.0.1", node.port + 10000), 5) as stranger:
        stranger.sendall(garbage)
        assert stranger.recv(100) == b""
    assert node.call("PING") == "PONG"


def cluster_cli(node, command, *arguments):
    output = redis_cli(node.port, "--cluster", command, *arguments)
    assert "[ERR]" not in output and "failed: ERR" not in output, output
    return output


def address(node):
    return f"127.0.0.1:{node.port}"


def test_redis_cli_manages_a_cluster_of_ours(nodes):
    members = nodes(4)
    first, *_, fourth = members
    created = redis_cli(first.port, "--cluster", "create", *map(address, members[:3]), "--cluster-yes")
    assert "[OK] All 16384 slots covered" in created, created
    wait_until(lambda: all_ok(members[:3]), 20, "all is well")
    keys = {f"key:{i}": f"value {i}" for i in range(100)}
    for key, value in keys.items():
        assert redis_set(members[:3], key, value)
    assert "[OK] All nodes agree about slots configuration" in cluster_cli(first, "check", address(first))
    moved = cluster_cli(first, "reshard", address(first), "--cluster-from", my_id(first), "--cluster-to", my_id(members[1]),
                        "--cluster-slots", 40, "--cluster-yes")
    assert "Moving slot" in moved
    wait_until(lambda: all_ok(members[:3]), 20, "all agree after the reshard")
    added = cluster_cli(first, "add-node", address(fourth), address(first))
    assert "[OK] New node added correctly" in added
    wait_until(lambda: all_ok(members), 20, "all know the new node")
    cluster_cli(first, "rebalance", address(first), "--cluster-use-empty-masters", "--cluster-threshold", 1,
                "--cluster-weight", f"{my_id(fourth)}=0.007", *[f"{my_id(node)}=1" for node in members[:3]])
    wait_until(lambda: all_ok(members), 20, "all agree after the rebalance")
    given = counted_slots(view(first)[my_id(fourth)][2])
    assert 30 <= given <= 50
    assert all(redis_get(members, key) == value for key, value in keys.items())
    # What was in the middle of a move when somebody gave up is finished by fix.
    slot = first.call("CLUSTER", "KEYSLOT", "key:1")
    owner = next(node for node in members if counted_slots(view(first)[my_id(node)][2], slot))
    target = next(node for node in members if node is not owner)
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", my_id(owner))
    owner.call("CLUSTER", "SETSLOT", slot, "MIGRATING", my_id(target))
    assert "Fixing open slot" in redis_cli(first.port, "--cluster", "fix", address(first), stdin=b"yes\n")
    wait_until(lambda: all_ok(members), 20, "all agree after the fix")
    source = RealRedis()
    try:
        source.node.call("MSET", "from:1", "a", "from:2", "b")
        imported = redis_cli(first.port, "--cluster", "import", address(first), "--cluster-from", f"127.0.0.1:{source.port}",
                             "--cluster-copy")
        assert "Migrating from:1" in imported, imported
    finally:
        source.stop()
    assert redis_get(members, "from:2") == "b"
    # The fourth gives its slots back and leaves.
    cluster_cli(first, "reshard", address(first), "--cluster-from", my_id(fourth), "--cluster-to", my_id(first),
                "--cluster-slots", given, "--cluster-yes", "--cluster-pipeline", 100)
    wait_until(lambda: all_ok(members), 20, "all agree after the last reshard")
    leaving = my_id(fourth)
    cluster_cli(first, "del-node", address(first), leaving)
    wait_until(lambda: all_ok(members[:3]), 20, "three are left")
    assert len(view(fourth)) == 1
    assert all(redis_get(members[:3], key) == value for key, value in keys.items())


def counted_slots(ranges, only=None):
    slots = set()
    for text in ranges:
        if text.startswith("["):
            continue
        first, _, last = text.partition("-")
        slots.update(range(int(first), int(last or first) + 1))
    return len(slots) if only is None else only in slots


def redis_set(members, key, value):
    return redirected(members, "SET", key, value) == "OK"


def redis_get(members, key):
    value = redirected(members, "GET", key)
    return value.decode() if isinstance(value, bytes) else value


def redirected(members, *command):
    """As a client of the cluster asks: where MOVED says."""
    node = members[0]
    for _ in range(5):
        reply = node.call(*command)
        found = re.match(r"MOVED \d+ .*:(\d+)$", str(reply))
        if not found:
            return reply
        node = next(member for member in members if member.port == int(found[1]))
    return reply

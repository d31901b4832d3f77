# SPDX-License-Identifier: Apache-2.0
"""Nodes that are told each other's addresses form a cluster, join one, and find each other again."""
import os
import shutil
import tempfile

import pytest

from bus_nodes import ShardNode, all_ok, answers, my_id, view
from cluster_tool import run_tool
from cluster_tool_test import THREE_PARTS, at_owner, owners, ranges, store
from deadline import wait_until
from free_ports import free_ports

QUICK = ("--repl-diskless-sync-delay", "0")


class Nodes:
    """Nodes on loopback addresses of their own; each keeps its folder when it starts again."""

    def __init__(self):
        self.directory, self.running = tempfile.mkdtemp(prefix="slotway-forming-"), {}

    def start(self, places, count, replicas=0):
        """`places`: {name of the folder: (host, port)}. All are told of all, as a name would say."""
        peers = ",".join(f"{host}:{port}" for host, port in places.values())
        return [self.start_one(name, place, peers, count, replicas) for name, place in places.items()]

    def start_one(self, name, place, peers, count, replicas):
        host, port = place
        node = ShardNode(os.path.join(self.directory, name), port,
                         (*QUICK, "--bind", host, "--cluster-announce-ip", host, "--appendonly", "yes",
                          "--cluster-peers", peers, "--cluster-nodes", count, "--cluster-replicas", replicas))
        node.host = host
        self.running[name] = node
        return node

    def stop(self, *names):
        for name in names or list(self.running):
            self.running.pop(name).process.stop()

    def end(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def world():
    made = Nodes()
    yield made
    made.end()


def places_on(net, count):
    """One port, an address for each."""
    port = free_ports(1)[0]
    return {str(i): (f"127.0.{net}.{i + 1}", port) for i in range(count)}


def wait_until_formed(members, timeout_s=40):
    for node in members:
        wait_until(lambda n=node: answers(n), 20, f"{node.host}:{node.port} answers")
    return wait_until(lambda: all_ok(members), timeout_s, "they are one cluster, and all is well")


def roles(members):
    flags = [row[0] for row in view(members[0]).values()]
    return sorted("master" if "master" in flag else "slave" for flag in flags)


def test_new_nodes_form_one_cluster(world):
    members = world.start(places_on(11, 6), 6, replicas=1)
    wait_until_formed(members)
    wait_until(lambda: roles(members) == ["master"] * 3 + ["slave"] * 3, 20, "each master has a replica")
    wait_until(lambda: all_ok(members), 20, "all agree")
    assert ranges(members) == THREE_PARTS
    run_tool("check", members[5], "--replicas", 1)


def test_nothing_is_formed_before_all_are_there(world):
    places = places_on(12, 3)
    peers = ",".join(f"{host}:{port}" for host, port in places.values())
    first = [world.start_one(name, places[name], peers, 3, 0) for name in ("0", "1")]
    wait_until(lambda: all(answers(node) and len(view(node)) == 2 for node in first), 20, "two have met")
    # Longer than it takes when all are there.
    begun = [node.call("CLUSTER", "INFO") for node in first]
    wait_until(lambda: int(first[0].call("INFO", "server").decode().split("uptime_in_seconds:")[1]
                           .split()[0]) >= 4, 20, "some time has passed")
    assert all(b"cluster_slots_assigned:0" in node.call("CLUSTER", "INFO") for node in first), begun
    members = first + [world.start_one("2", places["2"], peers, 3, 0)]
    wait_until_formed(members)
    assert ranges(members) == THREE_PARTS


def test_a_late_node_joins_and_takes_the_free_place(world):
    places = places_on(13, 4)
    peers = ",".join(f"{host}:{port}" for host, port in places.values())
    members = [world.start_one(name, places[name], peers, 3, 1) for name in ("0", "1", "2")]
    wait_until_formed(members)  # one master and its replica, and one that is spare
    before = owners(members)
    late = world.start_one("3", places["3"], peers, 3, 1)
    wait_until_formed(members + [late])
    assert sum(owners(members).values()) == 16384
    assert {node: count for node, count in owners(members).items() if count} == {
        node: count for node, count in before.items() if count}


def test_all_come_back_under_other_addresses(world):
    places = places_on(14, 6)
    members = world.start(places, 6, replicas=1)
    wait_until_formed(members)
    wait_until(lambda: roles(members) == ["master"] * 3 + ["slave"] * 3, 20, "each master has a replica")
    wait_until(lambda: all_ok(members), 20, "all agree")
    stored = store([node for node in members if node.call("ROLE")[0] == b"master"], 100)
    for node in members:
        if node.call("ROLE")[0] == b"master":
            assert node.call("WAIT", 1, 10000) == 1
    ids = sorted(my_id(node) for node in members)
    world.stop()
    # The same addresses in another order, on another network: none means what it did.
    moved = dict(zip(reversed(list(places)), places_on(15, 6).values()))
    members = world.start(moved, 6, replicas=1)
    wait_until_formed(members, 60)
    assert sorted(my_id(node) for node in members) == ids
    masters = [node for node in members if node.call("ROLE")[0] == b"master"]
    assert len(masters) == 3
    for key, value in stored.items():
        assert at_owner(masters, "GET", key) == value.encode()


def test_addresses_that_were_exchanged(world):
    places = places_on(16, 3)
    members = world.start(places, 3)
    wait_until_formed(members)
    before = owners(members)
    world.stop()
    names = list(places)
    members = world.start({name: places[names[(i + 1) % 3]] for i, name in enumerate(names)}, 3)
    wait_until_formed(members, 60)
    assert owners(members) == before


def test_who_was_reset_stays_out(world):
    places = places_on(17, 4)
    members = world.start(places, 4)
    wait_until_formed(members)
    run_tool("remove", members[0], members[3])
    assert len(view(members[0])) == 3 and len(view(members[3])) == 1
    run_tool("check", members[1])
    assert len(view(members[3])) == 1


def test_settings_that_do_not_fit_are_refused(world):
    port = free_ports(1)[0]
    for settings in (("--cluster-peers", "nowhere", "--cluster-nodes", "3"),
                     ("--cluster-peers", "127.0.0.1:7000"),
                     ("--cluster-nodes", "3"),
                     ("--cluster-peers", "127.0.0.1:7000", "--cluster-nodes", "1", "--cluster-replicas", "1")):
        node = ShardNode(os.path.join(world.directory, "wrong"), port, settings)
        assert node.process.wait() != 0
        assert "cluster-" in node.process.log()

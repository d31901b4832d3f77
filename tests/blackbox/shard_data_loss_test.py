# SPDX-License-Identifier: Apache-2.0
"""Masters of ours that keep nothing on the disk, killed and back before anybody has noticed: what
their replicas have, ours or Redis's, is what the cluster goes on with."""
import os
import threading

import pytest

from bus_nodes import all_ok, answers, nodes  # noqa: F401  fixtures
from deadline import SLOWNESS, wait_until
from raw_client import ConnectionClosed, ErrorReply
from shard_failover_test import call_owner, form, info

ROUNDS = int(os.environ.get("SLOTWAY_DATA_LOSS_ROUNDS", "3"))
SETTINGS = ("--repl-diskless-sync-delay", "0", "--save", "")


class ReplicatedWrites(threading.Thread):
    """Writes keys of slot 0; remembers those that its owner says a replica has."""

    def __init__(self, members, name):
        super().__init__()
        self.members, self.name, self.kept = members, name, []
        self._stopping = threading.Event()

    def run(self):
        number = 0
        while not self._stopping.is_set():
            for node in self.members:
                try:
                    with node.client(timeout_s=5) as client:
                        while not self._stopping.is_set():
                            number += 1
                            key = f"{{06S}}:{self.name}:{number}"
                            set_reply, waited = client.pipeline([("SET", key, number), ("WAIT", 1, 200)])
                            if isinstance(set_reply, ErrorReply) or isinstance(waited, ErrorReply):
                                break
                            if waited >= 1:
                                self.kept.append((key, str(number).encode()))
                except (OSError, EOFError, AssertionError, ConnectionClosed):
                    continue

    def stop(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive()


def is_master(node):
    return answers(node) and node.call("ROLE")[0] == b"master"


def follows(node):
    return answers(node) and info(node, "master_link_status") == "up"


def give_back(victim, heir):
    """The node that was killed becomes the master again."""
    wait_until(lambda: follows(victim), 30, "the node that was killed follows")
    wait_until(lambda: victim.call("CLUSTER", "FAILOVER") == "OK" or is_master(victim), 30, "it may take over")
    wait_until(lambda: is_master(victim) and follows(heir), 30, "they have changed places")


@pytest.mark.parametrize("replica_kind", ["ours", "theirs"])
def test_a_master_that_restarts_empty_empties_nobody(nodes, replica_kind):
    members = nodes(*((6, 0) if replica_kind == "ours" else (5, 1)), settings=SETTINGS)
    # The last one is the replica of the first.
    masters, replicas = members[:3], [members[5], members[3], members[4]]
    form(masters, replicas)
    victim, heir = masters[0], replicas[0]
    for round_number in range(ROUNDS):
        writes = [ReplicatedWrites([victim, heir], f"{round_number}:{i}") for i in range(3)]
        for load in writes:
            load.start()
        wait_until(lambda: all(len(load.kept) > 20 for load in writes), 30, "the load is running")
        victim.process.kill()
        victim.start_again()
        wait_until(lambda: all(answers(node) for node in members) and all_ok(members) and is_master(heir), 60,
                   "the replica has taken over")
        for load in writes:
            load.stop()
        kept = [pair for load in writes for pair in load.kept]
        with heir.client() as client:
            found = client.pipeline([("GET", key) for key, _ in kept])
        lost = [key for (key, value), reply in zip(kept, found) if reply != value]
        assert not lost, f"round {round_number}: {len(lost)} of {len(kept)} are lost: {lost[:5]}"
        give_back(victim, heir)


def test_a_cluster_that_comes_back_empty_serves(nodes):
    members = nodes(6, settings=SETTINGS)
    form(members[:3], members[3:])
    assert call_owner(members, "SET", "{06S}", "x") == "OK"
    for node in members:
        node.process.kill()
    for node in members:
        node.start_again()
    wait_until(lambda: all(answers(node) for node in members) and all_ok(members), 30, "all is well")
    assert call_owner(members, "GET", "{06S}") is None
    assert call_owner(members, "SET", "{06S}", "y") == "OK"


def test_an_empty_master_whose_replica_is_gone_serves_in_the_end(nodes):
    members = nodes(4, settings=SETTINGS)
    form(members[:3], members[3:])
    victim, replica = members[0], members[3]
    replica.process.kill()
    victim.process.kill()
    victim.start_again()
    refusals = set()

    def serves():
        try:
            reply = victim.call("SET", "{06S}", "x")
        except (OSError, EOFError):
            return False
        if reply != "OK":
            refusals.add(str(reply).split()[0])
        return reply == "OK"
    wait_until(serves, 30 * SLOWNESS, "it serves what it has")
    assert "LOADING" in refusals
    assert str(victim.call("CONFIG", "GET", "port")[0]) == str(b"port")

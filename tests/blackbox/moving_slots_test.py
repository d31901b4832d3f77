# SPDX-License-Identifier: Apache-2.0
"""A master dies in the middle of a migration: its replica knows of it, and nothing is lost."""
import signal
import socket

import pytest

from bus_nodes import my_id, nodes, view  # noqa: F401  fixtures
from cluster_tool import run_tool
from deadline import wait_until
from raw_client import encode

SLOT, TAG = 0, "{06S}"
KEYS = 40
QUICK = ("--repl-diskless-sync-delay", "0")


@pytest.fixture
def shards(nodes):  # noqa: F811
    """Three masters, and a replica of each in the same order."""
    members = nodes(6, settings=QUICK)
    run_tool("create", *members, "--replicas", 1)
    masters, replicas = members[:3], members[3:]
    for master, replica in zip(masters, replicas):
        assert view(replica)[my_id(replica)][0].startswith("slave")
        assert replica.call("ROLE")[2] == master.port
    return masters, replicas


def marks(node):
    """Slots on the move as the node itself says it."""
    for line in node.call("CLUSTER", "NODES").decode().splitlines():
        if "myself" in line:
            return [part for part in line.split() if part.startswith("[")]
    return []


def fill(master):
    for i in range(KEYS):
        assert master.call("SET", f"{TAG}{i}", f"value:{i}") == "OK"


def open_slot(source, target):
    assert target.call("CLUSTER", "SETSLOT", SLOT, "IMPORTING", my_id(source)) == "OK"
    assert source.call("CLUSTER", "SETSLOT", SLOT, "MIGRATING", my_id(target)) == "OK"


def migrate(source, target, count):
    for i in range(count):
        assert source.call("MIGRATE", "127.0.0.1", target.port, f"{TAG}{i}", 0, 5000) == "OK"


def wait_for_heir(replica):
    wait_until(lambda: replica.call("ROLE")[0] == b"master", 20, "the replica is elected")
    wait_until(lambda: b"cluster_state:ok" in replica.call("CLUSTER", "INFO"), 20, "it serves")


def check_keys(node):
    for i in range(KEYS):
        assert node.call("GET", f"{TAG}{i}") == f"value:{i}".encode()


def test_the_source_dies(shards):
    (source, target, _), (heir, _, _) = shards
    fill(source)
    open_slot(source, target)
    assert marks(heir) == marks(source) == [f"[{SLOT}->-{my_id(target)}]"]
    migrate(source, target, KEYS // 2)
    assert source.call("WAIT", 1, 5000) == 1
    source.process.kill()
    wait_for_heir(heir)
    # Who asks for a key that has left is sent after it, and nobody is told that it does not exist.
    assert str(heir.call("GET", TAG + "0")) == f"ASK {SLOT} 127.0.0.1:{target.port}"
    assert heir.call("GET", f"{TAG}{KEYS - 1}") == f"value:{KEYS - 1}".encode()
    wait_until(lambda: marks(target) == [f"[{SLOT}-<-{my_id(heir)}]"], 20, "the target knows the heir")
    source.start_again()
    wait_until(lambda: source.answers() and source.call("ROLE")[0] == b"slave", 20, "it follows")
    run_tool("converge", target)
    check_keys(target)
    assert marks(heir) == marks(target) == []
    run_tool("check", heir, "--replicas", 1)


def test_the_target_dies(shards):
    (source, target, _), (_, heir, _) = shards
    fill(source)
    open_slot(source, target)
    assert marks(heir) == [f"[{SLOT}-<-{my_id(source)}]"]
    migrate(source, target, KEYS // 2)
    assert target.call("WAIT", 1, 5000) == 1
    target.process.kill()
    wait_for_heir(heir)
    wait_until(lambda: str(source.call("GET", TAG + "0")) == f"ASK {SLOT} 127.0.0.1:{heir.port}", 20,
               "the source sends to the heir")
    with heir.client() as client:
        assert client.call("ASKING") == "OK" and client.call("GET", TAG + "0") == b"value:0"
    target.start_again()
    wait_until(lambda: target.answers() and target.call("ROLE")[0] == b"slave", 20, "it follows")
    run_tool("converge", source)
    check_keys(heir)
    run_tool("check", heir, "--replicas", 1)


def test_a_slot_is_the_new_owners_only_when_its_replica_knows(shards):
    (source, target, other), (_, heir, _) = shards
    open_slot(source, target)
    heir.process.signal(signal.SIGSTOP)
    with target.client(timeout_s=0.4) as client:
        # Less than the node timeout: the replica is still one to count on.
        client.send(encode("CLUSTER", "SETSLOT", SLOT, "NODE", my_id(target)))
        with pytest.raises((socket.timeout, TimeoutError)):
            client.reply()
    with target.client(timeout_s=20) as client:
        client.send(encode("CLUSTER", "SETSLOT", SLOT, "NODE", my_id(target)))
        heir.process.signal(signal.SIGCONT)
        assert client.reply() == "OK"
    target.process.kill()
    wait_for_heir(heir)
    assert heir.call("SET", TAG, "of the heir") == "OK"
    for node in (source, other):
        wait_until(lambda n=node: str(n.call("GET", TAG)) == f"MOVED {SLOT} 127.0.0.1:{heir.port}", 20,
                   "the others know")
    target.start_again()
    wait_until(lambda: target.answers() and target.call("ROLE")[0] == b"slave", 20, "it follows")
    run_tool("converge", source)
    assert heir.call("GET", TAG) == b"of the heir"


def test_a_replica_that_is_gone_is_not_waited_for_for_ever(shards):
    (source, target, _), (_, heir, _) = shards
    heir.process.kill()
    open_slot(source, target)
    assert target.call("CLUSTER", "SETSLOT", SLOT, "NODE", my_id(target)) == "OK"
    assert source.call("CLUSTER", "SETSLOT", SLOT, "NODE", my_id(target)) == "OK"
    assert target.call("SET", TAG, "value") == "OK"

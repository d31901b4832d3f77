# SPDX-License-Identifier: Apache-2.0
"""Nodes of a cluster, ours and Redis's, on one bus: how they start, and what they say of each other.
For tests to import: `from bus_nodes import nodes`."""
import os
import shutil
import tempfile

import pytest

from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from real_cluster import RedisNode
from server_program import ServerProgram, program

NODE_TIMEOUT_MS = int(1000 * SLOWNESS)


class ShardNode(ServerProgram):
    """A slotway-shard in cluster mode that keeps its folder when it is started again. `prefix`:
    what its command begins with, such as a namespace it is to run in."""

    def __init__(self, directory, port, settings=(), host="127.0.0.1", prefix=(),
                 node_timeout_ms=NODE_TIMEOUT_MS):
        os.makedirs(directory, exist_ok=True)
        self.command = [*prefix, program("slotway-shard"), "--port", port, "--bind", host,
                        "--dir", directory, "--cluster-enabled", "yes",
                        "--cluster-node-timeout", node_timeout_ms, *settings]
        super().__init__(self.command, directory, host, port, None)

    def start_again(self):
        super().__init__(self.command, self.directory, self.host, self.port, None)

    def call(self, *arguments):
        with self.client() as client:
            return client.call(*arguments)


@pytest.fixture
def nodes():
    """Makes nodes, ours and theirs; they end with the test."""
    directory, made = tempfile.mkdtemp(prefix="slotway-bus-"), []

    def make(ours, theirs=0, settings=()):
        for i, port in enumerate(free_ports(ours + theirs)):
            folder = os.path.join(directory, str(port))
            if i < ours:
                made.append(ShardNode(folder, port, settings))
            else:
                made.append(RedisNode(folder, port, node_timeout_ms=NODE_TIMEOUT_MS).start())
        for node in made:
            wait_until(lambda node=node: answers(node), 20, f"{node.port} answers")
        return made

    yield make
    for node in made:
        node.stop()
    shutil.rmtree(directory, ignore_errors=True)


def answers(node):
    try:
        return node.call("PING") == "PONG"
    except (OSError, EOFError, AssertionError):
        return False


def info(node):
    return dict(line.split(":", 1) for line in node.call("CLUSTER", "INFO").decode().split("\r\n") if ":" in line)


def view(node):
    """{node id: (flags without myself, config epoch, slots)} as this node sees it."""
    rows = {}
    for line in node.call("CLUSTER", "NODES").decode().splitlines():
        node_id, _, flags, _, _, _, epoch, _, *slots = line.split()
        rows[node_id] = (flags.replace("myself,", ""), int(epoch), tuple(slots))
    return rows


def agree(nodes):
    views = [view(node) for node in nodes]
    return views[0] if all(other == views[0] for other in views) and len(views[0]) == len(nodes) else None


def all_ok(nodes):
    return all(info(node)["cluster_state"] == "ok" for node in nodes) and agree(nodes)


def my_id(node):
    return node.call("CLUSTER", "MYID").decode()


def flags_of(seen_by, node_id):
    return view(seen_by)[node_id][0]


def form(nodes):
    """All slots, evenly, and one cluster."""
    give_slots(nodes)
    for other in nodes[1:]:
        nodes[0].call("CLUSTER", "MEET", "127.0.0.1", other.port)
    wait_until(lambda: all_ok(nodes), 30, "the cluster is formed")


def give_slots(nodes):
    for i, node in enumerate(nodes):
        first, last = 16384 * i // len(nodes), 16384 * (i + 1) // len(nodes) - 1
        assert node.call("CLUSTER", "ADDSLOTSRANGE", first, last) == "OK"

# SPDX-License-Identifier: Apache-2.0
"""Three masters with a replica each, every one in a pod of its own, and the proxy in another."""
import os
import shutil
import tempfile

from bus_nodes import ShardNode
from deadline import wait_until
from pod_network import PodNetwork
from proxy_process import ProxyProcess
from real_cluster import RedisNode, redis_cli

SHARDS = 3
PORT = 6379
PROXY_POD = 2 * SHARDS


class PodCluster:
    """kind: "slotway" or "redis". node_timeout_ms: None for the kind's own default."""

    def __init__(self, kind, node_timeout_ms=None):
        self.kind = kind
        self.directory = tempfile.mkdtemp(prefix="slotway-failover-")
        self.nodes, self.proxy = [], None
        self.network = PodNetwork(PROXY_POD + 1, {})
        try:
            self.network.enter()
            for number in range(2 * SHARDS):
                self.nodes.append(self._start(number, node_timeout_ms))
            self._form()
            seeds = [f"{node.host}:{PORT}" for node in self.nodes]
            self.proxy = ProxyProcess(seeds, address=self.network.pod_addresses[PROXY_POD],
                                      port=PORT, prefix=self.network.in_pod(PROXY_POD))
        except BaseException:
            self.stop()
            raise

    def _start(self, number, node_timeout_ms):
        folder = os.path.join(self.directory, str(number))
        host, prefix = self.network.pod_addresses[number], self.network.in_pod(number)
        if self.kind == "redis":
            return RedisNode(folder, PORT, node_timeout_ms=node_timeout_ms or 15000, host=host,
                             prefix=prefix, settings={"repl-diskless-sync-delay": 0}).start()
        return ShardNode(folder, PORT, ("--repl-diskless-sync-delay", 0, "--protected-mode", "no"), host, prefix,
                         node_timeout_ms or 2000)

    def _form(self):
        wait_until(lambda: all(answers(node) for node in self.nodes), 30, "all nodes answer")
        output = redis_cli(PORT, "--cluster", "create", *(f"{node.host}:{PORT}" for node in self.nodes),
                           "--cluster-replicas", 1, "--cluster-yes", host=self.nodes[0].host)
        assert "[OK] All 16384 slots covered" in output, output
        self.wait_until_whole()

    def is_whole(self):
        """Everybody serves, and each master's replica has its data and is known to all."""
        replicas = 0
        for node in self.nodes:
            if b"cluster_state:ok" not in node.call("CLUSTER", "INFO"):
                return False
            rows = node.call("CLUSTER", "NODES").decode().splitlines()
            if sum("fail" in row.split()[2] for row in rows):
                return False
            role = node.call("ROLE")
            if role[0] == b"slave":
                replicas += 1
                if role[3] != b"connected":
                    return False
            elif len(role[2]) != 1:
                return False
        return replicas == SHARDS

    def wait_until_whole(self):
        def holds():
            try:
                return self.is_whole()
            except (OSError, EOFError, AttributeError, TypeError):
                return False
        wait_until(holds, 90, "the cluster is whole")

    def master_of(self, key):
        """The number of the node that serves this key."""
        for number, node in enumerate(self.nodes):
            if b"master" == node.call("ROLE")[0] and not str(node.call("GET", key)).startswith("MOVED"):
                return number
        raise AssertionError(f"nobody serves {key}")

    def start_again(self, number):
        node = self.nodes[number]
        if self.kind == "redis":
            node.start()
        else:
            node.start_again()
        wait_until(lambda: answers(node), 30, "the node answers again")

    def stop(self):
        if self.proxy is not None:
            self.proxy.stop()
        for node in self.nodes:
            try:
                node.stop()
            except AssertionError:
                pass  # it was killed
        self.network.delete()
        shutil.rmtree(self.directory, ignore_errors=True)


def answers(node):
    try:
        return node.call("PING") == "PONG"
    except (OSError, EOFError, AssertionError):
        return False

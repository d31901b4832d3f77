# SPDX-License-Identifier: Apache-2.0
"""The documented way from a cluster of redis-servers into ours (docs/operations.md), in network namespaces."""
import os
import shutil

import pytest

from deadline import wait_until
from lab_test import Load, wait_until_whole
from pod_lab import PASSWORDS, PROXIES, SHARDS, Lab
from pod_network import why_impossible
from real_cluster import RedisNode, redis_cli

_why = why_impossible()
pytestmark = [pytest.mark.skipif(_why is not None, reason=str(_why)),
              pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare (util-linux)")]


class OldCluster:
    """Three masters of redis-server, in pods of their own, and a name that stands for all."""

    NAME = "old-headless"

    def __init__(self, lab):
        self.lab, self.rooms, self.nodes = lab, [lab._rooms.pop() for _ in range(3)], []
        password = PASSWORDS["shard-password"]
        for room in self.rooms:
            node = RedisNode(os.path.join(lab.folder, f"old-{room}"), 6379, password,
                             host=lab.network.pod_addresses[room], prefix=lab.network.in_pod(room),
                             settings={"repl-diskless-sync-delay": 0})
            self.nodes.append(node.start())
        places = [f"{node.host}:6379" for node in self.nodes]
        wait_until(lambda: all("PONG" in self.cli(node, "ping") for node in self.nodes), 20, "they answer")
        output = self.cli(self.nodes[0], "--cluster", "create", *places, "--cluster-yes")
        assert "[OK] All 16384 slots covered" in output, output
        wait_until(lambda: all("cluster_state:ok" in self.cli(node, "cluster", "info") for node in self.nodes),
                   30, "the old cluster is ok")

    @staticmethod
    def cli(node, *arguments):
        return redis_cli(6379, *arguments, password=PASSWORDS["shard-password"], host=node.host, timeout_s=30)

    def addresses(self):
        return [node.host for node in self.nodes]

    def stop(self):
        for node in self.nodes:
            node.stop()


@pytest.fixture
def lab():
    lab = Lab()
    try:
        yield lab
    finally:
        lab.end()


def test_shards_join_take_over_and_send_the_old_nodes_away(lab):
    old = OldCluster(lab)
    try:
        names = lab._publish
        lab._publish = lambda: (names(), lab.names.records.update({OldCluster.NAME: old.addresses()}))
        # What the chart writes with cluster.joins=old-headless:6379, shardPassword=..., without a keeper yet.
        settings = lab.documents["ConfigMap", SHARDS]["data"]
        ours = settings["shard.conf"]
        settings["shard.conf"] = ours.replace("cluster-peers slotway-headless:6379",
                                              f"cluster-peers {OldCluster.NAME}:6379").replace(
            "cluster-replicas 1", "cluster-replicas 5")
        for ordinal in range(6):
            lab.start_shard(ordinal)
        for number in range(2):
            lab.start_proxy(number)
        lab.wait_until_ready(60)  # each shard has a link to an old master, and the proxies serve the old cluster
        with Load(lab) as load:
            wait_until(lambda: load.requests > 500, 30, "clients are served by the old cluster")
            keeper = lab.documents["Deployment", "slotway-keeper"]["spec"]["template"]["spec"]["containers"][0]
            keeper["args"].append("--others-leave")
            lab.start_keeper()
            wait_until_whole(lab, 6)
            served = load.requests
            wait_until(lambda: load.requests > served + 500, 30, "clients are served by the new shards")
        assert all("cluster_known_nodes:1" in OldCluster.cli(node, "cluster", "info") for node in old.nodes)
        assert all(OldCluster.cli(node, "dbsize").strip() == "0" for node in old.nodes)
    finally:
        old.stop()
    # And from then on by their own name.
    settings["shard.conf"] = ours
    with Load(lab):
        for ordinal in reversed(range(6)):
            lab.restart(f"{SHARDS}-{ordinal}")
            lab.wait_until_ready(60, SHARDS, PROXIES)
    wait_until_whole(lab, 6)

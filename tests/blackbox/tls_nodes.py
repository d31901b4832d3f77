# SPDX-License-Identifier: Apache-2.0
"""Servers that speak TLS only, ours and Debian's redis-server, alone or as a cluster."""
import os
import tempfile

from deadline import wait_until
from free_ports import free_port
from raw_client import ConnectionClosed
from real_cluster import REDIS_SERVER
from server_program import ServerProgram, program
from tls_files import tls_client

PROGRAMS = {"redis": [REDIS_SERVER], "slotway": [program("slotway-shard")]}


class TlsNode(ServerProgram):
    """`files` has the authority `ca`, and what it issued: `server` and, for clients, `client`.
    `options` override."""

    def __init__(self, kind, files, is_cluster=False, **options):
        directory, host, port = tempfile.mkdtemp(prefix="slotway-tls-node-"), "127.0.0.1", free_port()
        self.kind, self.files = kind, files
        settings = {
            "port": 0, "tls-port": port, "bind": host, "dir": directory, "save": "",
            "tls-cert-file": files.server.path, "tls-key-file": files.server.key,
            "tls-ca-cert-file": files.ca.path, "tls-replication": "yes"}
        if is_cluster:
            settings.update({"cluster-enabled": "yes", "tls-cluster": "yes",
                             "cluster-node-timeout": 3000})
        if kind == "redis":
            settings["repl-diskless-sync-delay"] = 0
        settings.update({name.replace("_", "-"): value for name, value in options.items()})
        command = list(PROGRAMS[kind])
        for name, value in settings.items():
            if value is not None:
                command += [f"--{name}", str(value)]
        super().__init__(command, directory, host, port, None)
        try:
            self.wait_until_it(self.answers, 20, f"{kind} answers over TLS")
        except BaseException:
            self.stop()
            raise

    def client(self, **options):
        return tls_client(self.port, self.files.ca.context(self.files.client), **options)

    def answers(self):
        try:
            return super().answers()
        except (ConnectionClosed, OSError):
            return False


def form_cluster(nodes, masters):
    """The first ones share the slots, the others copy them in turn."""
    share = -(-16384 // masters)
    for i, node in enumerate(nodes[:masters]):
        assert node.call("CLUSTER", "ADDSLOTSRANGE", i * share,
                         min((i + 1) * share, 16384) - 1) == "OK"
        assert node.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1) == "OK"
    for node in nodes[1:]:
        assert nodes[0].call("CLUSTER", "MEET", node.host, node.port) == "OK"

    def knows_all(node):
        return f"cluster_known_nodes:{len(nodes)}" in node.call("CLUSTER", "INFO").decode()
    wait_until(lambda: all(knows_all(node) for node in nodes), 30, "all know each other")
    for i, node in enumerate(nodes[masters:]):
        master = nodes[i % masters].call("CLUSTER", "MYID")
        wait_until(lambda node=node, master=master:
                   node.call("CLUSTER", "REPLICATE", master) == "OK", 10, "it replicates")

    def is_ok(node):
        role = node.call("ROLE")
        return ("cluster_state:ok" in node.call("CLUSTER", "INFO").decode()
                and (role[0] == b"master" or role[3] == b"connected"))
    wait_until(lambda: all(is_ok(node) for node in nodes), 30, "the cluster is ok")

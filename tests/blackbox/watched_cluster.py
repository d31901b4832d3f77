# SPDX-License-Identifier: Apache-2.0
"""Three masters with a replica each, which may be killed, and a proxy: for those that watch them."""
import os
import shutil
import tempfile

from bus_nodes import ShardNode, all_ok, answers, give_slots, my_id
from deadline import wait_until
from free_ports import free_ports
from proxy_process import ProxyProcess

MASTERS, REPLICAS = 3, 3


class WatchedCluster:
    """The masters are the first of `shards`. `password`, `settings` and the `certificate` of a second listener,
    if there is to be one, are the proxy's."""

    def __init__(self, password=None, settings=None, shards_have_metrics=False, certificate=None):
        self.directory = tempfile.mkdtemp(prefix="slotway-watched-")
        self.shards, self.proxy = [], None
        self._password, self._settings, self._certificate = password, settings, certificate
        self._shards_have_metrics = shards_have_metrics
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        ports = free_ports(MASTERS + REPLICAS)
        for port, admin_port in zip(ports, free_ports(MASTERS + REPLICAS)):
            settings = ["--maxmemory", "256mb", "--repl-diskless-sync-delay", "0"]
            if self._shards_have_metrics:
                settings += ["--admin-port", admin_port]
            self.shards.append(ShardNode(os.path.join(self.directory, str(port)), port, settings))
            self.shards[-1].admin_port = admin_port
        for shard in self.shards:
            wait_until(lambda shard=shard: answers(shard), 20, "a shard answers")
        give_slots(self.shards[:MASTERS])
        for other in self.shards[1:]:
            self.shards[0].call("CLUSTER", "MEET", "127.0.0.1", other.port)
        for replica, master in zip(self.shards[MASTERS:], self.shards):
            wait_until(lambda r=replica, m=master: r.call("CLUSTER", "REPLICATE", my_id(m)) == "OK",
                       20, "a replica knows its master")
        wait_until(lambda: all_ok(self.shards), 30, "the cluster is formed")
        port, tls_port = free_ports(2)
        settings = dict(self._settings or {})
        if self._certificate:
            settings["listeners"] = [{"address": "127.0.0.1", "port": port}, {
                "address": "127.0.0.1", "port": tls_port,
                "tls": {"enabled": True, **self._certificate.setting()}}]
        self.proxy = ProxyProcess([f"127.0.0.1:{ports[0]}"], password=self._password, settings=settings,
                                  port=port)

    def stop(self):
        for process in (self.proxy, *self.shards):
            if process is not None:
                process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

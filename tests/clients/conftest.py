# SPDX-License-Identifier: Apache-2.0
"""Fixtures: what the clients connect to. The helpers are those of the black-box tests."""
import os
import sys

import pytest

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "blackbox"))

from free_ports import free_ports
from proxy_process import ProxyProcess
from real_cluster import RealCluster
from shard_cluster import LocalCluster

GROUPS = ("clients", "registry", "java", "browser", "console")


def pytest_configure(config):
    for group in GROUPS:
        config.addinivalue_line("markers", f"{group}: what ./test.sh {group} runs")


class Face:
    """One listener of a proxy."""

    def __init__(self, proxy, port):
        self.proxy = proxy
        self.host, self.port, self.password = proxy.host, port, proxy.password

    def log_tail(self):
        return self.proxy.process.log_tail(40)


@pytest.fixture(scope="session")
def faces_of_redis():
    """{face: listener} of a proxy over three masters made of redis-server."""
    cluster = RealCluster(masters=3, password="backend-secret")
    ports = dict(zip(("cluster", "standalone"), free_ports(2)))
    listeners = [{"address": "127.0.0.1", "port": port, "face": face}
                 for face, port in ports.items()]
    # A person at a console renames keys, whatever their slots.
    settings = {"listeners": listeners, "routing": {"cross_slot": "all"}}
    proxy = None
    try:
        proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                             settings=settings)
        yield {face: Face(proxy, port) for face, port in ports.items()}
    finally:
        if proxy is not None:
            proxy.stop()
        cluster.stop()


@pytest.fixture(scope="session")
def local_cluster():
    """Our own shards behind a proxy, as `slotway local` starts them."""
    local = LocalCluster(shards=3, replicas=0)
    yield Face(local, local.port)
    local.stop()

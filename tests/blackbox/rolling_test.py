# SPDX-License-Identifier: Apache-2.0
"""Proxies are replaced one by one while plain redis-py is busy with them: no client sees an error."""
import signal

import pytest
import redis

from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from proxy_process import PASSWORD, ProxyProcess
from rolling_clients import BusyClient, Pipelining, RollingLoad, Service, Transacting
from tls_files import Authority

GRACE_MS = int(1000 * SLOWNESS)


class Deployment:
    """Proxies behind a Service, which sends nobody to one that ends, soon after that has begun."""

    def __init__(self, cluster, certificate=None):
        self._cluster, self._certificate = cluster, certificate
        self.service, self.proxies = Service(PASSWORD), []
        for _ in range(2):
            self._add()
        self._route(self.proxies)

    def _add(self):
        port, tls_port = free_ports(2)
        listeners = [{"address": "127.0.0.1", "port": port}]
        if self._certificate:
            listeners.append({"address": "127.0.0.1", "port": tls_port,
                              "tls": {"enabled": True, **self._certificate.setting()}})
        self.proxies.append(ProxyProcess(
            self._cluster.seeds(), backend_password=self._cluster.password, port=port,
            settings={"shutdown_grace_ms": GRACE_MS, "listeners": listeners}))

    def _route(self, proxies):
        self.service.route_to([(proxy.host, proxy.config["listeners"][-1]["port"]) for proxy in proxies])

    def replace_one(self):
        self._add()
        old = self.proxies[0]
        self._route(self.proxies)
        old.process.signal(signal.SIGTERM)
        wait_until(lambda: "not ready any more" in old.process.log(), 10, "it is about to end")
        self._route(self.proxies[1:])
        assert old.process.wait() == 0
        self.proxies.pop(0).stop()

    def stop(self):
        for proxy in self.proxies:
            proxy.stop()


def roll(deployment, times, **options):
    with RollingLoad(deployment.service, **options) as load:
        for _ in range(times):
            before = load.requests
            deployment.replace_one()
            wait_until(lambda: load.requests > before + 100, 20, "clients go on")
            load.assert_no_error()
    return load


@pytest.fixture
def deploy(cluster):
    deployments = []

    def one(**options):
        deployments.append(Deployment(cluster, **options))
        return deployments[-1]
    yield one
    for deployment in deployments:
        deployment.stop()


def test_ten_restarts_of_proxies_and_twenty_busy_clients(deploy):
    assert roll(deploy(), 10).undone == 0


def test_with_tls(deploy, tmp_path):
    authority = Authority(str(tmp_path / "tls"))
    load = roll(deploy(certificate=authority.issue("server")), 3,
                kinds=[BusyClient] * 6 + [Pipelining, Transacting], connection_class=redis.SSLConnection,
                ssl_ca_certs=authority.path, ssl_check_hostname=False)
    assert load.undone == 0

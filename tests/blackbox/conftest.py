# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the proxy over each kind of cluster, and a redis-server as the oracle."""
import os

import pytest

from proxy_process import ProxyProcess, program
from real_cluster import RealCluster, RealRedis
from shard_cluster import LocalCluster

BACKEND_PASSWORD = "backend-secret"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of the proxy it used."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for name in ("proxy", "any_proxy"):
        proxy = getattr(item, "funcargs", {}).get(name)
        if proxy is not None and os.path.exists(proxy.process.log_path):
            report.sections.append(("log of the proxy", proxy.process.log_tail(40)))


def pytest_configure():
    if not os.path.exists(program("slotway")):
        raise pytest.UsageError(f"{program('slotway')} is not there: build it, or set "
                                "SLOTWAY_BIN_DIR to the folder of another build")


@pytest.fixture(scope="module")
def cluster():
    """Three masters made of redis-server."""
    cluster = RealCluster(masters=3, password=BACKEND_PASSWORD)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    """The proxy in front of `cluster`."""
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def local_cluster():
    local = LocalCluster(shards=3, replicas=0)
    yield local
    local.stop()


@pytest.fixture(scope="module", params=["redis", "slotway"])
def any_proxy(request):
    """The proxy over a real cluster, then over our own shards."""
    if request.param == "redis":
        return request.getfixturevalue("proxy")
    return request.getfixturevalue("local_cluster")


@pytest.fixture(scope="module")
def oracle():
    """A plain redis-server: what it answers is right."""
    redis = RealRedis()
    yield redis
    redis.stop()

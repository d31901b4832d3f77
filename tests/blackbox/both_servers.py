# SPDX-License-Identifier: Apache-2.0
"""One server without a cluster: slotway-shard, and a redis-server that holds the test's expectations
against itself. For tests to import: `from both_servers import clients, server`."""
import pytest

from real_cluster import RealRedis
from shard_process import ShardProcess


@pytest.fixture(scope="module", params=["slotway-shard", "redis-server"])
def server(request):
    if request.param == "redis-server":
        running = RealRedis()
    else:
        running = ShardProcess(password=None)
    running.name = request.param
    yield running
    running.stop()


@pytest.fixture
def clients(server):
    """Makes clients that are closed in the end; the keys go before."""
    made = []

    def make(**options):
        made.append(server.client(**options))
        return made[-1]
    make().call("FLUSHALL")
    yield make
    for client in made:
        client.close()

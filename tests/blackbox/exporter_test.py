# SPDX-License-Identifier: Apache-2.0
"""Debian's redis_exporter against the proxy, as it is."""
import http.client
import shutil
import tempfile

import pytest

from child_process import ChildProcess
from deadline import wait_until
from free_ports import free_port
from metrics_document import total

EXPORTER = shutil.which("prometheus-redis-exporter")
pytestmark = pytest.mark.skipif(
    EXPORTER is None, reason="prometheus-redis-exporter (a package of Debian) is not installed")


def scrape(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


@pytest.fixture
def scraped(any_proxy):
    port = free_port()
    with any_proxy.client() as client:
        client.call("FLUSHALL")
        client.pipeline([("SET", f"k{i}", "v") for i in range(500)] + [("EXPIRE", "k1", 1000)])
        client.call("CONFIG", "SET", "slowlog-log-slower-than", "0")
        client.call("GET", "k1")
    command = [EXPORTER, "-redis.addr", f"redis://127.0.0.1:{any_proxy.port}",
               "-web.listen-address", f"127.0.0.1:{port}"]
    if any_proxy.password:
        command += ["-redis.password", any_proxy.password]
    exporter = ChildProcess(command, tempfile.mktemp(prefix="exporter-"))
    try:
        wait_until(lambda: "redis_up 1" in scrape(port), 30, "redis_exporter scrapes the proxy")
        yield scrape(port)
    finally:
        exporter.stop()
        with any_proxy.client() as client:
            client.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")


def test_the_exporter_works(scraped):
    assert total(scraped, "redis_up") == 1
    assert total(scraped, "redis_exporter_last_scrape_error") == 0
    assert total(scraped, "redis_db_keys", 'db="db0"') == 500
    assert total(scraped, "redis_db_keys_expiring", 'db="db0"') == 1
    assert total(scraped, "redis_memory_used_bytes") > 1_000_000
    assert total(scraped, "redis_connected_clients") >= 1
    assert total(scraped, "redis_commands_total", 'cmd="set"') >= 500
    assert total(scraped, "redis_commands_duration_seconds_total", 'cmd="set"') > 0
    assert total(scraped, "redis_slowlog_length") > 0
    assert total(scraped, "redis_instance_info", 'redis_mode="cluster"') == 1
    assert total(scraped, "redis_cluster_enabled") == 1

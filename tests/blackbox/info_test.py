# SPDX-License-Identifier: Apache-2.0
"""INFO through the proxy: one answer for all shards, as tools read it."""
import signal
import time

import pytest
import redis

from deadline import SLOWNESS
from proxy_process import PASSWORD, ProxyProcess
from real_cluster import RealCluster, redis_cli

SECTIONS = ("Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU",
            "Errorstats", "Cluster", "Keyspace")


def parse(reply):
    """{section: {field: value}}"""
    text = reply if isinstance(reply, str) else reply.decode()
    sections, fields = {}, {}
    for line in text.split("\r\n"):
        if line.startswith("# "):
            fields = sections.setdefault(line[2:], {})
        elif line:
            name, value = line.split(":", 1)
            assert name not in fields, f"{name} stands twice"
            fields[name] = value
    return sections


@pytest.fixture(scope="module")
def filled(cluster, proxy):
    """(client, masters), with 300 keys, 100 of them with a time to live."""
    with proxy.client() as client:
        client.call("FLUSHALL")
        client.call("CONFIG", "RESETSTAT")
        client.pipeline([("SET", f"info:{i}", "x" * 100) for i in range(300)])
        client.pipeline([("EXPIRE", f"info:{i}", 1000) for i in range(100)])
        client.pipeline([("GET", f"info:{i}") for i in range(400)])
        client.call("LPUSH", "info:1", "wrong")
        yield client, cluster.nodes


def test_sections(filled):
    client, _ = filled
    default = parse(client.call("INFO"))
    for section in SECTIONS:
        assert section in default, section
    assert "Commandstats" not in default
    everything = parse(client.call("INFO", "everything"))
    assert {"Commandstats", "Latencystats", "Modules"} <= set(everything)
    assert set(parse(client.call("INFO", "memory"))) == {"Memory"}
    assert set(parse(client.call("INFO", "MEMORY", "keyspace"))) == {"Memory", "Keyspace"}
    assert set(parse(client.call("INFO", "commandstats"))) == {"Commandstats"}
    assert client.call("INFO", "nosuch") in (b"", "")


def test_figures_are_the_shards_together(filled):
    client, masters = filled
    of_masters = [parse(master.call("INFO", "everything")) for master in masters]
    merged = parse(client.call("INFO", "everything"))
    assert sum(len(info["Keyspace"]) for info in of_masters) == 3
    database = dict(pair.split("=") for pair in merged["Keyspace"]["db0"].split(","))
    assert (database["keys"], database["expires"]) == ("300", "100")
    assert 0 <= int(database["avg_ttl"]) <= 1_000_000

    def total(section, field):
        return sum(int(info[section][field]) for info in of_masters)
    stats = merged["Stats"]
    assert int(stats["keyspace_hits"]) == total("Stats", "keyspace_hits") >= 300
    assert int(stats["keyspace_misses"]) == total("Stats", "keyspace_misses") == 100
    assert int(stats["total_commands_processed"]) >= total("Stats", "total_commands_processed")
    memory = merged["Memory"]
    assert abs(int(memory["used_memory"]) - total("Memory", "used_memory")) < 2_000_000
    assert memory["used_memory_human"].endswith("M")
    assert float(memory["used_memory_human"][:-1]) == pytest.approx(
        int(memory["used_memory"]) / 2**20, abs=0.01)
    assert float(memory["mem_fragmentation_ratio"]) == pytest.approx(
        int(memory["used_memory_rss"]) / int(memory["used_memory"]), abs=0.01)
    assert memory["used_memory_peak_perc"].endswith("%")
    sets = dict(pair.split("=") for pair in merged["Commandstats"]["cmdstat_set"].split(","))
    assert sets["calls"] == "300"
    assert float(sets["usec_per_call"]) == pytest.approx(int(sets["usec"]) / 300, abs=0.01)
    assert merged["Errorstats"]["errorstat_WRONGTYPE"] == "count=1"
    assert merged["Latencystats"]["latency_percentiles_usec_set"].startswith("p50=")


def test_the_proxys_own(filled, proxy):
    client, _ = filled
    info = parse(client.call("INFO"))
    server = info["Server"]
    assert server["redis_version"].startswith("7.2")
    assert server["redis_mode"] == "cluster" and info["Cluster"]["cluster_enabled"] == "1"
    assert int(server["tcp_port"]) == proxy.port
    assert int(server["process_id"]) == proxy.process.pid
    assert info["Replication"]["role"] == "master"
    assert info["Replication"]["connected_slaves"] == "0"
    with proxy.client() as another:
        another.call("PING")
        assert int(parse(client.call("INFO", "clients"))["Clients"]["connected_clients"]) >= 2


def test_what_tools_read(filled, proxy):
    text = redis_cli(proxy.port, "INFO", password=PASSWORD)
    assert "redis_version:" in text
    with redis.Redis(port=proxy.port, password=PASSWORD) as client:
        info = client.info()
        assert info["db0"]["keys"] == 300
        assert info["loading"] == 0 and info["role"] == "master"
        assert client.info("commandstats")["cmdstat_get"]["calls"] >= 400


def test_in_resp3_it_is_a_verbatim_text(proxy):
    with proxy.client(protocol=3) as client:
        assert client.raw_call("INFO", "cluster").startswith(b"=")


def test_info_behind_a_reply_that_was_not_wanted(proxy):
    with proxy.client() as client:
        client.send(b"CLIENT REPLY SKIP\r\nINFO\r\nPING\r\n")
        assert client.reply() == "PONG"


def test_dead_and_hung_shards_do_not_fail_it():
    cluster = RealCluster(masters=3, password="backend-secret", node_timeout_ms=60_000)
    try:
        proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                             settings={"routing": {"info_wait_ms": "300ms"}})
        try:
            with proxy.client() as client:
                cluster.nodes[0].process.signal(signal.SIGSTOP)
                for _ in range(3):
                    began = time.monotonic()
                    info = parse(client.call("INFO"))
                    assert time.monotonic() - began < 2 * SLOWNESS
                    assert info["Server"]["redis_version"] and "used_memory" in info["Memory"]
                cluster.nodes[0].process.signal(signal.SIGCONT)
                for node in cluster.nodes:
                    node.kill()
                began = time.monotonic()
                info = parse(client.call("INFO"))
                assert time.monotonic() - began < 2 * SLOWNESS
                assert info["Server"]["redis_version"] and "Memory" not in info
        finally:
            proxy.stop()
    finally:
        cluster.stop()

# SPDX-License-Identifier: Apache-2.0
"""What Prometheus sees of the proxy and of a shard, and that docs/metrics.md says all of it."""
import os
import re
import shutil
import subprocess

import pytest

from deadline import wait_until
from free_ports import free_port
from metrics_document import document, families, total
from proxy_process import ProxyProcess, admin_status, admin_text
from real_cluster import RealCluster
from shard_process import ShardProcess

DOCUMENT = os.path.join(os.path.dirname(__file__), "../../docs/metrics.md")


@pytest.fixture(scope="module")
def cluster():
    cluster = RealCluster(masters=3)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    proxy = ProxyProcess(cluster.seeds(), password=None, settings={
        "auth": {"users": ["default on nopass +@all ~* &*", "reader on >p +@read ~mine:*"]}})
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def shard():
    admin_port = free_port()
    shard = ShardProcess(options=["--admin-port", admin_port])
    shard.admin_port = admin_port
    yield shard
    shard.stop()


def of(server):
    return admin_text(server.admin_port, "/metrics")


def test_every_metric_is_documented(proxy, shard):
    with proxy.client() as client:
        client.call("SET", "k", "v")
    written = document(of(proxy), of(shard))
    if "SLOTWAY_WRITE_DOCUMENTS" in os.environ:
        with open(DOCUMENT, "w", encoding="ascii") as file:
            file.write(written)
    with open(DOCUMENT, encoding="ascii") as file:
        assert file.read() == written, "docs/metrics.md is old: SLOTWAY_WRITE_DOCUMENTS=1 writes it"


def test_names_follow_the_conventions_of_prometheus(proxy, shard):
    for server, prefix in ((proxy, "slotway_"), (shard, "slotway_shard_")):
        for family in families(of(server)).values():
            assert family.name.startswith((prefix, "process_")), family.name
            assert family.name.endswith("_total") == (family.kind == "counter"), family.name
            assert not re.search("_(ms|us|mb|kb)(_|$)", family.name), family.name
            if family.kind == "histogram":
                assert family.name.endswith("_seconds"), family.name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (package prometheus) is not installed")
def test_promtool_has_no_complaint(proxy, shard):
    for server in (proxy, shard):
        done = subprocess.run(["promtool", "check", "metrics"], input=of(server).encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
        assert (done.returncode, done.stdout.decode()) == (0, "")


def test_the_two_have_parallel_names(proxy, shard):
    of_proxy, of_shard = families(of(proxy)), families(of(shard))
    for name in ("request_duration_seconds", "requests_total", "error_replies_total",
                 "refused_requests_total", "failed_logins_total", "denied_keys_total", "clients",
                 "clients_accepted_total", "clients_rejected_total", "client_received_bytes_total",
                 "client_sent_bytes_total", "blocked_clients", "postponed_clients", "uptime_seconds"):
        ours, theirs = of_proxy["slotway_" + name], of_shard["slotway_shard_" + name]
        assert (ours.kind, ours.labels) == (theirs.kind, theirs.labels), name


def test_requests_are_counted_by_family_and_node(proxy, cluster):
    before = of(proxy)
    with proxy.client() as client:
        client.pipeline([("SET", f"k{i}", "v") for i in range(300)])
        client.pipeline([("HSET", f"h{i}", "f", "v") for i in range(30)])
        client.call("MGET", *[f"k{i}" for i in range(100)])
    after = of(proxy)

    def grown(name, label=""):
        return total(after, name, label) - total(before, name, label)
    count = "slotway_request_duration_seconds_count"
    assert grown(count, 'family="hash"') == 30
    assert grown(count, 'family="string"') > 300
    assert grown("slotway_request_duration_seconds_bucket", 'le="+Inf"') == grown(count)
    assert grown("slotway_backend_request_duration_seconds_count") == grown(count)
    for node in cluster.nodes:
        label = f'node="127.0.0.1:{node.port}"'
        assert grown("slotway_backend_request_duration_seconds_count", label) > 50
        assert grown("slotway_backend_sent_bytes_total", label) > 1000
        assert grown("slotway_backend_received_bytes_total", label) > 200
        wait_until(lambda label=label: total(of(proxy), "slotway_backend_connections", label) >= 1, 5,
                   "the node's connections are counted, four times a second")
    seconds = grown("slotway_request_duration_seconds_sum") / grown(count)
    assert 0 < seconds < 5


def test_errors_are_counted_by_their_first_word(proxy):
    before = of(proxy)
    with proxy.client() as client:
        client.call("SET", "text", "v")
        client.pipeline([("LPUSH", "text", "v")] * 7 + [("NOPE",)] * 3 + [("GET",)])
        assert client.call("AUTH", "reader", "p") == "OK"
        client.pipeline([("GET", "others"), ("SET", "mine:k", "v")])
    after = of(proxy)
    for code, count in (("WRONGTYPE", 7), ("ERR", 4), ("NOPERM", 2)):
        label, name = f'code="{code}"', "slotway_error_replies_total"
        assert total(after, name, label) - total(before, name, label) == count, code
    for name in ("slotway_denied_keys_total", "slotway_denied_commands_total"):
        assert total(after, name) - total(before, name) == 1


def test_a_shard_tells_of_itself(shard):
    with shard.client() as client:
        client.call("FLUSHALL")
        client.pipeline([("SET", f"k{i}", "v") for i in range(100)] + [("EXPIRE", "k1", 100)])
        client.call("LPUSH", "k1", "v")
        client.call("GET", "nope")
        text = of(shard)
        assert total(text, "slotway_shard_keys") == 100
        assert total(text, "slotway_shard_keys_with_expiry") == 1
        assert total(text, "slotway_shard_clients") == 1
        assert total(text, "slotway_shard_error_replies_total", 'code="WRONGTYPE"') == 1
        assert total(text, "slotway_shard_keyspace_misses_total") == 1
        assert total(text, "slotway_shard_request_duration_seconds_count", 'family="string"') > 0
        assert total(text, "slotway_shard_memory_used_bytes") > 100_000
        assert total(text, "slotway_shard_is_master") == 1
    assert admin_status(shard.admin_port, "/readyz") == 200
    assert admin_status(shard.admin_port, "/healthz") == 200
    assert admin_status(shard.admin_port, "/nope") == 404


def test_a_shard_has_no_admin_port_unless_it_is_told_to():
    shard = ShardProcess(options=["--admin-port", "0"])
    try:
        with shard.client() as client:
            assert client.call("CONFIG", "GET", "admin-port") == [b"admin-port", b"0"]
            assert client.call("CONFIG", "SET", "admin-port", "1").startswith("ERR CONFIG SET failed")
    finally:
        shard.stop()


def test_the_series_of_a_node_that_leaves_end():
    cluster = RealCluster(masters=3)
    proxy = None
    try:
        proxy = ProxyProcess(cluster.seeds()[:1], password=None)
        leaver = cluster.nodes[2]
        label = f'node="127.0.0.1:{leaver.port}"'
        assert label in of(proxy)
        target = cluster.nodes[0].call("CLUSTER", "MYID").decode()
        for first, last in slots_of(leaver):
            for slot in range(first, last + 1):
                for node in cluster.nodes:
                    node.call("CLUSTER", "SETSLOT", slot, "NODE", target)
        name = leaver.call("CLUSTER", "MYID").decode()
        leaver.stop()
        for node in cluster.nodes[:2]:
            node.call("CLUSTER", "FORGET", name)
        wait_until(lambda: label not in of(proxy), 30, "the node's series end")
    finally:
        if proxy is not None:
            proxy.stop()
        cluster.stop()


def slots_of(node):
    ranges = node.call("CLUSTER", "SLOTS")
    return [(low, high) for low, high, owner, *_ in ranges if owner[1] == node.port]

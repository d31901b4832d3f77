# SPDX-License-Identifier: Apache-2.0
"""The proxy in front of servers that speak TLS only."""
import os
import shutil
import tempfile
from types import SimpleNamespace

import pytest

from child_process import ChildProcess
from deadline import wait_until
from free_ports import free_port
from proxy_process import ProxyProcess, admin_text
from raw_client import RawClient, encode
from real_cluster import REDIS_SERVER
from tls_files import Authority, tls_client
from tls_nodes import TlsNode, form_cluster


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    ours = Authority(str(tmp_path_factory.mktemp("tls")))
    theirs = Authority(str(tmp_path_factory.mktemp("theirs")))
    return SimpleNamespace(ca=ours, server=ours.issue("server"), client=ours.issue("client"),
                           theirs=theirs, stranger=theirs.issue("client"))


@pytest.fixture(scope="module", params=["redis", "slotway"])
def nodes(request, files):
    started = []
    try:
        for _ in range(4):
            started.append(TlsNode(request.param, files, is_cluster=True))
        form_cluster(started, 3)
        yield started
    finally:
        for node in started:
            node.stop()


def backend_of(nodes, files, **tls):
    return {"seeds": [f"127.0.0.1:{node.port}" for node in nodes],
            "tls": {"enabled": True, "ca_file": files.ca.path, **files.client.setting(), **tls}}


def proxy_for(nodes, files, wait_ready=True, tls=None, **settings):
    settings = {"backend": {"connect_timeout_ms": 1000, **backend_of(nodes, files, **(tls or {}))},
                **settings}
    return ProxyProcess([], settings=settings, wait_ready=wait_ready)


@pytest.fixture(scope="module")
def proxy(nodes, files):
    proxy = proxy_for(nodes, files)
    yield proxy
    proxy.stop()


def test_requests_of_every_kind(proxy):
    """Shared connections, private ones (WATCH, BLPOP), pub/sub, tracking, all shards."""
    with proxy.client(protocol=3) as client, proxy.client() as other:
        assert client.pipeline([("SET", f"k{i}", i) for i in range(300)]) == ["OK"] * 300
        assert client.call("MGET", *[f"k{i}" for i in range(300)]) == [
            str(i).encode() for i in range(300)]
        assert client.call("DBSIZE") == 300
        value = os.urandom(2 << 20)
        assert client.call("SET", "large", value) == "OK" and client.call("GET", "large") == value
        assert client.call("WATCH", "k1") == "OK"
        assert other.call("SET", "k1", "x") == "OK"
        assert client.pipeline([("MULTI",), ("GET", "k1"), ("EXEC",)])[-1] is None

        other.send(encode("BLPOP", "list", 10))
        assert client.call("RPUSH", "list", "e") == 1
        assert other.reply() == [b"list", b"e"]
        assert other.call("SUBSCRIBE", "news") == [b"subscribe", b"news", 1]
        assert client.call("PUBLISH", "news", "x") >= 0
        assert other.reply() == [b"message", b"news", b"x"]
        assert client.call("CLIENT", "TRACKING", "ON") == "OK"
        assert client.call("GET", "k2") == b"2"
        assert client.call("FLUSHALL") == "OK"


def test_reads_from_replicas(nodes, files):
    proxy = proxy_for(nodes, files)
    try:
        port = free_port()
        proxy.write_config({"listeners": proxy.config["listeners"] + [
            {"address": "127.0.0.1", "port": port, "reads": "prefer-replica"}]})
        proxy.reload("reload: changed: listeners")
        with proxy.client() as client:
            client.pipeline([("SET", f"r{i}", i) for i in range(100)])

        def reads():
            with RawClient(port, password=proxy.password) as client:
                client.pipeline([("GET", f"r{i}") for i in range(100)])
            text = admin_text(proxy.admin_port, "/metrics")
            return int(float(text.split("\nslotway_replica_reads_total ")[1].split()[0])) > 0
        wait_until(reads, 15, "a replica is read")
    finally:
        proxy.stop()


@pytest.mark.parametrize("tls, is_ready", [
    ({"verify": "name"}, True), ({"verify": "name", "server_name": "localhost"}, True),
    ({"verify": "name", "server_name": "elsewhere"}, False),
    ({"verify": "nothing", "ca_file": ""}, True)])
def test_whom_it_believes(nodes, files, tls, is_ready):
    proxy = proxy_for(nodes, files, wait_ready=is_ready, tls=tls)
    try:
        if not is_ready:
            wait_until(lambda: "hostname mismatch" in readiness(proxy), 10, "it says why")
    finally:
        proxy.stop()


def readiness(proxy):
    try:
        return admin_text(proxy.admin_port, "/readyz")
    except OSError:
        return ""


def test_strangers(nodes, files):
    """Neither does it believe another authority, nor is it believed with another's certificate."""
    for tls, why in (({"ca_file": files.theirs.path}, "certificate verify failed"),
                     (files.stranger.setting(), "TLS")):
        proxy = proxy_for(nodes, files, wait_ready=False, tls=tls)
        try:
            wait_until(lambda: "no shard has told the topology yet" in readiness(proxy), 10,
                       "it is not ready")
            wait_until(lambda: why in readiness(proxy) or "closed" in readiness(proxy), 10, "why")
        finally:
            proxy.stop()


def test_plain_to_a_tls_port(nodes, files):
    proxy = ProxyProcess([f"127.0.0.1:{node.port}" for node in nodes], wait_ready=False)
    try:
        wait_until(lambda: "no shard has told" in readiness(proxy), 10, "it is not ready")
        assert not proxy.is_ready()
    finally:
        proxy.stop()


def test_a_new_certificate_of_the_proxy(nodes, files, tmp_path):
    """A connection that is opened afterwards shows it."""
    live = SimpleNamespace(path=str(tmp_path / "live.crt"), key=str(tmp_path / "live.key"))

    def put(certificate):
        shutil.copy(certificate.path, live.path)
        shutil.copy(certificate.key, live.key)

    put(files.client)
    tls = {"certificate_file": live.path, "key_file": live.key}
    proxy = proxy_for(nodes, files, tls=tls)
    try:
        put(files.server)
        wait_until(lambda: "files have changed and are taken over" in proxy.process.log(), 10,
                   "it is taken over")
        with proxy.client() as client:  # private connections are new ones
            for i in range(10):
                assert client.call("SET", f"again{i}", i) == "OK"
            assert client.call("BLPOP", "nothing", 0.01) is None
        proxy.assert_up()
    finally:
        proxy.stop()


def test_changed_users_are_kept_by_the_masters(nodes, files):
    """While connections break, and for proxies that come later."""
    proxies = [proxy_for(nodes, files) for _ in range(2)]
    try:
        for number in range(12):
            changed, other = proxies[number % 2], proxies[(number + 1) % 2]
            if number % 3 == 0:
                nodes[number % 4].call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert changed.call("ACL", "SETUSER", "bob", "on", f">{number}", f"~{number}") == "OK"
            wait_until(lambda c=changed, o=other: c.call("ACL", "LIST") == o.call("ACL", "LIST"), 2,
                       "both know it")
        proxies.append(proxy_for(nodes, files))
        with RawClient(proxies[2].port) as client:
            assert client.call("AUTH", "bob", "11") == "OK"
        assert proxies[2].call("ACL", "DELUSER", "bob") == 1
        wait_until(lambda: all(b"bob" not in proxy.call("ACL", "USERS") for proxy in proxies), 2, "he is gone")
    finally:
        for proxy in proxies:
            proxy.stop()


def test_sentinels(files):
    """Sentinels, a master and its replica: all of them speak TLS only."""
    started, directory = [], tempfile.mkdtemp(prefix="slotway-tls-sentinel-")
    proxy = None
    try:
        master = TlsNode("redis", files)
        started.append(master)
        replica = TlsNode("redis", files, replicaof=None)
        started.append(replica)
        assert replica.call("REPLICAOF", "127.0.0.1", master.port) == "OK"
        port = free_port()
        path = os.path.join(directory, "sentinel.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"""port 0
tls-port {port}
bind 127.0.0.1
dir {directory}
tls-cert-file {files.server.path}
tls-key-file {files.server.key}
tls-ca-cert-file {files.ca.path}
tls-replication yes
sentinel monitor mymaster 127.0.0.1 {master.port} 1
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 2000
""")
        sentinel = ChildProcess([REDIS_SERVER, path, "--sentinel"], os.path.join(directory, "log"))
        started.append(sentinel)

        def knows_replica():
            try:
                with tls_client(port, files.ca.context(files.client)) as client:
                    return len(client.call("SENTINEL", "REPLICAS", "mymaster")) == 1
            except OSError:
                return False
        wait_until(knows_replica, 20, "the sentinel knows them")
        proxy = ProxyProcess([], settings={"backend": {
            "kind": "sentinel", "seeds": [f"127.0.0.1:{port}"],
            "sentinel": {"master_name": "mymaster"},
            "tls": {"enabled": True, "ca_file": files.ca.path, **files.client.setting()}}})
        with proxy.client() as client:
            assert client.call("SET", "a", "1") == "OK"
            wait_until(lambda: replica.call("GET", "a") == b"1", 10, "the replica has it")
            master.process.kill()
            wait_until(lambda: client.call("SET", "a", "2") == "OK", 30, "the replica took over")
            assert replica.call("GET", "a") == b"2"
    finally:
        if proxy:
            proxy.stop()
        for one in reversed(started):
            one.stop()
        shutil.rmtree(directory, ignore_errors=True)

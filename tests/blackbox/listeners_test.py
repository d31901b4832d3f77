# SPDX-License-Identifier: Apache-2.0
"""Listeners of every kind: read-only, standalone, Unix sockets, behind a load balancer."""
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from child_process import ChildProcess
from deadline import wait_until
from free_ports import free_ports
from proxy_process import PASSWORD, ProxyProcess, admin_text
from raw_client import ConnectionClosed, ErrorReply, RawClient, encode
from real_cluster import REDIS_CLI, RedisNode

HAPROXY = "/usr/sbin/haproxy"
READONLY = "READONLY You can't write against a read only replica."
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_header(source, destination):
    """Version 2 of the PROXY protocol for two IPv4 ends."""
    ends = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    ends += source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    return SIGNATURE + b"\x21\x11" + len(ends).to_bytes(2, "big") + ends


class UnixClient(RawClient):
    def __init__(self, path, password=PASSWORD):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        sock.connect(path)
        super().__init__(None, password=password, connected=sock)


class Ports:
    def __init__(self, directory):
        self.plain, self.read_only, self.standalone, self.forwarded = free_ports(4)
        self.path = os.path.join(directory, "redis.sock")


@pytest.fixture(scope="module")
def ports():
    directory = tempfile.mkdtemp(prefix="slotway-sockets-")
    yield Ports(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def proxy(cluster, ports):
    def listener(port, **more):
        return {"address": "127.0.0.1", "port": port, **more}

    proxy = ProxyProcess(
        cluster.seeds(), backend_password=cluster.password, port=ports.plain,
        settings={"listeners": [
            listener(ports.plain),
            listener(ports.read_only, mode="read-only"),
            listener(ports.standalone, face="standalone"),
            listener(ports.forwarded, proxy_protocol="required"),
            {"path": ports.path, "permissions": "0700"},
        ]})
    yield proxy
    proxy.stop()


@pytest.fixture
def replica(tmp_path):
    """A redis-server that follows nobody who answers: the oracle for what replicas refuse."""
    node = RedisNode(str(tmp_path), free_ports(1)[0], cluster=False).start()
    assert node.wait_until_up()
    node.call("REPLICAOF", "127.0.0.1", "1")
    yield node
    node.stop()


def info(client):
    line = client.call("CLIENT", "INFO").decode()
    return dict(field.split("=", 1) for field in line.split())


WRITES = [("SET", "a", "1"), ("DEL", "a"), ("GETEX", "a"), ("SORT", "a"), ("PFADD", "a", "b"),
          ("FLUSHALL",), ("GETDEL", "a"), ("BITFIELD", "a", "GET", "u8", "0"),
          ("RESTORE", "a", "0", "x"), ("MSET", "a", "1", "b", "2"), ("EXPIRE", "a", "10")]
READS = [("GET", "a"), ("EXISTS", "a"), ("SORT_RO", "a"), ("PFCOUNT", "a"), ("TTL", "a"),
         ("EVAL", "return 7", "1", "a"), ("BITFIELD_RO", "a", "GET", "u8", "0"), ("PING",)]


def test_read_only_listeners_refuse_what_replicas_refuse(proxy, ports, replica):
    with RawClient(ports.read_only, password=PASSWORD) as ours, replica.client() as theirs:
        for command in WRITES:
            assert ours.call(*command) == theirs.call(*command) == READONLY, command
        for command in READS:
            assert ours.call(*command) == theirs.call(*command), command


def test_a_read_only_listener_changes_no_server(proxy, ports):
    with RawClient(ports.read_only, password=PASSWORD) as client:
        for request in (["CONFIG", "SET", "maxmemory-samples", "6"], ["CONFIG", "REWRITE"],
                        ["CONFIG", "RESETSTAT"], ["SAVE"], ["BGSAVE"], ["BGREWRITEAOF"],
                        ["DEBUG", "SLEEP", "0"], ["SCRIPT", "FLUSH"], ["LATENCY", "RESET"],
                        ["SLOWLOG", "RESET"], ["FLUSHALL"], ["FUNCTION", "FLUSH"]):
            assert client.call(*request).startswith("READONLY "), request
        assert client.call("CONFIG", "GET", "maxmemory-samples")
        assert len(client.call("SCRIPT", "LOAD", "return 1")) == 40


def test_scripts_write_nothing_through_a_read_only_listener(proxy, ports):
    script = "return redis.call('set', KEYS[1], 'x')"
    with RawClient(ports.read_only, password=PASSWORD) as client:
        reply = client.call("EVAL", script, 1, "unwritten")
        assert isinstance(reply, ErrorReply) and "read-only scripts" in reply
    with proxy.client() as client:
        assert client.call("GET", "unwritten") is None


def test_a_read_only_listener_sees_what_others_write(proxy, ports):
    with proxy.client() as writer, RawClient(ports.read_only, password=PASSWORD) as reader:
        writer.call("SET", "seen", "yes")
        wait_until(lambda: reader.call("GET", "seen") == b"yes", 10, "the value is read")


def test_a_standalone_face_looks_like_a_plain_server(proxy, ports, replica):
    replica.call("REPLICAOF", "NO", "ONE")
    with RawClient(ports.standalone, password=PASSWORD) as ours, replica.client() as theirs:
        for command in [("CLUSTER", "INFO"), ("CLUSTER", "SLOTS"), ("CLUSTER", "FOO"),
                        ("CLUSTER", "HELP"), ("CLUSTER",), ("CLUSTER", "KEYSLOT"), ("READONLY",),
                        ("READWRITE",), ("ASKING",), ("SELECT", "0"), ("SELECT", "99"),
                        ("SELECT", "-1"), ("SELECT", "x")]:
            assert ours.call(*command) == theirs.call(*command), command
        hello = ours.call("HELLO", "2")
        assert hello[hello.index(b"mode") + 1] == b"standalone"
        text = ours.call("INFO").decode()
        assert "redis_mode:standalone" in text and "cluster_enabled:0" in text
        assert f"tcp_port:{ports.standalone}" in text


def test_unix_sockets(proxy, ports):
    assert os.stat(ports.path).st_mode & 0o777 == 0o700
    done = subprocess.run([REDIS_CLI, "-s", ports.path, "-a", PASSWORD, "--no-auth-warning",
                           "SET", "by-path", "1"], capture_output=True, timeout=20, check=True)
    assert done.stdout == b"OK\n"
    with UnixClient(ports.path) as client:
        assert client.call("GET", "by-path") == b"1"
        assert client.pipeline([("INCR", "by-path")] * 100) == list(range(2, 102))
        # As Redis shows them: the path for both ends, and the flag U.
        fields = info(client)
        assert fields["addr"] == fields["laddr"] == f"{ports.path}:0"
        assert fields["flags"] == "U"
        # There is nothing to tell cluster clients but a listener with a port.
        assert client.call("CLUSTER", "SLOTS")[0][2][:2] == [b"", ports.plain]


def test_unix_sockets_are_replaced_and_removed(cluster, tmp_path):
    path = str(tmp_path / "redis.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    first = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"listeners": [{"path": path}]})
    with UnixClient(path) as client:
        assert client.call("PING") == "PONG"
    # The living keeps its place.
    second = ProxyProcess(cluster.seeds(), backend_password=cluster.password, wait_ready=False,
                          settings={"listeners": [{"path": path}]})
    assert second.process.wait() == 1
    assert f"cannot bind {path}:0: Address already in use" in second.process.log()
    second.stop()
    with UnixClient(path) as client:
        assert client.call("PING") == "PONG"
    assert first.stop() == 0
    assert not os.path.exists(path)


def test_clients_behind_a_load_balancer(proxy, ports):
    source, destination = ("10.1.2.3", 4711), ("192.168.0.1", 31234)
    with RawClient(ports.forwarded) as client:
        # Byte by byte, with the first request on its heels.
        for byte in proxy_header(source, destination):
            client.send(bytes([byte]))
        client.send(encode("AUTH", PASSWORD))
        assert client.reply() == "OK"
        fields = info(client)
        assert (fields["addr"], fields["laddr"]) == ("10.1.2.3:4711", "192.168.0.1:31234")
        # Cluster clients are sent to what they reached, not to what is behind it.
        assert client.call("CLUSTER", "SLOTS")[0][2][:2] == [b"192.168.0.1", 31234]
        client.call("SET", "forwarded", "1")
        assert client.pipeline([("INCR", "forwarded")] * 50) == list(range(2, 52))
    with RawClient(ports.forwarded) as checker:  # a health check of the balancer itself
        checker.send(SIGNATURE + b"\x20\x00\x00\x00" + encode("AUTH", PASSWORD))
        assert checker.reply() == "OK"
        assert info(checker)["addr"] == f"127.0.0.1:{checker.local_port()}"


@pytest.mark.parametrize("beginning", [
    encode("PING"), b"PROXY TCP4 10.1.2.3 192.168.0.1 4711 6379\r\n", b"\r\n\r\nx",
    SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12), SIGNATURE + b"\x21\x11\x00\x04" + bytes(4)])
def test_who_sends_no_header_is_shut_out(proxy, ports, beginning):
    with RawClient(ports.forwarded) as client:
        client.send(beginning)
        assert client.receive_until_closed() == b""


@pytest.mark.skipif(not os.path.exists(HAPROXY), reason="haproxy is not installed")
def test_behind_haproxy(proxy, ports, tmp_path):
    (port,) = free_ports(1)
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n"
        f"listen redis\n  bind 127.0.0.1:{port}\n"
        f"  server slotway 127.0.0.1:{ports.forwarded} send-proxy-v2 check check-send-proxy\n")
    balancer = ChildProcess([HAPROXY, "-db", "-f", config], tmp_path / "log")
    try:
        def connects():
            try:
                return RawClient(port, password=PASSWORD)
            except (OSError, ConnectionClosed):
                return None
        with wait_until(connects, 10, "haproxy listens") as client:
            fields = info(client)
            assert fields["addr"] == f"127.0.0.1:{client.local_port()}"
            assert fields["laddr"] == f"127.0.0.1:{port}"
            assert client.call("CLUSTER", "SLOTS")[0][2][:2] == [b"127.0.0.1", port]
            assert client.call("SET", "through", "1") == "OK"
    finally:
        balancer.stop()


def test_places_of_one_address_are_bounded(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"limits": {"clients_per_address_max": 2}})
    try:
        wait_until(lambda: "slotway_clients 0" in admin_text(proxy.admin_port, "/metrics"), 10,
                   "nobody is connected")
        with proxy.client(), proxy.client():
            with RawClient(proxy.port) as third:
                assert third.receive_until_closed() == (
                    b"-ERR max number of clients of one address reached\r\n")

        def has_room():
            try:
                with proxy.client() as client:
                    return client.call("PING") == "PONG"
            except (OSError, AssertionError, ConnectionClosed):
                return False
        wait_until(has_room, 10, "the places are free again")
    finally:
        proxy.stop()

# SPDX-License-Identifier: Apache-2.0
"""TLS of slotway-shard: clients, replication and the cluster bus, beside Debian's redis-server."""
import os
import shutil
import socket
import ssl
import subprocess
import time
from types import SimpleNamespace

import pytest

from deadline import SLOWNESS, wait_until
from free_ports import free_port
from raw_client import ConnectionClosed, RawClient
from real_cluster import REDIS_CLI
from server_program import program
from tls_files import Authority, connect, tls_client
from tls_nodes import TlsNode, form_cluster

KINDS = ["redis", "slotway"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("tls"))
    ours, theirs = Authority(directory), Authority(os.path.join(directory, "theirs"))
    return SimpleNamespace(ca=ours, server=ours.issue("server"), client=ours.issue("client"),
                           other=ours.issue("other"), stranger=theirs.issue("client"),
                           locked=ours.issue("locked", password="secret123"))


@pytest.fixture(scope="module", params=KINDS)
def node(request, files):
    node = TlsNode(request.param, files)
    yield node
    node.stop()


def refused(action):
    with pytest.raises((ssl.SSLError, OSError, ConnectionClosed)):
        action()


def shown(node):
    context = node.files.ca.context(node.files.client)
    with connect(node.port, context) as tls:
        return dict(part[0] for part in tls.getpeercert()["subject"])["commonName"]


# --- what both do

def test_clients(node, files):
    with node.client() as client:
        value = os.urandom(3 << 20)
        assert client.call("SET", "large", value) == "OK" and client.call("GET", "large") == value
        assert client.pipeline([("SET", f"k{i}", i) for i in range(2000)]) == ["OK"] * 2000
        assert b"tls-port" in client.call("CONFIG", "GET", "tls-port")[0]
        assert f"tcp_port:{node.port}" in client.call("INFO", "server").decode()
    done = subprocess.run(
        [REDIS_CLI, "--tls", "--cacert", files.ca.path, "--cert", files.client.path, "--key",
         files.client.key, "-p", str(node.port), "GET", "k7"], stdout=subprocess.PIPE,
        timeout=20 * SLOWNESS, check=True)
    assert done.stdout == b"7\n"
    # auth-clients is yes
    for certificate in (None, files.stranger):
        context = files.ca.context(certificate)
        refused(lambda context=context: tls_client(node.port, context).call("PING"))
    refused(lambda: RawClient(node.port).call("PING"))


def test_clients_without_certificates(node, files):
    anonymous = files.ca.context()
    with node.client() as client:
        for value, may in (("no", True), ("optional", True), ("yes", False)):
            assert client.call("CONFIG", "SET", "tls-auth-clients", value) == "OK"
            if may:
                with tls_client(node.port, anonymous) as other:
                    assert other.call("PING") == "PONG"
            else:
                refused(lambda: tls_client(node.port, anonymous).call("PING"))


def test_settings_that_change(node, files):
    with node.client() as client:
        def set_all(*changes):
            return client.call("CONFIG", "SET", *changes)

        assert set_all("tls-cert-file", files.other.path, "tls-key-file", files.other.key) == "OK"
        assert shown(node) == "other"
        assert set_all("tls-key-file", files.server.key).endswith(
            "Unable to update TLS configuration. Check server logs.")
        assert set_all("tls-cert-file", "/nowhere").startswith("ERR CONFIG SET failed")
        assert shown(node) == "other"
        assert client.call("CONFIG", "GET", "tls-cert-file")[1] == files.other.path.encode()
        assert set_all("tls-cert-file", files.server.path,
                       "tls-key-file", files.server.key) == "OK"
        assert set_all("tls-protocols", "TLSv1.2") == "OK"
        refused(lambda: tls_client(node.port, files.ca.context(files.client,
                                                               ssl.TLSVersion.TLSv1_3)))
        assert set_all("tls-protocols", "SSLv3").startswith("ERR CONFIG SET failed")
        assert set_all("tls-protocols", "") == "OK"
        assert set_all("tls-ciphers", "NONSENSE").startswith("ERR CONFIG SET failed")
        # The password of a key.
        assert set_all("tls-cert-file", files.locked.path, "tls-key-file", files.locked.key,
                       "tls-key-file-pass", "secret123") == "OK"
        assert shown(node) == "locked"
        assert set_all("tls-key-file-pass", "wrong").startswith("ERR CONFIG SET failed")
        assert set_all("tls-cert-file", files.server.path, "tls-key-file", files.server.key,
                       "tls-key-file-pass", "") == "OK"
        assert client.call("PING") == "PONG"  # who is in stays in


def test_a_port_that_moves(node, files):
    before, after, plain = node.port, free_port(), free_port()
    with node.client() as client:
        assert client.call("CONFIG", "SET", "tls-port", after) == "OK"
        refused(lambda: node.client())
        node.port = after
        assert node.call("PING") == "PONG"
        assert client.call("CONFIG", "SET", "port", plain) == "OK"
        with RawClient(plain) as other:
            assert other.call("PING") == "PONG"
            # Without TLS it goes on.
            assert other.call("CONFIG", "SET", "tls-port", 0) == "OK"
            refused(lambda: node.client())
            assert other.call("CONFIG", "SET", "tls-port", before) == "OK"
        node.port = before
        assert node.call("PING") == "PONG"
        assert client.call("CONFIG", "SET", "port", 0) == "OK"
    refused(lambda: RawClient(plain))


# --- what ours does

@pytest.fixture(scope="module")
def shard(files):
    shard = TlsNode("slotway", files)
    yield shard
    shard.stop()


def test_secrets_are_not_shown(shard, files):
    with shard.client() as client:
        assert client.call("CONFIG", "SET", "tls-cert-file", files.locked.path, "tls-key-file",
                           files.locked.key, "tls-key-file-pass", "secret123") == "OK"
        assert client.call("CONFIG", "GET", "tls-key-file-pass") == [b"tls-key-file-pass", b""]
        assert b"secret123" not in b"".join(client.call("CONFIG", "GET", "*"))
        assert client.call("CONFIG", "SET", "tls-key-file-pass", "secret456").startswith("ERR")
        assert client.call("CONFIG", "SET", "slowlog-log-slower-than", 0) == "OK"
        assert client.call("CONFIG", "SET", "tls-cert-file", files.server.path, "tls-key-file",
                           files.server.key, "tls-key-file-pass", "") == "OK"
        assert "secret" not in str(client.call("SLOWLOG", "GET", 100))
    assert "secret" not in shard.process.log()


def test_files_that_change_are_taken_over(files, tmp_path):
    live = SimpleNamespace(path=str(tmp_path / "live.crt"), key=str(tmp_path / "live.key"))

    def put(certificate):
        shutil.copy(certificate.path, live.path)
        shutil.copy(certificate.key, live.key)

    put(files.server)
    shard = TlsNode("slotway", files, tls_cert_file=live.path, tls_key_file=live.key)
    try:
        with shard.client() as lasting:
            put(files.other)
            wait_until(lambda: shown(shard) == "other", 10, "it is taken over")
            with open(live.path, "w", encoding="ascii") as file:
                file.write("nonsense")
            wait_until(lambda: "what was there before stays" in shard.process.log(), 10, "the log")
            assert shown(shard) == "other"
            assert lasting.call("PING") == "PONG"
    finally:
        shard.stop()


def test_what_does_not_shake_hands(shard):
    for garbage in (b"PING\r\n", os.urandom(70000), b"\x16\x03\x01\xff\xff" + b"a" * 70000):
        with socket.create_connection((shard.host, shard.port)) as sock:
            sock.settimeout(5 * SLOWNESS)
            try:
                sock.sendall(garbage)
                while sock.recv(1000):
                    pass
            except ConnectionError:
                pass
    shard.assert_up()
    silent = socket.create_connection((shard.host, shard.port))
    silent.settimeout(15 * SLOWNESS)
    began = time.monotonic()
    assert silent.recv(10) == b"" and 9 < time.monotonic() - began < 13 * SLOWNESS
    silent.close()


def test_starts_that_fail(files):
    for options, why in (({"tls_cert_file": "/nowhere"}, "No such file or directory"),
                         ({"tls_cert_file": None}, "No tls-cert-file configured!"),
                         ({"tls_key_file": None}, "No tls-key-file configured!"),
                         ({"tls_ca_cert_file": None}, "Either tls-ca-cert-file or tls-ca-cert-dir"),
                         ({"tls_key_file": files.other.key}, "key values mismatch"),
                         ({"tls_protocols": "SSLv3"}, "Invalid tls-protocols")):
        with pytest.raises(AssertionError, match=why):
            TlsNode("slotway", files, **options)


# --- replication and the cluster

@pytest.mark.parametrize("master_kind, replica_kind",
                         [("slotway", "slotway"), ("redis", "slotway"), ("slotway", "redis")])
def test_replication(files, master_kind, replica_kind):
    options = {"rdb_version": 10} if master_kind == "slotway" and replica_kind == "redis" else {}
    master = TlsNode(master_kind, files, **options)
    replica = None
    try:
        with master.client() as client:
            client.pipeline([("SET", f"k{i}", "v" * i) for i in range(2000)])
            replica = TlsNode(replica_kind, files)
            assert replica.call("REPLICAOF", master.host, master.port) == "OK"
            wait_until(lambda: replica.call("DBSIZE") == 2000, 20, "the data has come")
            assert client.call("SET", "later", os.urandom(1 << 20)) == "OK"
            assert client.call("WAIT", 1, 5000) == 1
            assert replica.call("STRLEN", "later") == 1 << 20
            # The port that it is told of is the one that speaks TLS.
            assert client.call("ROLE")[2][0][1] == str(replica.port).encode()
            # It comes back, and goes on.
            assert replica.call("CLIENT", "KILL", "TYPE", "MASTER") >= 0
            assert client.call("SET", "again", "x") == "OK"
            wait_until(lambda: replica.call("GET", "again") == b"x", 20, "it goes on")
    finally:
        master.stop()
        if replica:
            replica.stop()


def test_replication_to_a_stranger_fails(files):
    master = TlsNode("slotway", files)
    replica = TlsNode("slotway", files, tls_client_cert_file=files.stranger.path,
                      tls_client_key_file=files.stranger.key)
    try:
        assert replica.call("REPLICAOF", master.host, master.port) == "OK"
        wait_until(lambda: f"master {master.host}:{master.port}: " in replica.process.log(), 10,
                   "it is refused")
        assert replica.call("ROLE")[3] != b"connected"
    finally:
        replica.stop()
        master.stop()


@pytest.mark.parametrize("kinds", [["slotway"] * 4, ["slotway", "redis", "slotway", "redis"]])
def test_a_cluster(files, kinds):
    nodes = []
    try:
        for kind in kinds:
            nodes.append(TlsNode(kind, files, is_cluster=True))
        form_cluster(nodes, 3)
        ports = {node.port for node in nodes}
        for node in nodes:
            told = {place[1] for row in node.call("CLUSTER", "SLOTS") for place in row[2:]}
            assert told <= ports and len(told) >= 3
            lines = node.call("CLUSTER", "NODES").decode().splitlines()
            assert {int(line.split()[1].split("@")[0].rsplit(":", 1)[1]) for line in lines} == ports
        moved = nodes[0].call("GET", "foo")  # slot 12182: of the third
        assert moved == f"MOVED 12182 127.0.0.1:{nodes[2].port}"
        # The bus is what it seems: a plain node is not let in, and the replica takes over.
        replica = nodes[3]
        wait_until(lambda: replica.call("ROLE")[3] == b"connected", 20, "it is in step")
        nodes[0].process.kill()
        wait_until(lambda: replica.call("ROLE")[0] == b"master", 40, "it took over")
    finally:
        for node in nodes:
            node.stop()


def test_both_ports_of_a_cluster(files):
    """Clients are told the ports of their own kind."""
    for tls_cluster in ("yes", "no"):
        nodes, plain = [], []
        try:
            for _ in range(2):
                plain.append(free_port())
                nodes.append(TlsNode("slotway", files, is_cluster=True, port=plain[-1],
                                     tls_cluster=tls_cluster))
            first = nodes if tls_cluster == "yes" else plain
            address = [node.port if tls_cluster == "yes" else node for node in first]
            assert nodes[0].call("CLUSTER", "ADDSLOTSRANGE", 0, 8191) == "OK"
            assert nodes[1].call("CLUSTER", "ADDSLOTSRANGE", 8192, 16383) == "OK"
            assert nodes[1].call("CLUSTER", "SET-CONFIG-EPOCH", 2) == "OK"
            assert nodes[0].call("CLUSTER", "MEET", "127.0.0.1", address[1]) == "OK"
            wait_until(lambda: "cluster_state:ok" in nodes[0].call("CLUSTER", "INFO").decode(), 20,
                       "it is ok")
            wait_until(lambda: nodes[0].call("GET", "foo") ==
                       f"MOVED 12182 127.0.0.1:{nodes[1].port}", 10, "to TLS")
            told = [row[2][1] for row in nodes[0].call("CLUSTER", "SLOTS")]
            assert sorted(told) == sorted(node.port for node in nodes)
            with RawClient(plain[0]) as client:
                wait_until(lambda: client.call("GET", "foo") ==
                           f"MOVED 12182 127.0.0.1:{plain[1]}", 10, "to the plain port")
                told = [row[2][1] for row in client.call("CLUSTER", "SLOTS")]
                assert sorted(told) == sorted(plain)
                shards = str(client.call("CLUSTER", "SHARDS"))
                assert all(f"b'tls-port', {node.port}" in shards for node in nodes), shards
            # nodes.conf keeps both.
            with open(os.path.join(nodes[0].directory, "nodes.conf"), encoding="ascii") as file:
                assert ("tcp-port=" if tls_cluster == "yes" else "tls-port=") in file.read()
        finally:
            for node in nodes:
                node.stop()


@pytest.mark.parametrize("kinds", [["slotway"] * 3, ["slotway", "redis", "slotway"]])
def test_slots_that_move(files, kinds):
    """The tool forms the cluster and empties a node: by MIGRATESLOTS between ours, by MIGRATE with
    a redis-server."""
    nodes = []

    def tool(*arguments, certificate=()):
        done = subprocess.run(
            [program("slotway"), "cluster", *arguments, "--tls-ca", files.ca.path, *certificate],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * SLOWNESS, check=False)
        return done.returncode, done.stdout.decode()

    try:
        for kind in kinds:
            options = {"rdb_version": 10} if kind == "slotway" and "redis" in kinds else {}
            nodes.append(TlsNode(kind, files, is_cluster=True, **options))
        names = [f"127.0.0.1:{node.port}" for node in nodes]
        own = ("--tls-cert", files.client.path, "--tls-key", files.client.key)
        assert tool("create", *names)[0] != 0  # they want a certificate
        code, said = tool("create", *names, certificate=own)
        assert code == 0, said
        with nodes[0].client() as client:
            mine = []
            for i in range(3000):
                if client.call("SET", f"key{i}", "v" * i) == "OK":
                    mine.append(i)
        assert mine
        code, said = tool("remove", names[1], names[0], certificate=own)
        assert code == 0, said
        found = 0
        for node in nodes[1:]:
            with node.client() as client:
                for i in mine:
                    found += client.call("GET", f"key{i}") == b"v" * i
        assert found == len(mine)
        assert tool("check", names[1], certificate=own)[0] == 0
    finally:
        for node in nodes:
            node.stop()

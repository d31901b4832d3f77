# SPDX-License-Identifier: Apache-2.0
"""TLS between clients and the proxy: who gets in, how, and what happens to those who do not."""
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest
import redis

from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from listeners_test import proxy_header
from proxy_process import PASSWORD, ProxyProcess, admin_text, program
from raw_client import ConnectionClosed, RawClient, encode
from real_cluster import REDIS_CLI
from tls_files import OPENSSL, Authority, TlsPipe, connect, tls_client

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
HANDSHAKE_TIMEOUT_MS = 500


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("tls"))
    ours, theirs = Authority(directory), Authority(os.path.join(directory, "theirs"))
    return SimpleNamespace(
        directory=directory, ca=ours,
        server=ours.issue("server"),
        other=ours.issue("other", names="DNS:other.example,DNS:*.wild.example"),
        alice=ours.issue("alice"), nobody=ours.issue("nobody"), off=ours.issue("off"),
        stranger=theirs.issue("alice"))


@pytest.fixture(scope="module")
def ports():
    names = ("plain", "tls", "optional", "required", "forwarded", "several")
    return SimpleNamespace(**dict(zip(names, free_ports(len(names)))))


def tls_listener(port, files, **tls):
    return {"address": "127.0.0.1", "port": port,
            "tls": {"enabled": True, **files.server.setting(),
                    "handshake_timeout_ms": HANDSHAKE_TIMEOUT_MS, **tls}}


@pytest.fixture(scope="module")
def proxy(cluster, files, ports):
    by_name = {"ca_file": files.ca.path, "client_user": "common_name"}
    proxy = ProxyProcess(
        cluster.seeds(), backend_password=cluster.password, port=ports.plain,
        settings={
            "auth": {"password": PASSWORD,
                     "users": ["alice on nopass ~alice:* +@all", "off off nopass ~* +@all"]},
            "listeners": [
                {"address": "127.0.0.1", "port": ports.plain},
                tls_listener(ports.tls, files),
                tls_listener(ports.optional, files, client_certificates="optional", **by_name),
                tls_listener(ports.required, files, client_certificates="required", **by_name),
                {**tls_listener(ports.forwarded, files), "proxy_protocol": "required"},
                tls_listener(ports.several, files, more_certificates=[files.other.setting()]),
            ]})
    yield proxy
    proxy.stop()


def client_of(port, files, certificate=None, version=None, **options):
    return tls_client(port, files.ca.context(certificate, version), **options)


def count(proxy, name):
    text = admin_text(proxy.admin_port, "/metrics")
    return int(float(re.search(rf"^{name} (\S+)$", text, re.M).group(1)))


def s_client(port, *arguments, stdin=b""):
    """What openssl says of a handshake."""
    done = subprocess.run(
        [OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20 * SLOWNESS, check=False)
    return done.stdout.decode(errors="replace")


def is_accepted(port, *arguments):
    return "Cipher is (NONE)" not in s_client(port, *arguments)


# --- who gets in

def test_redis_cli(proxy, ports, files):
    done = subprocess.run(
        [REDIS_CLI, "--tls", "--cacert", files.ca.path, "-p", str(ports.tls), "-a", PASSWORD,
         "--no-auth-warning"], input=b"SET tls:a 1\nGET tls:a\nPING\n", stdout=subprocess.PIPE,
        timeout=20 * SLOWNESS, check=True)
    assert done.stdout.decode().split() == ["OK", "1", "PONG"]


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_redis_py(proxy, ports, files, version):
    client = redis.Redis(host="localhost", port=ports.tls, password=PASSWORD, ssl=True,
                         ssl_ca_certs=files.ca.path, ssl_check_hostname=True)
    value = os.urandom(3 << 20)
    assert client.set("tls:large", value) and client.get("tls:large") == value
    pipe = client.pipeline(transaction=False)
    for i in range(5000):
        pipe.set(f"tls:{i}", i)
    for i in range(5000):
        pipe.get(f"tls:{i}")
    assert pipe.execute()[5000:] == [str(i).encode() for i in range(5000)]
    subscriber = client.pubsub()
    subscriber.subscribe("tls:news")
    assert subscriber.get_message(timeout=5)["type"] == "subscribe"
    client.publish("tls:news", "x")
    assert subscriber.get_message(timeout=5)["data"] == b"x"
    client.close()
    with client_of(ports.tls, files, version=version, password=PASSWORD) as raw:
        assert raw.call("GET", "tls:large") == value


def test_protocols(proxy, ports):
    weak = ("-cipher", "ALL:@SECLEVEL=0")
    assert not is_accepted(ports.tls, "-tls1", *weak)
    assert not is_accepted(ports.tls, "-tls1_1", *weak)
    assert is_accepted(ports.tls, "-tls1_2")
    assert is_accepted(ports.tls, "-tls1_3")


@pytest.mark.parametrize("cipher, may", [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
    ("ECDHE-ECDSA-AES128-SHA", False), ("ECDHE-ECDSA-NULL-SHA", False), ("AES128-SHA", False),
    ("ADH-AES128-SHA256", False), ("PSK-AES128-CBC-SHA", False)])
def test_ciphers(proxy, ports, cipher, may):
    assert is_accepted(ports.tls, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0") == may


def test_no_renegotiation(proxy, ports):
    said = s_client(ports.tls, "-tls1_2", stdin=b"R\nPING\r\n")
    assert "no renegotiation" in said
    proxy.assert_up()


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_sessions_are_resumed(proxy, ports, files, version):
    context = files.ca.context(version=version)
    with connect(ports.tls, context) as first:
        first.sendall(encode("PING"))
        first.recv(100)  # with it comes the ticket
        session = first.session
        assert not first.session_reused
    with connect(ports.tls, context, session=session) as second:
        assert second.session_reused
        second.sendall(encode("AUTH", PASSWORD))
        assert second.recv(100) == b"+OK\r\n"


def test_the_end_is_told(proxy, ports, files):
    """close_notify comes before the end, so that nobody can cut a reply short unnoticed."""
    context = files.ca.context()
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    tls = context.wrap_socket(socket.create_connection(("127.0.0.1", ports.tls), 20),
                              server_hostname="localhost", suppress_ragged_eofs=False)
    tls.sendall(encode("QUIT"))
    assert tls.recv(100) == b"+OK\r\n"
    assert tls.recv(100) == b""
    tls.close()
    # The client says it first: what it asked for is still answered.
    pipe = TlsPipe(ports.tls, context)
    pipe.begin()
    pipe.tls.write(encode("AUTH", PASSWORD) + encode("PING"))
    with pytest.raises(ssl.SSLWantReadError):
        pipe.tls.unwrap()
    pipe.send_pending()
    received = b""
    while len(received) < 12:
        received += pipe.run(lambda: pipe.tls.read(100))
    assert received == b"+OK\r\n+PONG\r\n"
    pipe.socket.close()


# --- what goes through

def test_any_pieces(proxy, ports, files):
    """A handshake and requests that come byte by byte."""
    pipe = TlsPipe(ports.tls, files.ca.context())
    pipe.run(pipe.tls.do_handshake, piece=1)
    pipe.tls.write(encode("AUTH", PASSWORD) + encode("ECHO", "y" * 300))
    pipe.send_pending(piece=1)
    expected = b"+OK\r\n$300\r\n" + b"y" * 300 + b"\r\n"
    received = b""
    while len(received) < len(expected):
        received += pipe.run(lambda: pipe.tls.read(1000))
    assert received == expected
    pipe.socket.close()


def test_requests_right_behind_the_handshake(proxy, ports, files):
    """In one segment with the handshake's last message, beyond what is offered at once."""
    pipe = TlsPipe(ports.tls, files.ca.context())
    pipe.begin()
    requests = encode("AUTH", PASSWORD) + encode("ECHO", "z" * 50000) + encode("PING") * 100
    pipe.tls.write(requests)
    pipe.send_pending()
    expected = b"+OK\r\n$50000\r\n" + b"z" * 50000 + b"\r\n" + b"+PONG\r\n" * 100
    received = b""
    while len(received) < len(expected):
        received += pipe.run(lambda: pipe.tls.read(1 << 16))
    assert received == expected
    pipe.socket.close()


def test_a_client_that_reads_late(proxy, ports, files):
    value = os.urandom(1 << 20)
    with client_of(ports.tls, files, password=PASSWORD) as client:
        client.call("SET", "tls:late", value)
        client.send(encode("GET", "tls:late") * 24 + encode("PING"))
        time.sleep(0.5)  # poll: nothing tells that the sockets' buffers are full
        for _ in range(24):
            assert client.reply() == value
        assert client.reply() == "PONG"


def test_many_clients(proxy, ports, files):
    context = files.ca.context()
    clients = [tls_client(ports.tls, context, password=PASSWORD) for _ in range(100)]
    for i, client in enumerate(clients):
        client.send(encode("SET", f"tls:many:{i}", "v" * (i * 300)) + encode("GET", f"tls:many:{i}"))
    for i, client in enumerate(clients):
        assert client.reply() == "OK" and client.reply() == b"v" * (i * 300)
        client.close()


def test_the_header_of_the_proxy_protocol_comes_first(proxy, ports, files):
    header = proxy_header(("192.0.2.7", 4711), ("198.51.100.1", 6379))
    # In one segment with the handshake, and on its own.
    pipe = TlsPipe(ports.forwarded, files.ca.context(), before=header)
    pipe.run(pipe.tls.do_handshake)
    pipe.tls.write(encode("AUTH", PASSWORD) + encode("CLIENT", "INFO"))
    pipe.send_pending()
    received = pipe.run(lambda: pipe.tls.read(1000))
    while b"\r\n$" not in received and b" addr=" not in received:
        received += pipe.run(lambda: pipe.tls.read(1000))
    assert b"addr=192.0.2.7:4711" in received
    pipe.socket.close()
    with client_of(ports.forwarded, files, before=header, password=PASSWORD) as client:
        assert b"addr=192.0.2.7:4711" in client.call("CLIENT", "INFO")
    with pytest.raises((OSError, ssl.SSLError)):
        client_of(ports.forwarded, files)  # no header


# --- who does not get in

def closed_within(sock, least_s=0.0, most_s=HANDSHAKE_TIMEOUT_MS / 1000 + 3):
    """Reads until the server closes; returns what came."""
    began, received = time.monotonic(), b""
    sock.settimeout(20 * SLOWNESS)
    try:
        while piece := sock.recv(1000):
            received += piece
    except ConnectionResetError:
        pass
    took = time.monotonic() - began
    assert least_s <= took <= most_s * SLOWNESS, took
    return received


def hello_of(files):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = files.ca.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("part", ["nothing", "half", "hello"])
def test_half_open_handshakes_end(proxy, ports, files, part):
    failures = count(proxy, "slotway_tls_handshake_failures_total")
    hello = hello_of(files)
    begin = {"nothing": b"", "half": hello[:len(hello) // 2], "hello": hello}[part]
    with socket.create_connection(("127.0.0.1", ports.tls)) as sock:
        sock.sendall(begin)
        closed_within(sock, least_s=HANDSHAKE_TIMEOUT_MS / 1000 - 0.1)
    wait_until(lambda: count(proxy, "slotway_tls_handshake_failures_total") == failures + 1, 5,
               "it is counted")
    proxy.assert_up()


@pytest.mark.parametrize("garbage", ids=lambda garbage: repr(garbage[:5]), argvalues=[
    b"PING\r\n", encode("PING"), b"GET / HTTP/1.1\r\n\r\n", os.urandom(70000), b"\0" * 70000,
    b"\x16\x03\x01\xff\xff" + b"\x01" * 70000, b"\x16\x03\x01\x00\x00" * 2000,
    b"\x15\x03\x01\x00\x02\x02\x00", b"\x17\x03\x03\x40\x00" + b"a" * 16384])
def test_garbage(proxy, ports, garbage):
    accepted = count(proxy, "slotway_tls_handshakes_total")
    with socket.create_connection(("127.0.0.1", ports.tls)) as sock:
        try:
            sock.sendall(garbage)
        except (BrokenPipeError, ConnectionResetError):
            return
        received = closed_within(sock, most_s=0.4)
        assert received == b"" or received[0] == 0x15  # an alert, if anything
    assert count(proxy, "slotway_tls_handshakes_total") == accepted
    proxy.assert_up()


@pytest.mark.parametrize("garbage", [b"PING\r\n", b"\x17\x03\x03\xff\xff" + b"a" * 70000,
                                     b"\x17\x03\x03\x00\x20" + b"a" * 32],
                         ids=["plain", "huge", "forged"])
@pytest.mark.parametrize("is_later", [False, True])
def test_garbage_behind_the_handshake(proxy, ports, files, garbage, is_later):
    pipe = TlsPipe(ports.tls, files.ca.context())
    if is_later:
        pipe.run(pipe.tls.do_handshake)
        assert pipe.socket.recv(1000)  # a ticket: the client is in
        pipe.socket.sendall(garbage)
    else:
        pipe.begin()
        pipe.send_pending(then=garbage)
    try:
        closed_within(pipe.socket, most_s=1)
    finally:
        proxy.assert_up()
    pipe.socket.close()


def test_tls_on_a_plain_port(proxy, ports, files):
    with pytest.raises((ssl.SSLError, OSError)):
        client_of(ports.plain, files)
    proxy.assert_up()


def test_handshakes_are_bounded_in_number(cluster, files):
    (port,) = free_ports(1)
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, settings={
        "workers": 1, "limits": {"handshakes_max": 3}})
    try:
        proxy.write_config({"listeners": proxy.config["listeners"] +
                            [tls_listener(port, files, handshake_timeout_ms=60000)]})
        proxy.reload("reload: changed: listeners")
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        time.sleep(0.2)  # poll: nothing tells that they have been accepted
        with socket.create_connection(("127.0.0.1", port)) as sock:
            closed_within(sock, most_s=1)
        idle.pop().close()

        def lets_in():
            try:
                with client_of(port, files, password=PASSWORD) as client:
                    return client.call("CLIENT", "LIST").count(b"\n") == 1
            except OSError:
                return False
        wait_until(lets_in, 5, "there is room when the proxy has noticed that one has gone")
        # And they do not keep it from ending.
    finally:
        proxy.stop()
        for sock in idle:
            sock.close()


def test_certificates_of_clients(proxy, ports, files):
    def user(port, certificate, **options):
        with client_of(port, files, certificate, **options) as client:
            return client.call("ACL", "WHOAMI")

    for version in (TLS12, TLS13):
        assert user(ports.required, files.alice, version=version) == b"alice"
        for certificate in (None, files.stranger):
            with pytest.raises((ssl.SSLError, OSError, ConnectionClosed)):
                user(ports.required, certificate, version=version)
    assert user(ports.optional, files.alice) == b"alice"
    assert user(ports.optional, None).startswith("NOAUTH")
    with pytest.raises((ssl.SSLError, OSError, ConnectionClosed)):
        user(ports.optional, files.stranger)
    # No such user, and one that is off: it may still log in.
    for certificate in (files.nobody, files.off):
        assert user(ports.required, certificate).startswith("NOAUTH")
        assert user(ports.required, certificate, password=PASSWORD) == b"default"
    # Where it is not asked for, it says nothing.
    assert user(ports.tls, files.alice).startswith("NOAUTH")


def test_a_user_by_certificate_has_its_rules(proxy, ports, files):
    with client_of(ports.required, files, files.alice) as client:
        assert client.call("SET", "alice:1", "x") == "OK"
        assert client.call("SET", "bob:1", "x").startswith("NOPERM")
        assert client.call("AUTH", "default", PASSWORD) == "OK"
        assert client.call("SET", "bob:1", "x") == "OK"
        assert client.call("RESET") == "RESET"
        assert client.call("ACL", "WHOAMI") == b"alice"


# --- certificates that change

def common_name(port, files, server_name="localhost"):
    context = files.ca.context()
    context.check_hostname = False
    with connect(port, context, server_name=server_name) as tls:
        return dict(part[0] for part in tls.getpeercert()["subject"])["commonName"]


def test_server_names(proxy, ports, files):
    for name, certificate in [("other.example", "other"), ("OTHER.example", "other"),
                              ("a.wild.example", "other"), ("wild.example", "server"),
                              ("a.b.wild.example", "server"), ("localhost", "server"),
                              ("elsewhere", "server"), (None, "server")]:
        assert common_name(ports.several, files, name) == certificate, name


class Load(threading.Thread):
    """Requests on one connection that stays, and on new ones again and again."""

    def __init__(self, port, files):
        super().__init__()
        self._port, self._context = port, files.ca.context()
        self._is_over = threading.Event()
        self.error, self.requests, self.connections = None, 0, 0

    def run(self):
        try:
            with tls_client(self._port, self._context, password=PASSWORD) as lasting:
                while not self._is_over.is_set():
                    assert lasting.pipeline([("PING",)] * 50) == ["PONG"] * 50
                    with tls_client(self._port, self._context, password=PASSWORD) as short:
                        assert short.call("SET", "tls:load", "x" * 20000) == "OK"
                    self.requests += 51
                    self.connections += 1
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def stop(self):
        self._is_over.set()
        self.join(20 * SLOWNESS)
        assert self.error is None, repr(self.error)
        assert self.requests > 0


@pytest.fixture
def renewing(cluster, files, tmp_path):
    """A proxy whose certificate is a copy that may be replaced."""
    (port,) = free_ports(1)
    live = SimpleNamespace(path=str(tmp_path / "live.crt"), key=str(tmp_path / "live.key"), port=port)

    def put(certificate):
        for source, target in ((certificate.path, live.path), (certificate.key, live.key)):
            shutil.copy(source, target + ".new")
            os.replace(target + ".new", target)

    live.put = put
    put(files.server)
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    listener = tls_listener(port, files, certificate_file=live.path, key_file=live.key)
    proxy.write_config({"listeners": proxy.config["listeners"] + [listener]})
    proxy.reload("reload: changed: listeners")
    live.proxy = proxy
    yield live
    proxy.stop()


def test_new_certificates_are_taken_over_under_load(renewing, files):
    second = files.ca.issue("second")
    loads = [Load(renewing.port, files) for _ in range(2)]
    for load in loads:
        load.start()
    for certificate, name in [(second, "second"), (files.server, "server"), (second, "second")]:
        renewing.put(certificate)
        wait_until(lambda: common_name(renewing.port, files) == name, 10, "the new one is shown")
    for load in loads:
        load.stop()
    assert "TLS: files have changed and are taken over" in renewing.proxy.process.log()


def test_a_broken_certificate_changes_nothing(renewing, files):
    log = renewing.proxy.process.log
    with open(renewing.path, "w", encoding="ascii") as file:
        file.write("-----BEGIN CERTIFICATE-----\nnonsense\n")
    wait_until(lambda: "what was there before stays: listeners[1].tls: certificate " in log(), 10,
               "the log says why")
    assert common_name(renewing.port, files) == "server"
    assert "\nslotway_settings_last_reload_successful 0\n" in metrics(renewing)
    os.remove(renewing.path)
    wait_until(lambda: "No such file or directory" in log(), 10, "the log says why")
    assert common_name(renewing.port, files) == "server"
    # A certificate without its key.
    shutil.copy(files.other.path, renewing.path)
    wait_until(lambda: "key values mismatch" in log(), 10, "the log says why")
    assert common_name(renewing.port, files) == "server"
    renewing.proxy.reload("reload refused: ")
    assert common_name(renewing.port, files) == "server"
    renewing.put(files.other)
    wait_until(lambda: common_name(renewing.port, files) == "other", 10, "it is good again")
    assert "\nslotway_settings_last_reload_successful 1\n" in metrics(renewing)


def metrics(renewing):
    return admin_text(renewing.proxy.admin_port, "/metrics")


def test_metrics_tell_when_certificates_end(renewing):
    name = f'slotway_certificate_not_after_timestamp_seconds{{file="{renewing.path}"}}'
    found = re.findall(rf"^{re.escape(name)} (\S+)$", metrics(renewing), re.MULTILINE)
    assert len(found) == 1
    assert 86400 < float(found[0]) - time.time() <= 2 * 86400


def test_a_reload_takes_certificates_over_at_once(renewing, files):
    renewing.put(files.other)
    renewing.proxy.reload("reload: nothing else changed")
    assert common_name(renewing.port, files) == "other"


# --- settings

def test_what_is_wrong_is_said(files, tmp_path):
    locked = files.ca.issue("locked", password="secret123")
    secret = tmp_path / "secret"
    secret.write_text("wrong one\n")
    server = files.server.setting()
    cases = [
        ({**server}, "listeners[0].tls: has settings, but enabled is not yes"),
        ({"enabled": True}, "needs certificate_file and key_file"),
        ({"enabled": True, "certificate_file": server["certificate_file"]}, "need each other"),
        ({"enabled": True, **server, "key_file": "/nowhere"}, "No such file or directory"),
        ({"enabled": True, **server, "key_file": files.other.key}, "key values mismatch"),
        ({"enabled": True, **locked.setting()}, "has a password, and none is set"),
        ({"enabled": True, **locked.setting(), "key_password_file": str(secret)}, "bad decrypt"),
        ({"enabled": True, **server, "ciphers": "NONSENSE"}, "ciphers 'NONSENSE'"),
        ({"enabled": True, **server, "ciphersuites": "NONSENSE"}, "ciphersuites 'NONSENSE'"),
        ({"enabled": True, **server, "protocols": ["TLSv1.1"]}, "needs TLSv1.2, TLSv1.3 or both"),
        ({"enabled": True, **server, "client_certificates": "required"}, "without a CA file"),
        ({"enabled": True, **server, "client_user": "common_name"}, "needs client_certificates"),
    ]
    for i, (tls, expected) in enumerate(cases):
        path = tmp_path / f"{i}.yaml"
        listener = {"address": "127.0.0.1", "port": 1, "tls": tls}
        path.write_text(str({"listeners": [listener], "backend": {"seeds": ["127.0.0.1:1"]}})
                        .replace("True", "true"))
        done = subprocess.run([program("slotway"), "--check-config", str(path)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = done.stdout.decode()
        assert done.returncode != 0 and expected in said, (tls, said)
        assert "wrong one" not in said

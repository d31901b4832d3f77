# SPDX-License-Identifier: Apache-2.0
"""SIGHUP takes new settings over, SIGTERM leaves in good order; nobody's requests suffer."""
import os
import signal
import socket
import threading

import pytest

from deadline import wait_until
from free_ports import free_ports
from proxy_process import PASSWORD, ProxyProcess, admin_status, admin_text
from raw_client import ConnectionClosed, RawClient, encode
from tls_files import Authority


@pytest.fixture
def proxy(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    yield proxy
    proxy.stop()


class Worker(threading.Thread):
    """Increments a counter in pipelines until it is told to stop, or disconnected."""

    def __init__(self, proxy, key):
        super().__init__()
        self._client, self._key = proxy.client(), key
        self._is_over = threading.Event()
        self.error, self.counted, self.was_closed = None, 0, False

    def run(self):
        try:
            while not self._is_over.is_set():
                for reply in self._client.pipeline([("INCR", self._key)] * 20):
                    assert reply == self.counted + 1, reply
                    self.counted = reply
        except (ConnectionClosed, ConnectionError):
            self.was_closed = True
        except AssertionError as error:
            self.error = error
        self._client.close()

    def stop(self):
        self._is_over.set()
        self.join(20)
        assert self.error is None, self.error


def test_nobody_notices_reloads(proxy):
    with proxy.client() as client:
        client.call("DEL", "busy:0", "busy:1")
    workers = [Worker(proxy, f"busy:{i}") for i in range(2)]
    for worker in workers:
        worker.start()
    for i in range(20):
        proxy.write_config({"hold": {"time_max_ms": 1000 + i}})
        proxy.reload("reload: changed: hold")
    for worker in workers:
        worker.stop()
        assert worker.counted > 0 and not worker.was_closed
    assert "slotway_settings_reloads_total 20" in admin_text(proxy.admin_port, "/metrics")


def test_a_new_password(proxy, tmp_path):
    old = proxy.client()
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    proxy.config["auth"] = {"password_file": str(secret)}
    proxy.write_config({})
    proxy.reload("reload: changed: auth")
    assert old.call("PING") == "PONG"  # who is in stays in
    with RawClient(proxy.port) as client:
        assert client.call("AUTH", PASSWORD).startswith("WRONGPASS")
        assert client.call("AUTH", "from-a-file") == "OK"
    # The file alone has changed.
    secret.write_text("again\n")
    proxy.reload("reload: changed: auth")
    with RawClient(proxy.port) as client:
        assert client.call("AUTH", "from-a-file").startswith("WRONGPASS")
        assert client.call("AUTH", "again") == "OK"
    old.close()


def test_a_new_password_of_the_backend(cluster, proxy):
    """Connections that are opened afterwards use it."""
    for node in cluster.nodes:
        node.call("CONFIG", "SET", "requirepass", "rotated")
    try:
        proxy.write_config({"backend": {"password": "rotated"}})
        proxy.reload("reload: changed: backend.password")
        for node in cluster.nodes:
            with RawClient(node.port, password="rotated") as client:
                client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with proxy.client() as client, proxy.client() as listener:
            assert client.pipeline([("SET", f"rotated:{i}", i) for i in range(20)]) == ["OK"] * 20
            assert client.call("BLPOP", "rotated:none", 0.01) is None
            assert listener.call("SUBSCRIBE", "rotated") == [b"subscribe", b"rotated", 1]
    finally:
        for node in cluster.nodes:
            with RawClient(node.port, password="rotated") as client:
                client.call("CONFIG", "SET", "requirepass", cluster.password)


def test_new_limits_hold_for_old_clients(proxy):
    with proxy.client() as client:
        assert client.call("ECHO", "x" * 5000) == b"x" * 5000
        proxy.write_config({"limits": {"bulk_bytes_max": 4096}})
        proxy.reload("reload: changed: limits")
        client.send(encode("ECHO", "x" * 5000))
        assert client.receive_until_closed() == b"-ERR Protocol error: invalid bulk length\r\n"


def test_idle_clients_are_cut_as_soon_as_that_is_asked_for(proxy):
    with proxy.client() as client, proxy.client() as listener, proxy.client() as monitor:
        listener.call("SUBSCRIBE", "idle")
        monitor.call("MONITOR")
        proxy.write_config({"idle_timeout_ms": 50})
        proxy.reload("reload: changed: idle_timeout_ms")
        assert client.receive_until_closed() == b""
        # As with Redis, who listens may be idle.
        assert listener.call("PING") == [b"pong", b""]
        assert monitor.reply().endswith('"PING"')


def test_listeners_come_and_go(proxy):
    (second,) = free_ports(1)
    listeners = proxy.config["listeners"]
    with proxy.client() as old:
        proxy.write_config({"listeners": listeners + [
            {"address": "127.0.0.1", "port": second, "mode": "read-only"}]})
        proxy.reload("reload: changed: listeners")
        with RawClient(second, password=PASSWORD) as reader:
            assert reader.call("SET", "a", "1").startswith("READONLY")
            proxy.write_config({"listeners": listeners})
            proxy.reload("reload: changed: listeners")
            with pytest.raises(ConnectionRefusedError):
                RawClient(second)
            assert reader.call("PING") == "PONG"  # its listener has gone, the client has not
        assert old.call("PING") == "PONG"


def test_what_is_wrong_changes_nothing(proxy):
    proxy.write_config({"workrs": 3, "auth": {"password": "never"}})
    proxy.reload("reload refused: ")
    assert "unknown setting 'workrs' (did you mean 'workers'?)" in proxy.process.log()
    proxy.assert_up()
    del proxy.config["workrs"]
    # Somebody else's port.
    proxy.write_config({"listeners": proxy.config["listeners"] + [
        {"address": "127.0.0.1", "port": proxy.admin_port}]})
    proxy.reload(f"reload refused: cannot bind 127.0.0.1:{proxy.admin_port}: Address already")
    proxy.assert_up()
    os.remove(proxy.config_path)
    proxy.reload(f"reload refused: {proxy.config_path}: No such file or directory")
    proxy.assert_up()


def test_what_needs_a_restart_is_named(proxy):
    proxy.write_config({"workers": 1, "retry": {"redirects_max": 3}})
    proxy.reload("reload: needs a restart: workers")
    proxy.reload("reload: nothing else changed")
    assert "reload: changed: retry" in proxy.process.log()
    proxy.assert_up()


def test_log_files_are_opened_anew(proxy, tmp_path):
    log = tmp_path / "slotway.log"
    proxy.write_config({"log": {"file": str(log)}})
    proxy.process.signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and "reload: changed: log" in log.read_text(), 10, "it moves")
    log.rename(tmp_path / "slotway.log.1")
    proxy.process.signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and "nothing else changed" in log.read_text(), 10, "it is new")


def test_leaving_with_a_grace_period(cluster):
    """Not ready at once, yet served until the period is over; then everybody is seen out."""
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"shutdown_grace_ms": 1500})
    try:
        with proxy.client() as client:
            client.call("DEL", "busy:0")
        worker, idle = Worker(proxy, "busy:0"), proxy.client()
        worker.start()
        proxy.process.signal(signal.SIGTERM)
        wait_until(lambda: admin_status(proxy.admin_port, "/readyz") == 503, 10, "not ready")
        assert admin_status(proxy.admin_port, "/healthz") == 200
        proxy.assert_up()  # who comes now is served
        assert idle.call("PING") == "PONG"
        assert idle.receive_until_closed() == b""
        assert proxy.process.wait() == 0
        worker.join(20)
        assert worker.error is None and worker.was_closed
        with cluster.nodes[0].client() as client:
            ports = [node.port for node in cluster.nodes]
            moved = client.call("GET", "busy:0")
            if isinstance(moved, str):  # the error says where it is
                client = RawClient(int(moved.rsplit(":", 1)[1]), password=cluster.password)
                assert moved.startswith("MOVED") and int(moved.rsplit(":", 1)[1]) in ports
            # Every answered increment counts; at most one pipeline was on its way.
            assert 0 <= int(client.call("GET", "busy:0")) - worker.counted <= 20
    finally:
        proxy.stop()


def test_a_second_signal_skips_the_grace_period(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"shutdown_grace_ms": 600_000})
    try:
        proxy.process.signal(signal.SIGTERM)
        wait_until(lambda: not proxy.is_ready(), 10, "not ready")
        proxy.process.signal(signal.SIGTERM)
        assert proxy.process.wait() == 0
    finally:
        proxy.stop()


def test_leaving_answers_all_that_has_arrived(cluster):
    """Also what waits behind a request that takes its time, and has not been read yet."""
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    try:
        client, idle = proxy.client(), proxy.client()
        client.call("SET", "{left}:a", "before")
        shard = cluster.master_of("{left}")
        shard.call("CLIENT", "PAUSE", 1000, "ALL")
        script = "return redis.call('GET', KEYS[1])"
        client.send(encode("SET", "{left}:a", "after") + encode("EVAL", script, 1, "{left}:a") +
                    encode("SET", "{left}:b", "x") + encode("EVAL", script, 1, "{left}:b") +
                    encode("PING"))
        proxy.process.signal(signal.SIGTERM)
        assert idle.receive_until_closed() == b""
        assert client.receive_until_closed() == (
            b"+OK\r\n$5\r\nafter\r\n+OK\r\n$1\r\nx\r\n+PONG\r\n")
        assert proxy.process.wait() == 0
    finally:
        proxy.stop()


def begin_to_leave(proxy):
    proxy.process.signal(signal.SIGTERM)
    wait_until(lambda: "draining" in proxy.process.log(), 10, "it is about to end")


def test_leaving_finishes_transactions(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    try:
        client = proxy.client()
        assert client.call("DEL", "left:count") in (0, 1)
        assert client.call("WATCH", "left:count") == "OK"
        begin_to_leave(proxy)
        assert client.call("GET", "left:count") is None
        assert client.call("MULTI") == "OK"
        assert client.call("INCR", "left:count") == "QUEUED"
        client.send(encode("EXEC"))
        assert client.receive_until_closed() == b"*1\r\n:1\r\n"
        assert proxy.process.wait() == 0
    finally:
        proxy.stop()


def test_leaving_ends_waits_as_their_time_does(cluster):
    """And loses nothing that was taken for them. Who waits for ever is hung up on."""
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, settings={"shutdown_drain_ms": 3000})
    try:
        served, patient, endless, other = (proxy.client() for _ in range(4))
        other.call("DEL", "left:a", "left:b")
        served.send(encode("BLPOP", "left:a", 1000))
        patient.send(encode("BLPOP", "left:b", 1000))
        endless.send(encode("BLPOP", "left:b", 0))
        wait_until(lambda: "slotway_blocked_clients 3" in admin_text(proxy.admin_port, "/metrics"), 10, "they wait")
        begin_to_leave(proxy)
        assert other.call("RPUSH", "left:a", "x") == 1
        assert served.receive_until_closed() == b"*2\r\n$6\r\nleft:a\r\n$1\r\nx\r\n"
        assert not patient.has_input() and not endless.has_input()
        assert patient.receive_until_closed() == b"*-1\r\n"
        assert endless.receive_until_closed() == b""
        assert proxy.process.wait() == 0
    finally:
        proxy.stop()


def test_leaving_lets_in_who_waits_at_the_door(cluster):
    """More of them than are accepted at a time; the kernel has told them that they are connected."""
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    try:
        proxy.process.signal(signal.SIGSTOP)
        clients = [RawClient(proxy.port) for _ in range(300)]
        proxy.process.signal(signal.SIGTERM)
        proxy.process.signal(signal.SIGCONT)
        for number, client in enumerate(clients):
            client.send(encode("AUTH", PASSWORD) + encode("SET", f"left:{number}", "x"))
        for client in clients:
            assert client.receive_until_closed() == b"+OK\r\n+OK\r\n"
        assert proxy.process.wait() == 0
    finally:
        proxy.stop()


def test_leaving_lets_in_who_was_about_to_come(cluster, tmp_path):
    """Whose TCP connection was there already, and TLS was not yet."""
    authority = Authority(str(tmp_path / "tls"))
    (port,) = free_ports(1)
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, port=port, settings={
        "listeners": [{"address": "127.0.0.1", "port": port,
                       "tls": {"enabled": True, **authority.issue("server").setting()}}]}, wait_ready=False)
    try:
        wait_until(proxy.is_ready, 20, "it is ready")
        plain = socket.create_connection(("127.0.0.1", port), 20)
        begin_to_leave(proxy)
        secured = authority.context().wrap_socket(plain, server_hostname="localhost")
        client = RawClient(port, password=PASSWORD, connected=secured)
        client.send(encode("SET", "left:late", "x"))
        assert client.receive_until_closed() == b"+OK\r\n"
        assert proxy.process.wait() == 0
    finally:
        proxy.stop()

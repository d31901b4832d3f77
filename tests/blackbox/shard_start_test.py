# SPDX-License-Identifier: Apache-2.0
"""How a shard is started: a redis.conf on the standard input or in a file, options behind it, a
Unix socket, a file with the process id, and the lines of the log that supervisors wait for. The same
at a redis-server, which is here to hold the expectations against."""
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest

from deadline import SLOWNESS, wait_until
from free_ports import free_port
from raw_client import RawClient
from server_program import program

SERVERS = {"slotway-shard": program("slotway-shard"), "redis-server": "redis-server"}


@pytest.fixture(params=list(SERVERS))
def command(request):
    return SERVERS[request.param]


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="slotway-start-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Started:
    """A server with what it has written; ends with the block."""

    def __init__(self, folder, command, conf=None):
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log,
                                            stderr=subprocess.PIPE, cwd=folder)
        self.process.stdin.write((conf or "").encode())
        self.process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20 * SLOWNESS)
        self.process.stderr.close()
        return code

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_until_ready(self):
        wait_until(lambda: "ready to accept connections" in self.log().lower(), 20, "it is ready")


def client_at(path):
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(20 * SLOWNESS)
    connected.connect(path)
    return RawClient(0, connected=connected)


def test_settings_come_from_the_standard_input_and_options(command, folder):
    port = free_port()
    conf = f"# settings\nport 1\nmaxmemory 5mb\nlogfile ''\ndir {folder}\n"
    with Started(folder, [command, "-", "--port", str(port), "--save", ""], conf) as server:
        server.wait_until_ready()
        assert re.search(rf"(?i)pid[:=] ?{server.process.pid}\b", server.log())
        with RawClient(port) as client:
            assert client.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"5242880"]
            assert client.call("CONFIG", "GET", "save") == [b"save", b""]
        assert server.stop() == 0


def test_clients_of_this_machine_come_by_a_file(command, folder):
    path, port = os.path.join(folder, "socket"), free_port()
    conf = f"port {port}\nbind 127.0.0.1\nunixsocket {path}\nunixsocketperm 750\ndir {folder}\n"
    with Started(folder, [command, "-"], conf) as server:
        server.wait_until_ready()
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o750
        with client_at(path) as near, RawClient(port) as far:
            assert near.call("SET", "k", "v") == "OK"
            assert far.call("GET", "k") == b"v"
            assert near.call("CONFIG", "GET", "unixsocket*") in (
                [b"unixsocket", path.encode(), b"unixsocketperm", b"750"],
                [b"unixsocketperm", b"750", b"unixsocket", path.encode()])
            assert far.call("CONFIG", "SET", "unixsocketperm", "700").startswith(
                "ERR CONFIG SET failed")
            line = far.call("CLIENT", "LIST", "ID", near.call("CLIENT", "ID")).decode()
            assert f"addr={path}:0 laddr={path}:0 " in line
            assert " flags=U " in line
        assert server.stop() == 0
    assert not os.path.exists(path)


def test_without_a_port_the_file_is_the_only_way(command, folder):
    path = os.path.join(folder, "socket")
    with Started(folder, [command, "--port", "0", "--unixsocket", path, "--dir", folder]) as server:
        server.wait_until_ready()
        with client_at(path) as client:
            assert client.call("PING") == "PONG"
        listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True)
        assert f"pid={server.process.pid}," not in listening.stdout


def test_a_file_tells_the_process(command, folder):
    path = os.path.join(folder, "server.pid")
    options = ["--port", str(free_port()), "--pidfile", path, "--dir", folder]
    with Started(folder, [command, *options]) as server:
        server.wait_until_ready()
        with open(path, encoding="ascii") as file:
            assert file.read() == f"{server.process.pid}\n"
        assert server.stop() == 0
    assert not os.path.exists(path)


def test_a_port_that_is_taken_is_said(command, folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Started(folder, [command, "--port", str(port), "--bind", "127.0.0.1"]) as server:
            assert server.process.wait(20 * SLOWNESS) == 1
            assert f"Failed listening on port {port}" in server.log()


def test_rights_that_are_no_octal_number_are_refused(command, folder):
    for value in ("8", "1777", "-1", "x"):
        with Started(folder, [command, "--unixsocketperm", value, "--port", "0"]) as server:
            assert server.process.wait(20 * SLOWNESS) == 1, value


def test_without_an_address_the_file_is_the_only_way(command, folder):
    path, port = os.path.join(folder, "socket"), free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path, "--dir", folder]
    with Started(folder, [command, *options]) as server:
        server.wait_until_ready()
        with client_at(path) as client:
            assert client.call("CONFIG", "SET", "bind", "") == "OK"
            assert client.call("CONFIG", "GET", "bind") == [b"bind", b""]
            with pytest.raises(ConnectionRefusedError):
                RawClient(port)
            assert client.call("CONFIG", "SET", "bind", "127.0.0.1") == "OK"
            with RawClient(port) as other:
                assert other.call("PING") == "PONG"


def test_an_old_file_is_read(command, folder):
    """RDB version 3, without a checksum: a string, and one with a time to live in seconds."""
    with open(os.path.join(folder, "dump.rdb"), "wb") as file:
        file.write(b"REDIS0003\xfe\x00\x00\x01a\x011\xfd" + (4000000000 - 2**32).to_bytes(
            4, "little", signed=True) + b"\x00\x03due\x01x\xff")
    port = free_port()
    with Started(folder, [command, "--port", str(port), "--dir", folder]) as server:
        server.wait_until_ready()
        with RawClient(port) as client:
            assert client.call("GET", "a") == b"1"
            assert client.call("DBSIZE") == 1


def test_a_list_may_be_empty(command, folder):
    port = free_port()
    conf = f"save \nlatency-tracking-info-percentiles\nport {port}\ndir {folder}\n"
    with Started(folder, [command, "-"], conf) as server:
        server.wait_until_ready()
        with RawClient(port) as client:
            assert client.call("CONFIG", "GET", "save") == [b"save", b""]
            assert client.call("CONFIG", "GET", "latency-tracking-info-percentiles") == [
                b"latency-tracking-info-percentiles", b""]

# SPDX-License-Identifier: Apache-2.0
"""repl-diskless-load: what a replica has while the data set of a master comes, and when it does not
come to its end. The master is a script; redis-server is held against the same."""
import os
import socket
import threading

import pytest

from deadline import wait_until
from raw_client import ErrorReply
from real_cluster import RealRedis
from shard_replication_test import fixture_members  # noqa: F401  a fixture

HISTORY, OFFSET = "a" * 40, 1000
MARK = b"b" * 40


@pytest.fixture(name="data_set", scope="module")
def fixture_data_set():
    """An RDB file of redis-server with 1000 keys."""
    server = RealRedis(settings=[("save", "")])
    try:
        with server.client() as client:
            client.pipeline([("SET", f"new:{i}", "x" * 500) for i in range(1000)])
            client.call("FUNCTION", "LOAD", "#!lua name=new\nredis.register_function('f', function() return 1 end)")
            assert client.call("SAVE") == "OK"
            directory = client.call("CONFIG", "GET", "dir")[1].decode()
        with open(os.path.join(directory, "dump.rdb"), "rb") as file:
            return file.read()
    finally:
        server.stop()


class ScriptedMaster:
    """Sends `data` to whoever asks, all but what is behind `cut`, and goes on when it is let go."""

    def __init__(self, data, has_mark):
        self._data, self._has_mark = data, has_mark
        self.sent_half, self.let_go = threading.Event(), threading.Event()
        self.cuts = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._speak(connection)
                except OSError:
                    pass

    def _speak(self, connection):
        reader = connection.makefile("rb")
        while True:
            line = reader.readline()
            if not line:
                return
            if not line.startswith(b"*"):
                continue
            words = []
            for _ in range(int(line[1:])):
                words.append(reader.read(int(reader.readline()[1:]) + 2)[:-2])
            if words[0].upper() == b"PING":
                connection.sendall(b"+PONG\r\n")
            elif words[0].upper() == b"PSYNC":
                self._send_data(connection)
                if self.cuts:
                    return
            elif words[1:2] != [b"ACK"]:
                connection.sendall(b"+OK\r\n")

    def _send_data(self, connection):
        half = len(self._data) // 2
        head = b"$EOF:" + MARK if self._has_mark else b"$%d" % len(self._data)
        connection.sendall(f"+FULLRESYNC {HISTORY} {OFFSET}\r\n".encode() + head + b"\r\n" + self._data[:half])
        self.sent_half.set()
        self.let_go.wait()
        if not self.cuts:
            connection.sendall(self._data[half:] + (MARK if self._has_mark else b""))

    def stop(self):
        self.cuts = True
        self.let_go.set()
        self._listener.close()


@pytest.fixture(name="scripted")
def fixture_scripted():
    made = []

    def make(data, has_mark):
        made.append(ScriptedMaster(data, has_mark))
        return made[-1]
    yield make
    for master in made:
        master.stop()


def with_old_data(members, kind, load):
    replica = members(kind, repl_diskless_load=load)
    replica.call("SET", "old", "1")
    replica.call("SELECT", "1")
    replica.call("SET", "old", "2")
    replica.call("SELECT", "0")
    return replica


@pytest.mark.parametrize("has_mark", [True, False], ids=["mark", "length"])
@pytest.mark.parametrize("load", ["disabled", "on-empty-db"])
@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_the_old_data_stays_until_the_new_is_whole(members, scripted, data_set, kind, load, has_mark):
    replica, master = with_old_data(members, kind, load), scripted(data_set, has_mark)
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    assert master.sent_half.wait(20)
    wait_until(lambda: replica.info("master_sync_in_progress") == "1", 20, "the data comes")
    while_it_comes = replica.call("GET", "old")
    assert while_it_comes == b"1"
    master.cuts = True
    master.let_go.set()
    wait_until(lambda: replica.call("GET", "old") == b"1", 20, "the old data is there")
    # The next time it comes to its end.
    master.cuts = False
    wait_until(lambda: replica.info("master_link_status") == "up", 30, "the link is up")
    assert replica.call("DBSIZE") == 1000
    assert replica.call("GET", "old") is None
    assert replica.call("GET", "new:999") == b"x" * 500
    assert [row[1] for row in replica.call("FUNCTION", "LIST")] == [b"new"]
    replica.call("SELECT", "1")
    assert replica.call("DBSIZE") == 0
    assert replica.info("master_replid") == HISTORY


@pytest.mark.parametrize("has_mark", [True, False], ids=["mark", "length"])
def test_an_empty_replica_loads_as_it_comes(members, scripted, data_set, has_mark):
    replica, master = members("ours", repl_diskless_load="on-empty-db"), scripted(data_set, has_mark)
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    assert master.sent_half.wait(20)
    wait_until(lambda: isinstance(replica.call("GET", "old"), ErrorReply), 20, "it is loading")
    master.let_go.set()
    wait_until(lambda: replica.info("master_link_status") == "up", 30, "the link is up")
    assert replica.call("DBSIZE") == 1000


def test_data_that_is_wrong(members, scripted, data_set):
    """Over the disk it is found out when what was there is gone: half of a data set is none."""
    middle = len(data_set) * 3 // 4
    wrong = data_set[:middle] + bytes(byte ^ 0xff for byte in data_set[middle:middle + 600]) + data_set[middle + 600:]
    replica, master = with_old_data(members, "ours", "disabled"), scripted(wrong, True)
    master.let_go.set()
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    wait_until(lambda: replica.call("DBSIZE") == 0, 20, "it was given up")
    assert replica.call("PING") == "PONG"
    assert "FAIL" in str(replica.call("CONFIG", "SET", "repl-diskless-load", "swapdb")).upper()

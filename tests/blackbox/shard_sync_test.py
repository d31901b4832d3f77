# SPDX-License-Identifier: Apache-2.0
"""repl-diskless-load: what a replica has while the data set of a master comes, and when it does not
come to its end. The master is a script; redis-server is held against the same."""
import os
import socket
import threading
import time

import pytest

from deadline import wait_until
from raw_client import ErrorReply, encode
from real_cluster import RealRedis
from shard_replication_test import fixture_members  # noqa: F401  a fixture

HISTORY = "a" * 40
OFFSET = 2000  # where the first data set stands
MARK = b"b" * 40


def function(library, answer):
    return (f"#!lua name={library}\nredis.register_function{{function_name='f', "
            f"callback=function() return {answer} end, flags={{'no-writes'}}}}")


@pytest.fixture(name="data_set", scope="module")
def fixture_data_set():
    """An RDB file of redis-server with 1000 keys."""
    server = RealRedis(settings=[("save", "")])
    try:
        with server.client() as client:
            client.pipeline([("SET", f"new:{i}", "x" * 500) for i in range(1000)])
            client.call("FUNCTION", "LOAD", function("new", 1))
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
        self.sent_half, self.let_go, self.answers = (threading.Event() for _ in range(3))
        self.answers.set()
        self.cuts = False
        self._connection, self._offset = None, OFFSET - 1000
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connection = connection
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
                self.answers.wait()
                self._send_data(connection)
                if self.cuts:
                    return
            elif words[1:2] != [b"ACK"]:
                connection.sendall(b"+OK\r\n")

    def _send_data(self, connection):
        half = len(self._data) // 2
        head = b"$EOF:" + MARK if self._has_mark else b"$%d" % len(self._data)
        self._offset += 1000
        connection.sendall(f"+FULLRESYNC {HISTORY} {self._offset}\r\n".encode() + head + b"\r\n" + self._data[:half])
        self.sent_half.set()
        self.let_go.wait()
        if not self.cuts:
            connection.sendall(self._data[half:] + (MARK if self._has_mark else b""))

    def drop(self):
        """The replica has to ask again."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.cuts = True
        self.answers.set()
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


@pytest.mark.parametrize("load", ["disabled", "on-empty-db", "swapdb"])
def test_key_load_delay(members, scripted, data_set, load):
    replica, master = members("ours", repl_diskless_load=load), scripted(data_set, True)
    assert replica.call("CONFIG", "SET", "key-load-delay", "2000") == "OK"
    master.let_go.set()
    begin = time.monotonic()
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    wait_until(lambda: replica.info("loading", "persistence") == "1", 10, "it is loading")
    wait_until(lambda: replica.info("master_link_status") == "up", 30, "the link is up")
    assert time.monotonic() - begin >= 1.9
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


# ---- swapdb ----

def ends(master, replica):
    """The transfer that is at its half comes to its end."""
    master.cuts = False
    master.answers.set()
    master.let_go.set()
    wait_until(lambda: replica.info("master_link_status") == "up", 30, "the link is up")


def is_cut(master, replica):
    """The transfer that is at its half breaks off; the next one begins when `answers` is set."""
    master.answers.clear()
    master.sent_half.clear()
    master.cuts = True
    master.let_go.set()
    wait_until(lambda: replica.info("loading", "persistence") == replica.info("async_loading", "persistence") == "0",
               20, "it was given up")
    master.let_go.clear()
    master.cuts = False


@pytest.mark.parametrize("has_mark", [True, False], ids=["mark", "length"])
def test_data_of_another_history_beside(members, scripted, data_set, has_mark):
    """Nobody is served, and what there was is there again when it breaks off. (redis-server answers
    nobody while nothing comes.)"""
    replica, master = with_old_data(members, "ours", "swapdb"), scripted(data_set, has_mark)
    replica.call("FUNCTION", "LOAD", function("old", 0))
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    assert master.sent_half.wait(20)
    wait_until(lambda: replica.info("loading", "persistence") == "1", 20, "it is loading")
    assert replica.info("async_loading", "persistence") == "0"
    assert str(replica.call("GET", "old")).startswith("LOADING")
    is_cut(master, replica)
    assert replica.call("GET", "old") == b"1"
    assert replica.call("FCALL", "f", 0) == 0
    master.answers.set()
    assert master.sent_half.wait(20)
    ends(master, replica)
    assert replica.call("DBSIZE") == 1000
    assert replica.call("GET", "old") is None
    assert replica.call("FCALL", "f", 0) == 1
    assert [row[1] for row in replica.call("FUNCTION", "LIST")] == [b"new"]
    replica.call("SELECT", "1")
    assert replica.call("DBSIZE") == 0


class Served:
    """A replica whose data is of the history of what comes: the first data set came to its end."""

    def __init__(self, members, scripted, data_set, kind="ours", **settings):
        self.master = scripted(data_set, True)
        self.replica = members(kind, repl_diskless_load="swapdb", replica_read_only="no", **settings)
        self.master.let_go.set()
        self.replica.call("REPLICAOF", "127.0.0.1", self.master.port)
        ends(self.master, self.replica)
        self.replica.call("SET", "old", "1")
        self.replica.call("FUNCTION", "LOAD", "REPLACE", function("new", 0))

    def begin_again(self):
        self.master.let_go.clear()
        self.master.sent_half.clear()
        self.master.drop()
        assert self.master.sent_half.wait(20)
        wait_until(lambda: self.replica.info("async_loading", "persistence") == "1", 20, "it is loading")


def test_data_of_the_same_history_beside(members, scripted, data_set):
    """The old data is served until the other takes its place."""
    served = Served(members, scripted, data_set)
    replica = served.replica
    served.begin_again()
    assert replica.info("loading", "persistence") == "0"
    assert int(replica.info("loading_loaded_bytes", "persistence")) > 0
    assert replica.info("master_link_status") == "down"
    for _ in range(2):
        assert replica.call("GET", "old") == b"1"
        assert replica.call("FCALL", "f", 0) == 0
        assert replica.call("DBSIZE") == 1001
        assert replica.call("CONFIG", "SET", "maxmemory", "0") == "OK"
        for refused in (("CONFIG", "SET", "maxmemory", "0", "appendonly", "no"), ("REPLICAOF", "NO", "ONE"), ("BGSAVE",), ("SAVE",),
                        ("BGREWRITEAOF",)):
            assert str(replica.call(*refused)).startswith("LOADING"), refused
        replica.call("MULTI")
        assert str(replica.call("REPLICAOF", "NO", "ONE")).startswith("LOADING")
        assert str(replica.call("EXEC")).startswith("EXECABORT")
        is_cut(served.master, replica)
        assert replica.call("GET", "old") == b"1"
        served.master.answers.set()
        assert served.master.sent_half.wait(20)
        wait_until(lambda: replica.info("async_loading", "persistence") == "1", 20, "it is loading again")
    ends(served.master, replica)
    assert replica.call("GET", "old") is None
    assert replica.call("FCALL", "f", 0) == 1
    assert replica.call("DBSIZE") == 1000
    assert replica.info("master_replid") == HISTORY


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_who_is_told_when_data_takes_the_place_of_other(members, scripted, data_set, kind):
    served = Served(members, scripted, data_set, kind)
    replica = served.replica
    replica.call("XADD", "stream", "1-1", "f", "v")
    replica.call("SET", "untouched", "1")
    replica.call("DEL", "untouched")
    with replica.server.client() as gone, replica.server.client() as same, replica.server.client() as came, \
            replica.server.client() as reader, replica.server.client(protocol=3) as tracking:
        for client, key in ((gone, "old"), (same, "untouched"), (came, "new:1")):
            assert client.call("WATCH", key) == "OK"
            assert client.call("MULTI") == "OK"
            assert client.call("GET", key) == "QUEUED"
        assert tracking.call("CLIENT", "TRACKING", "ON") == "OK"
        assert tracking.call("GET", "old") == b"1"
        assert reader.call("XGROUP", "CREATE", "stream", "g", "$") == "OK"
        reader.send(encode("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "stream", ">"))
        wait_until(lambda: replica.info("blocked_clients", "clients") == "1", 10, "it waits")
        served.master.drop()
        wait_until(lambda: replica.call("GET", "old") is None, 20, "the other data is there")
        assert gone.call("EXEC") is None
        assert came.call("EXEC") is None
        assert same.call("EXEC") == [None]
        assert str(reader.reply()).startswith(("NOGROUP", "UNBLOCKED"))
        assert tracking.reply() == [b"invalidate", None]


def test_a_replica_of_it_copies_the_new_data(members, scripted, data_set):
    served = Served(members, scripted, data_set)
    below = members("ours")
    below.follow(served.replica)
    assert below.call("GET", "old") == b"1"
    served.begin_again()
    assert below.info("master_link_status") == "up"
    assert below.call("GET", "old") == b"1"
    ends(served.master, served.replica)
    wait_until(lambda: below.info("master_link_status") == "up" and below.call("GET", "old") is None, 20,
               "it has the other data")
    assert below.call("DBSIZE") == 1000
    assert below.info("master_replid") == HISTORY


def test_memory_comes_back(members, scripted, data_set):
    """Of what was replaced, and of what was given up."""
    served = Served(members, scripted, data_set)
    replica = served.replica
    used = int(replica.info("used_memory", "memory"))
    served.begin_again()
    is_cut(served.master, replica)
    served.master.answers.set()
    assert served.master.sent_half.wait(20)
    wait_until(lambda: replica.info("async_loading", "persistence") == "1", 20, "it is loading again")
    assert int(replica.info("used_memory_dataset", "memory")) > int(len(data_set) * 0.3)
    ends(served.master, replica)
    wait_until(lambda: int(replica.info("lazyfree_pending_objects", "memory")) == 0, 20, "it is freed")
    wait_until(lambda: int(replica.info("used_memory", "memory")) < used * 1.1, 20, "as much as before")


def test_slots_of_a_cluster(members):
    """06S is in slot 0."""
    settings = {"cluster_enabled": "yes", "repl_backlog_size": "16384"}
    master, replica = (members("ours", repl_diskless_load="swapdb", **settings) for _ in range(2))
    assert master.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383") == "OK"
    assert replica.call("CLUSTER", "MEET", "127.0.0.1", master.port) == "OK"
    wait_until(lambda: replica.call("CLUSTER", "REPLICATE", master.call("CLUSTER", "MYID")) == "OK", 20, "it follows")
    wait_until(lambda: replica.info("master_link_status") == "up", 20, "the link is up")
    wait_until(lambda: master.call("SET", "06S", "1") == "OK", 20, "the cluster is up")
    assert replica.call("READONLY") == "OK"
    wait_until(lambda: replica.call("GET", "06S") == b"1", 20, "it has the key")
    assert replica.call("CONFIG", "SET", "key-load-delay", "10000") == "OK"
    requests = [("MULTI",), ("CLIENT", "KILL", "TYPE", "replica"), ("DEL", "06S")]
    requests += [("SET", f"{{06S}}{i}", "x" * 1000) for i in range(200)]
    assert not isinstance(master.client.pipeline(requests + [("EXEC",)])[-1], ErrorReply)
    wait_until(lambda: replica.info("async_loading", "persistence") == "1", 20, "it is loading")
    assert replica.call("GET", "06S") == b"1"
    assert replica.call("CLUSTER", "COUNTKEYSINSLOT", "0") == 1
    assert replica.call("CLUSTER", "GETKEYSINSLOT", "0", "9") == [b"06S"]
    assert str(replica.call("CLUSTER", "ADDSLOTS", "0")).startswith("LOADING")
    assert replica.call("CONFIG", "SET", "key-load-delay", "0") == "OK"
    wait_until(lambda: replica.info("master_link_status") == "up", 20, "the link is up")
    assert replica.call("GET", "06S") is None
    assert replica.call("CLUSTER", "COUNTKEYSINSLOT", "0") == 200
    assert replica.call("DBSIZE") == 200

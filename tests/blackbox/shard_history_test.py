# SPDX-License-Identifier: Apache-2.0
"""What a data file remembers of the history of its data: who restarts goes on where it was, ours and
Redis's in all mixtures; two of Redis's hold the expectations against themselves."""
import os
import shutil
import subprocess
import tempfile

import pytest

from bus_nodes import answers
from child_process import ChildProcess
from deadline import SLOWNESS, wait_until
from free_ports import free_port
from raw_client import RawClient
from real_cluster import REDIS_SERVER
from server_program import program

PAIRS = [("redis", "redis"), ("redis", "ours"), ("ours", "redis"), ("ours", "ours")]


class Keeper:
    """A server of either kind that keeps its folder when it is started again."""

    def __init__(self, kind, directory, options=()):
        self.directory, self.port, self.replicaof, self._options = directory, free_port(), None, options
        os.makedirs(directory)
        self._program = program("slotway-shard") if kind == "ours" else REDIS_SERVER
        self.process = None

    def start(self):
        command = [self._program, "--port", self.port, "--bind", "127.0.0.1", "--dir", self.directory, "--save", "",
                   "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes", "--repl-ping-replica-period",
                   "1000", *self._options]
        if self.replicaof is not None:
            command += ["--replicaof", "127.0.0.1", self.replicaof.port]
        self.process = ChildProcess(command, os.path.join(self.directory, "log"))
        wait_until(lambda: answers(self), 20, "it answers")

    def end(self, how="SAVE"):
        with self.client() as client:
            client.send(f"SHUTDOWN {how}\r\n".encode())
            client.receive_until_closed()
        assert self.process.wait(20) == 0

    def client(self, **options):
        return RawClient(self.port, "127.0.0.1", password=None, **options)

    def call(self, *words):
        with self.client() as client:
            return client.call(*words)

    def info(self, field, section="replication"):
        for line in self.call("INFO", section).decode().split("\r\n"):
            if line.startswith(field + ":"):
                return line.split(":", 1)[1]
        return None

    def is_linked(self):
        return answers(self) and self.info("master_link_status") == "up"


@pytest.fixture(name="keepers")
def fixture_keepers():
    directory, made = tempfile.mkdtemp(prefix="slotway-history-"), []

    def make(kinds, *options):
        made.extend(Keeper(kind, os.path.join(directory, str(i)), options) for i, kind in enumerate(kinds))
        for keeper in made[1:]:
            keeper.replicaof = made[0]
        for keeper in made:
            keeper.start()
        wait_until(lambda: all(keeper.is_linked() for keeper in made[1:]), 20, "the replicas follow")
        return made
    yield make
    for keeper in made:
        keeper.process.stop()
    shutil.rmtree(directory, ignore_errors=True)


def write_elsewhere(master, count):
    """Leaves the stream in database 3."""
    with master.client() as client:
        client.call("SET", "here", "1")
        client.call("SELECT", "3")
        for _ in range(count):
            client.call("INCR", "counter")


def wait_for(master, count):
    """WAIT is for what its own client has written."""
    with master.client() as client:
        assert client.pipeline([("SET", "waited", "1"), ("WAIT", count, int(10000 * SLOWNESS))]) == ["OK", count]


def assert_same(master, replica):
    wait_for(master, 1)
    assert master.call("DEBUG", "DIGEST") == replica.call("DEBUG", "DIGEST")


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_a_replica_that_restarts_goes_on(keepers, kinds):
    master, replica = keepers(kinds)
    write_elsewhere(master, 3)
    assert_same(master, replica)
    replica.end()
    write_elsewhere(master, 4)
    with master.client() as client:
        client.call("SELECT", "3")
        client.call("SET", "missed", "1", "PX", "100000")
    replica.start()
    wait_until(replica.is_linked, 20, "it follows again")
    assert_same(master, replica)
    with replica.client() as client:
        client.call("SELECT", "3")
        assert client.call("GET", "counter") == b"7"
    assert master.info("sync_full", "stats") == "1"
    assert master.info("sync_partial_ok", "stats") == "1"


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_a_master_that_restarts_lets_its_replicas_go_on(keepers, kinds):
    master, replica = keepers(kinds)
    write_elsewhere(master, 3)
    with master.client() as client:
        client.call("SET", "short", "1", "PX", "300")
    assert_same(master, replica)
    history = master.info("master_replid")
    master.end()
    wait_until(lambda: not replica.is_linked(), 20, "the replica has noticed")
    master.start()
    assert master.info("master_replid2") == history
    wait_until(replica.is_linked, 20, "it follows again")
    write_elsewhere(master, 4)
    wait_until(lambda: master.call("GET", "short") is None and replica.call("GET", "short") is None, 10, "it is due")
    assert_same(master, replica)
    assert master.info("sync_full", "stats") == "0"
    assert master.info("sync_partial_ok", "stats") == "1"
    assert replica.info("master_replid") == master.info("master_replid")


@pytest.mark.parametrize("kinds", [("redis", "ours", "redis"), ("ours", "redis", "ours")], ids="-".join)
def test_who_changed_places_before_its_end_goes_on(keepers, kinds):
    """A former master that restarts as a replica of the one that took over."""
    first, second, third = keepers(kinds)
    write_elsewhere(first, 3)
    wait_for(first, 2)
    first.end()
    second.call("REPLICAOF", "NO", "ONE")
    third.call("REPLICAOF", "127.0.0.1", second.port)
    write_elsewhere(second, 2)
    first.replicaof = second
    first.start()
    wait_until(lambda: first.is_linked() and third.is_linked(), 20, "both follow")
    wait_for(second, 2)
    assert second.info("sync_full", "stats") == "0"
    assert len({node.call("DEBUG", "DIGEST") for node in (first, second, third)}) == 1


@pytest.mark.parametrize("who", ["master", "replica"])
def test_a_log_that_was_closed_remembers_the_history(keepers, who):
    """Redis's does not, but passes over the note."""
    master, replica = keepers(("ours", "ours"), "--appendonly", "yes", "--rdb-version", "10")
    write_elsewhere(master, 3)
    assert_same(master, replica)
    one = master if who == "master" else replica
    # Until its base is that of the master's data, the log of a replica is of no history.
    wait_until(lambda: one.info("aof_rewrite_in_progress", "persistence") == "0"
               and one.info("aof_rewrite_scheduled", "persistence") == "0", 20, "the log is whole")
    one.end("NOSAVE")
    if who == "replica":
        write_elsewhere(master, 4)
    log = os.path.join(one.directory, "appendonlydir")
    newest, = [name for name in os.listdir(log) if ".incr." in name]
    with open(os.path.join(log, newest), "rb") as file:
        assert file.read().splitlines()[-1].startswith(b"#HISTORY:")
    checked = subprocess.run(["redis-check-aof", os.path.join(log, "appendonly.aof.manifest")],
                             capture_output=True, text=True, timeout=20 * SLOWNESS)
    assert "All AOF files and manifest are valid" in checked.stdout, checked.stdout
    one.start()
    wait_until(replica.is_linked, 20, "it follows again")
    write_elsewhere(master, 4)
    assert_same(master, replica)
    assert master.info("sync_full", "stats") == ("0" if who == "master" else "1")
    assert master.info("sync_partial_ok", "stats") == "1"


def test_a_log_that_goes_on_behind_the_note_remembers_nothing(keepers):
    master, replica = keepers(("ours", "ours"), "--appendonly", "yes")
    write_elsewhere(master, 3)
    assert_same(master, replica)
    replica.end("NOSAVE")
    replica.replicaof = None
    replica.start()
    replica.call("SET", "alone", "1")
    replica.process.kill()
    replica.replicaof = master
    replica.start()
    wait_until(replica.is_linked, 20, "it follows again")
    assert_same(master, replica)
    assert replica.call("GET", "alone") is None
    assert master.info("sync_full", "stats") == "2"

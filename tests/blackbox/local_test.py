# SPDX-License-Identifier: Apache-2.0
"""slotway local: a whole cluster with one command, gone with one Ctrl-C."""
import os
import signal
import socket

import pytest

from child_process import command_line, descendants
from deadline import wait_until
from proxy_process import PASSWORD
from real_cluster import redis_cli
from shard_cluster import LocalCluster

KEYS = [f"local:{i}" for i in range(300)]


@pytest.fixture
def local():
    local = LocalCluster(shards=3, replicas=1)
    yield local
    local.stop()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_start_print_serve(local):
    log = local.process.log()
    assert f"127.0.0.1:{local.port}" in log or f"-p {local.port}" in log
    assert "redis-cli" in log, "it says how to connect"
    for slots in ("0", "5460", "5461", "10922", "10923", "16383"):
        assert slots in log, "the table of shards with their slots"
    assert len(local.shard_pids()) == 6
    with local.client() as client:
        assert client.pipeline([("SET", key, key) for key in KEYS]) == ["OK"] * len(KEYS)
        assert client.call("MGET", *KEYS) == [key.encode() for key in KEYS]
    assert "cluster_state:ok" in redis_cli(local.port, "cluster", "info", password=PASSWORD)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_leaves_nothing(number):
    local = LocalCluster(shards=3, replicas=1)
    try:
        pids = local.server_pids()
        assert len(pids) >= 7
        local.process.signal(number)
        code = local.process.wait(30)
        assert code in (0, 130, 143, -number), local.process.log_tail()
        wait_until(lambda: not any(map(is_alive, pids)), 10, "every process is gone")
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", local.port), 2).close()
    finally:
        local.stop()


def test_ctrl_c_of_a_terminal_reaches_all(local):
    """A terminal sends SIGINT to the whole process group, shards included."""
    pids = local.server_pids()
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    local.process.wait(30)
    wait_until(lambda: not any(map(is_alive, pids)), 10, "every process is gone")


def test_kill_of_slotway_leaves_no_shard(local):
    """Even kill -9 of the supervisor takes the shards along."""
    pids = local.server_pids()
    local.process.kill()
    wait_until(lambda: not any(map(is_alive, pids)), 10, "every shard is gone")


def test_a_killed_shard_is_restarted(local):
    before = set(local.shard_pids())
    victim = min(before)
    os.kill(victim, signal.SIGKILL)

    def replaced():
        now = set(local.shard_pids())
        return len(now) == len(before) and victim not in now
    wait_until(replaced, 20, "the shard is started again")

    def serves_all():
        with local.client(timeout_s=40) as client:
            replies = client.pipeline([("SET", key, "again") for key in KEYS])
            return replies == ["OK"] * len(KEYS)
    wait_until(serves_all, 40, "all slots are served again")
    with local.client() as client:
        assert client.pipeline([("GET", key) for key in KEYS]) == [b"again"] * len(KEYS)
    assert {command_line(pid)[0].rsplit("/", 1)[-1] for pid in local.shard_pids()} == {
        "slotway-shard"}


def test_one_shard_without_replicas():
    local = LocalCluster(shards=1, replicas=0)
    try:
        assert len(local.shard_pids()) == 1
        with local.client() as client:
            assert client.pipeline([("SET", key, "1") for key in KEYS]) == ["OK"] * len(KEYS)
    finally:
        local.stop()


def test_a_taken_port_is_a_clear_error(local):
    from child_process import ChildProcess
    from proxy_process import program
    second = ChildProcess([program("slotway"), "local", "--port", local.port, "--password", "x",
                           "--dir", os.path.join(local.directory, "second")],
                          os.path.join(local.directory, "second.log"))
    try:
        assert second.wait(40) != 0
        assert str(local.port) in second.log()
        assert descendants(second.pid) == []
    finally:
        second.stop()

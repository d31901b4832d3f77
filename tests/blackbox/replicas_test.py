# SPDX-License-Identifier: Apache-2.0
"""One master with replicas behind the proxy: found, used whole, and followed when it changes."""
import os
import signal
import threading
import time

import pytest

from counting_load import CountingLoad
from deadline import wait_until
from proxy_process import ProxyProcess
from raw_client import ErrorReply
from replica_set import MASTER_NAME, ReplicaSet, Sentinels

CLIENTS = 4


@pytest.fixture
def replica_set():
    replica_set = ReplicaSet(replicas=2, password="backend-secret")
    yield replica_set
    replica_set.stop()


@pytest.fixture
def sentinels(replica_set):
    sentinels = Sentinels(replica_set, password="sentinel-secret")
    yield sentinels
    sentinels.stop()


def start_proxy(replica_set):
    return ProxyProcess(replica_set.seeds(), backend_password=replica_set.password,
                        settings={"backend": {"kind": "master-replica"}})


def start_proxy_at_sentinels(replica_set, sentinels, seeds=None):
    sentinel = {"master_name": MASTER_NAME, "password": sentinels.password}
    return ProxyProcess(seeds or sentinels.seeds(), backend_password=replica_set.password,
                        settings={"backend": {"kind": "sentinel", "sentinel": sentinel}})


kinds = pytest.mark.parametrize("kind", ["static", "sentinel"])


@pytest.fixture
def kind():
    return "static"


@pytest.fixture
def proxy(request, replica_set, kind):
    if kind == "static":
        proxy = start_proxy(replica_set)
    else:
        proxy = start_proxy_at_sentinels(replica_set, request.getfixturevalue("sentinels"))
    yield proxy
    proxy.stop()


@pytest.fixture
def load(proxy):
    loads = [CountingLoad(proxy, number) for number in range(CLIENTS)]
    for item in loads:
        item.start()
    wait_for_more(loads, "the load is running")
    yield loads
    for item in loads:
        item.stop()


def wait_for_more(loads, what):
    before = [load.acknowledged for load in loads]
    wait_until(lambda: all(load.acknowledged > count + 200
                           for load, count in zip(loads, before)), 30, what)


def finish(loads):
    for load in loads:
        load.stop()
    print(f"longest pause {max(load.longest_pause_s for load in loads):.2f} s, "
          f"{sum(load.unknown for load in loads)} unknown outcomes, "
          f"{sum(load.lost for load in loads)} lost by replication")
    assert [load.wrong for load in loads] == [[]] * len(loads)
    # One request of a client can be on its way when its connection ends; twice at most, as the
    # switch may end one connection and the demotion another.
    assert max(load.unknown for load in loads) <= 2


@kinds
def test_all_keys_are_in_one_place(replica_set, proxy):
    with proxy.client() as client:
        assert client.call("MSET", "a", "1", "b", "2", "c", "3") == "OK"
        assert client.call("MSETNX", "a", "1", "d", "4") == 0
        assert client.call("RENAME", "a", "e") == "OK"
        assert client.call("SADD", "s", "1", "2") == 2
        assert client.call("SADD", "t", "2", "3") == 2
        assert client.call("SINTERSTORE", "u", "s", "t") == 1
        assert client.call("MGET", "e", "b", "c", "a") == [b"1", b"2", b"3", None]
        assert client.call("DBSIZE") == 6
        assert client.call("EVAL", "return redis.call('MGET', KEYS[1], KEYS[2])", 2, "b", "c") == [
            b"2", b"3"]
    (master,) = replica_set.masters()
    stats = master.call("INFO", "commandstats").decode()
    assert "cmdstat_mget:calls=2," in stats, "the request was not taken apart"


# Sentinels take back what was done behind their backs: theirs is the next test but one.
def test_a_planned_promotion_loses_nothing(replica_set, load):
    target = replica_set.nodes[2]
    assert replica_set.nodes[0].call("FAILOVER", "TO", "127.0.0.1", target.port) == "OK"
    wait_until(lambda: target.call("ROLE")[0] == b"master", 20, "the replica is promoted")
    replica_set.wait_until_in_step()
    wait_for_more(load, "every client goes on after the promotion")
    finish(load)
    assert sum(item.lost for item in load) == 0
    for item in load:
        assert int(target.call("GET", item.key)) == item.latest


@kinds
def test_a_dead_master_is_replaced(kind, replica_set, load):
    first, second, third = replica_set.nodes
    first.kill()
    if kind == "static":
        assert second.call("REPLICAOF", "NO", "ONE") == "OK"
        assert third.call("REPLICAOF", "127.0.0.1", second.port) == "OK"
    wait_until(replica_set.masters, 30, "somebody is promoted")
    wait_for_more(load, "every client goes on after the promotion")
    # The old one comes back as a master of the past, empty; nobody writes to it.
    first.start().wait_until_up()
    wait_for_more(load, "every client goes on after the return of the old master")
    finish(load)
    # What was not replicated when the master died is gone; the counters did not start anew.
    assert sum(item.lost for item in load) < sum(item.acknowledged for item in load) / 2


def test_a_promotion_by_hand_is_followed_when_the_old_master_is_demoted(replica_set):
    proxy = start_proxy(replica_set)
    first, second, third = replica_set.nodes
    try:
        with proxy.client() as client:
            assert client.call("SET", "k", "1") == "OK"
            assert second.call("REPLICAOF", "NO", "ONE") == "OK"
            assert client.call("SET", "k", "2") == "OK"
            assert first.call("GET", "k") == b"2", "two masters: the one we had stays"
            assert first.call("REPLICAOF", "127.0.0.1", second.port) == "OK"
            assert third.call("REPLICAOF", "127.0.0.1", second.port) == "OK"
            assert client.call("SET", "k", "3") == "OK"
            assert second.call("GET", "k") == b"3"
    finally:
        proxy.stop()


@pytest.mark.parametrize("kind", ["sentinel"])
def test_a_failover_by_sentinels_is_followed(replica_set, sentinels, load):
    assert sentinels.call(1, "SENTINEL", "FAILOVER", MASTER_NAME) == "OK"
    wait_until(lambda: sentinels.master_port(1) != replica_set.nodes[0].port, 30,
               "the sentinels name another master")
    wait_for_more(load, "every client goes on after the failover")
    replica_set.wait_until_in_step()
    wait_for_more(load, "every client goes on after the demotion of the old master")
    finish(load)
    master = replica_set.node_of_port(sentinels.master_port(1))
    for item in load:
        assert int(master.call("GET", item.key)) == item.latest


class KeyLoad(threading.Thread):
    """Sets one new key after the other until stop(), and remembers when each was acknowledged."""

    def __init__(self, client, number):
        super().__init__()
        self._client, self._number = client, number
        self._stopping = threading.Event()
        self.acknowledged = {}
        self.wrong = []

    def run(self):
        while not self._stopping.is_set():
            key = f"set:{self._number}:{len(self.acknowledged) + len(self.wrong)}"
            reply = self._client.call("SET", key, "x")
            if reply == "OK":
                self.acknowledged[key] = time.monotonic()
            else:
                self.wrong.append(reply)

    def stop(self):
        self._stopping.set()
        self.join(60)
        self._client.close()


# The old master is one until the sentinels have told everybody else, which takes seconds.
@pytest.mark.parametrize("kind", ["sentinel"])
def test_little_is_written_to_a_master_that_sentinels_replace(replica_set, sentinels, proxy):
    loads = [KeyLoad(proxy.client(timeout_s=60), number) for number in range(CLIENTS)]
    for load in loads:
        load.start()
    wait_until(lambda: all(len(load.acknowledged) > 500 for load in loads), 30, "all write")
    before = time.monotonic()
    assert sentinels.call(1, "SENTINEL", "FAILOVER", MASTER_NAME) == "OK"
    wait_until(lambda: sentinels.master_port(0) != replica_set.nodes[0].port, 30,
               "the sentinels name another master")
    replica_set.wait_until_in_step()
    count = sum(len(load.acknowledged) for load in loads)
    wait_until(lambda: sum(len(load.acknowledged) for load in loads) > count + 500, 30,
               "the load goes on")
    for load in loads:
        load.stop()
    master = replica_set.node_of_port(sentinels.master_port(0))
    lost = []
    for load in loads:
        keys = list(load.acknowledged)
        with master.client() as client:
            found = client.pipeline([("EXISTS", key) for key in keys])
        lost += [load.acknowledged[key] - before for key, is_there in zip(keys, found)
                 if not is_there]
    print(f"{len(lost)} of {sum(len(load.acknowledged) for load in loads)} lost"
          + (f" in {max(lost) - min(lost):.3f} s" if lost else ""))
    assert not lost or max(lost) - min(lost) < 0.1
    assert sum(len(load.wrong) for load in loads) <= CLIENTS


@pytest.mark.parametrize("kind", ["sentinel"])
def test_a_paused_master_is_replaced_and_not_written_to_again(replica_set, sentinels, load):
    paused = replica_set.nodes[0]
    os.kill(paused.process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: sentinels.master_port() != paused.port, 30,
                   "the sentinels name another master")
        wait_for_more(load, "every client goes on while the old master is paused")
    finally:
        os.kill(paused.process.pid, signal.SIGCONT)
    wait_for_more(load, "every client goes on after the return of the old master")
    replica_set.wait_until_in_step()
    finish(load)
    assert max(item.longest_pause_s for item in load) < 15
    master = replica_set.node_of_port(sentinels.master_port())
    for item in load:
        assert int(master.call("GET", item.key)) == item.latest


def test_one_living_sentinel_is_enough_to_start(replica_set, sentinels):
    for process in sentinels.processes[1:]:
        process.kill()
    proxy = start_proxy_at_sentinels(replica_set, sentinels)
    try:
        with proxy.client() as client:
            assert client.call("SET", "k", "1") == "OK"
    finally:
        proxy.stop()


def test_more_sentinels_are_learned_from_one(replica_set, sentinels):
    proxy = start_proxy_at_sentinels(replica_set, sentinels, seeds=sentinels.seeds()[:1])
    try:
        with proxy.client() as client:
            assert client.call("SET", "k", "1") == "OK"
            sentinels.processes[0].kill()
            replica_set.nodes[0].kill()
            assert client.call("SET", "k", "2") == "OK", "held until the failover"
            assert client.call("GET", "k") == b"2"
    finally:
        proxy.stop()


def test_a_wrong_sentinel_password_is_said(replica_set, sentinels):
    sentinel = {"master_name": MASTER_NAME, "password": "wrong"}
    proxy = ProxyProcess(sentinels.seeds(), backend_password=replica_set.password,
                         settings={"backend": {"kind": "sentinel", "sentinel": sentinel},
                                   "hold": {"time_max_ms": 200}}, wait_ready=False)
    try:
        wait_until(lambda: "login refused" in proxy.process.log_tail(), 20,
                   "the log tells that the login was refused")
        with proxy.client() as client:
            assert isinstance(client.call("GET", "k"), ErrorReply)
    finally:
        proxy.stop()

# SPDX-License-Identifier: Apache-2.0
"""What a user may take of the proxy: connections, requests and bytes; and how long, and how many,
clients may go on without saying who they are."""
import re
import threading
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import PASSWORD, ProxyProcess, admin_text
from raw_client import ConnectionClosed, RawClient, encode

USERS = ["alice on >p ~* &* +@all", "bob on >p ~* &* +@all"]
ALL_TAKEN = "ERR max number of clients of this user reached"


@pytest.fixture
def start(cluster):
    made = []

    def start(auth=None, **settings):
        made.append(ProxyProcess(
            cluster.seeds(), backend_password=cluster.password,
            settings={"auth": {"users": USERS} if auth is None else auth, **settings}))
        return made[-1]
    yield start
    for proxy in made:
        proxy.stop()


def log_in(proxy, user):
    client = RawClient(proxy.port)
    assert client.call("AUTH", user, "p") == "OK"
    return client


def count(proxy, name):
    text = admin_text(proxy.admin_port, "/metrics")
    return int(float(re.search(rf"^{name} (\S+)$", text, re.M).group(1)))


def time_of(task):
    began = time.monotonic()
    task()
    return time.monotonic() - began


# --- connections

def test_connections_of_a_user(start):
    proxy = start(limits={"each_user": {"connections_max": 3},
                          "users": {"alice": {"connections_max": 1}, "default": {"connections_max": 0}}})
    alice = log_in(proxy, "alice")
    with RawClient(proxy.port) as other:
        assert other.call("AUTH", "alice", "p") == ALL_TAKEN
        assert other.call("HELLO", "3", "AUTH", "alice", "p") == ALL_TAKEN
        assert other.call("AUTH", "bob", "p") == "OK"
        assert other.call("AUTH", "alice", "p") == ALL_TAKEN
        assert other.call("ACL", "WHOAMI") == b"bob"
    assert alice.call("AUTH", "alice", "p") == "OK"  # it has its place already
    assert alice.call("AUTH", "bob", "p") == "OK"
    again = log_in(proxy, "alice")
    again.close()

    def gets_in():
        with RawClient(proxy.port) as client:
            return client.call("AUTH", "alice", "p") == "OK"
    wait_until(gets_in, 5, "a place is free when its connection has ended")
    # A reload counts for who comes from then on.
    proxy.write_config({"limits": {"users": {"alice": {"connections_max": 2}}}})
    proxy.reload("reload: changed: limits")
    two = [log_in(proxy, "alice") for _ in range(2)]
    with RawClient(proxy.port) as third:
        assert third.call("AUTH", "alice", "p") == ALL_TAKEN
    for client in two:
        client.close()


def test_connections_of_the_default_user_without_a_password(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, password=None,
                         settings={"limits": {"each_user": {"connections_max": 2}}})
    try:
        clients = [RawClient(proxy.port) for _ in range(2)]
        for client in clients:
            assert client.call("PING") == "PONG"
        with RawClient(proxy.port) as third:
            assert third.receive_until_closed() == f"-{ALL_TAKEN}\r\n".encode()
        assert clients[0].call("RESET") == "RESET"
        assert clients[0].call("PING") == "PONG"
        for client in clients:
            client.close()
    finally:
        proxy.stop()


# --- rates

def test_requests_of_a_user_on_all_its_connections(start):
    """They get no errors and lose no order; others are served meanwhile."""
    proxy = start(limits={"users": {"alice": {"requests_per_s": 1000, "burst_ms": 100}}})
    clients = [log_in(proxy, "alice") for _ in range(4)]
    replies = [None] * 4

    def work(number):
        replies[number] = clients[number].pipeline(
            [("INCR", f"paced:{number}") for _ in range(1000)])
    with proxy.client() as admin:
        admin.call("DEL", *(f"paced:{number}" for number in range(4)))

        def work_all():
            threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            wait_until(lambda: count(proxy, "slotway_paced_clients") > 0, 5, "somebody is held back")
            # Who has no limit, and another user, feel nothing of it.
            bob = log_in(proxy, "bob")
            assert [bob.call("GET", "none") for _ in range(50)] == [None] * 50
            assert any(thread.is_alive() for thread in threads)
            for thread in threads:
                thread.join()
        took = time_of(work_all)
    assert [reply for reply in replies] == [list(range(1, 1001))] * 4
    assert 3.5 < took < 8 * SLOWNESS, took  # 4000 less the burst at 1000 a second, and 4 logins
    assert count(proxy, "slotway_clients_paced_total") > 0
    assert count(proxy, "slotway_paced_clients") == 0
    # It has earned a burst again.
    time.sleep(0.3)  # poll: that takes time
    assert time_of(lambda: clients[0].pipeline([("PING",)] * 90)) < 0.5 * SLOWNESS


def test_bytes_both_ways(start):
    proxy = start(limits={"users": {"alice": {"bytes_per_s": "1mb", "burst_ms": 100}}})
    with proxy.client() as admin:
        admin.call("SET", "large", "x" * 200_000)
    alice = log_in(proxy, "alice")
    assert 0.5 < time_of(lambda: [alice.call("GET", "large") for _ in range(5)]) < 4 * SLOWNESS
    sending = log_in(proxy, "alice")
    assert 0.5 < time_of(lambda: [sending.call("SET", "larger", "x" * 200_000)
                                  for _ in range(5)]) < 4 * SLOWNESS


def test_half_a_connection_is_served_to_its_end(start):
    proxy = start(limits={"users": {"alice": {"requests_per_s": 200, "burst_ms": 100}}})
    alice = log_in(proxy, "alice")
    alice.send(encode("ECHO", "x") * 100)
    alice.half_close()
    assert alice.receive_until_closed() == b"$1\r\nx\r\n" * 100


def test_waiting_has_an_end(start):
    proxy = start(limits={"users": {"alice": {"requests_per_s": 10, "burst_ms": 100,
                                              "wait_max_ms": 500}}})
    clients = [log_in(proxy, "alice") for _ in range(11)]
    for client in clients:
        client.send(encode("PING") * 100)
    wait_until(lambda: "its user has asked for more than its rates allow" in proxy.process.log(), 10,
               "who would wait for too long is cut")
    proxy.assert_up()


def test_rates_may_change_while_clients_wait(start):
    proxy = start(limits={"users": {"alice": {"requests_per_s": 2, "burst_ms": 0}}})
    alice = log_in(proxy, "alice")
    alice.send(encode("PING") * 100)
    wait_until(lambda: count(proxy, "slotway_paced_clients") == 1, 5, "it is held back")
    proxy.write_config({"limits": {"users": {}}})
    proxy.reload("reload: changed: limits")
    assert [alice.reply() for _ in range(100)] == ["PONG"] * 100
    # And the other way round.
    proxy.write_config({"limits": {"each_user": {"requests_per_s": 100, "burst_ms": 10}}})
    proxy.reload("reload: changed: limits")
    assert time_of(lambda: alice.pipeline([("PING",)] * 60)) > 0.4


def test_who_waits_is_not_idle_and_does_not_keep_the_proxy_from_ending(start):
    proxy = start(limits={"users": {"alice": {"requests_per_s": 1, "burst_ms": 0}}},
                  idle_timeout_ms=500)
    alice = log_in(proxy, "alice")
    alice.send(encode("PING") * 4)
    assert [alice.reply() for _ in range(4)] == ["PONG"] * 4
    alice.send(encode("PING") * 50)
    assert time_of(proxy.stop) < 5 * SLOWNESS


# --- who has not logged in

def test_strangers_are_bounded_in_time(start):
    proxy = start(limits={"authenticate_timeout_ms": 1500})
    with proxy.client() as known, RawClient(proxy.port) as stranger, RawClient(proxy.port) as talker:
        wait_until(lambda: count(proxy, "slotway_unauthenticated_clients") == 2, 1, "both are counted")
        assert stranger.receive_until_closed() == b""
        with pytest.raises((ConnectionClosed, ConnectionError)):
            while True:
                talker.call("PING")  # saying something is not enough
                time.sleep(0.05)  # poll: the proxy's clock is what is waited for
        assert known.call("PING") == "PONG"
        assert known.call("RESET") == "RESET"  # it is nobody again, from now on
        assert known.receive_until_closed() == b""
    wait_until(lambda: count(proxy, "slotway_unauthenticated_clients") == 0, 5, "they have gone")
    assert count(proxy, "slotway_unauthenticated_clients_cut_total") == 3


def test_a_crowd_of_strangers_does_not_keep_others_out(start):
    proxy = start(limits={"clients_max": 400, "unauthenticated_max": 100}, workers=1)
    crowd = [RawClient(proxy.port) for _ in range(600)]
    with RawClient(proxy.port, password=PASSWORD) as client:
        assert client.call("PING") == "PONG"
        assert count(proxy, "slotway_unauthenticated_clients") <= 100
    assert count(proxy, "slotway_clients_rejected_total") == 0
    assert crowd[0].receive_until_closed() == b""  # the oldest have gone
    assert crowd[-1].call("AUTH", PASSWORD) == "OK"
    lines = wait_until(lambda: [line for line in proxy.process.log().splitlines() if "turned away" in line],
                       10, "the log tells of them, now and then")
    assert len(lines) < 20, lines
    for client in crowd:
        client.close()

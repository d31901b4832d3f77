# SPDX-License-Identifier: Apache-2.0
"""MONITOR: every request that any worker takes, as Redis shows it."""
import re

import pytest

from deadline import wait_until
from proxy_process import ProxyProcess
from raw_client import ConnectionClosed, RawClient, encode

PASSWORD = "hush"
LINE = re.compile(rb"\+(\d+)\.(\d{6}) \[(\d+) ([^\]]*)\] (.*)\r\n")

SHOWN = [
    ("SET", "key", "value"), ("get", "key"), ("SET", b"a\x00b\n\t\"\\\a\b\r", b"\xff'\xc3\xa9"),
    ("MGET", "a", "b", "c"), ("PING",), ("ECHO", ""), ("AUTH", "x"), ("AUTH", "user", "pass"),
    ("HELLO", "3", "AUTH", "default", "x", "SETNAME", "me"), ("HELLO", "2"),
    ("CLIENT", "SETNAME", "me"), ("CLIENT", "GETNAME"), ("EVAL", "return 1", "0"),
    ("EVAL", "return KEYS[1]", "1", "k"), ("LPUSH", "list", "x"), ("BLPOP", "list", "0"),
    ("MULTI",), ("SET", "key", "1"), ("EXEC",), ("SELECT", "0"), ("DEL", "key"),
    ("XREAD", "STREAMS", "none", "0"), ("PUBLISH", "c", "m"), ("QUIT",),
]
HIDDEN = [("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "424242"), ("CLIENT", "NO-EVICT", "on"),
          ("CONFIG", "GET", "x"), ("NOPE",), ("GET",), ("CLIENT", "NOPE")]


@pytest.fixture(scope="module")
def proxy(cluster):
    running = ProxyProcess(cluster.seeds(), backend_password=cluster.password, password=None,
                           settings={"workers": 4, "limits": {"monitor_clients_max": 3}})
    yield running
    running.stop()


def monitoring(server, **options):
    client = server.client(**options)
    assert client.call("MONITOR") == "OK"
    return client


def shown(monitor, count=1):
    """The next lines: who asked, and what."""
    lines = [monitor.raw_reply() for _ in range(count)]
    return [LINE.fullmatch(line).groups()[2:] for line in lines]


@pytest.mark.parametrize("protocol", [2, 3])
def test_lines_are_those_of_redis(proxy, oracle, protocol):
    seen = []
    for server in (proxy, oracle):
        with monitoring(server, protocol=protocol) as monitor, server.client() as client:
            for command in HIDDEN:
                client.call(*command)
            for command in SHOWN:
                client.call(*command)
            who = b"127.0.0.1:%d" % client.local_port()
            lines = shown(monitor, len(SHOWN))
            assert {line[1] for line in lines} - {who} <= {b"lua"}
            seen.append([line for _, _, line in lines])
    assert seen[0] == seen[1]


def test_all_workers_are_heard_in_the_order_of_each_client(proxy):
    clients = [proxy.client() for _ in range(16)]
    with monitoring(proxy) as monitor, monitoring(proxy) as second:
        for turn in range(20):
            for client in clients:
                client.send(encode("SET", f"k{turn}", client.local_port()))
        for client in clients:
            assert [client.reply() for _ in range(20)] == ["OK"] * 20
        for one in (monitor, second):
            lines = shown(one, 20 * len(clients))
            for client in clients:
                who = b"127.0.0.1:%d" % client.local_port()
                of_client = [what for _, name, what in lines if name == who]
                assert of_client == [b'"SET" "k%d" "%d"' % (turn, client.local_port())
                                     for turn in range(20)]
    for client in clients:
        client.close()


def test_what_a_monitor_may_ask(proxy, oracle):
    answers = []
    for server in (proxy, oracle):
        with monitoring(server) as monitor:
            monitor.send(encode("GET", "x") + encode("SET", "x", "y") + encode("PUBLISH", "c", "m"))
            refused = [monitor.raw_reply() for _ in range(3)]
            # A second MONITOR is not answered.
            monitor.send(encode("MONITOR") + encode("RESET"))
            answers.append((refused, monitor.raw_reply()))
            assert monitor.call("PING") == "PONG"
            assert monitor.call("GET", "nothing") is None
    assert answers[0] == answers[1]


def test_their_number_is_bounded(proxy):
    monitors = [monitoring(proxy) for _ in range(3)]
    with proxy.client() as fourth:
        assert "monitor_clients_max" in fourth.call("MONITOR")
        monitors.pop().close()
        wait_until(lambda: fourth.call("MONITOR") == "OK", 10, "there is room again")
    for monitor in monitors:
        monitor.send(encode("QUIT"))
        assert monitor.receive_until_closed().endswith(b"+OK\r\n")
        monitor.close()


def test_a_monitor_that_does_not_read_is_cut(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, password=None,
                         settings={"workers": 2, "limits": {"pubsub_output_max_bytes": "256kb",
                                                            "pubsub_output_soft_bytes": "128kb"}})
    try:
        with monitoring(proxy) as slow, proxy.client() as busy:
            value = b"v" * 10000
            for _ in range(60):
                busy.pipeline([("SET", "k", value)] * 20)
            received = slow.receive_until_closed()
            assert received.count(b'"SET"') < 1200
            assert busy.call("GET", "k") == value
            proxy.assert_up()
    finally:
        proxy.stop()


def test_in_a_transaction_it_is_refused(proxy, oracle):
    with proxy.client() as client, oracle.client() as plain:
        for server in (client, plain):
            assert server.call("MULTI") == "OK"
        assert client.call("MONITOR") == plain.call("MONITOR")
        assert client.call("EXEC") == plain.call("EXEC")


def test_nobody_watches_any_more(proxy):
    """What a monitor costs others ends with it: no line is written for nobody."""
    with proxy.client() as client:
        monitor = monitoring(proxy)
        client.call("PING")
        shown(monitor)
        monitor.close()
        with pytest.raises((ConnectionClosed, OSError)):
            monitor.reply()
        assert client.call("PING") == "PONG"
        assert isinstance(client, RawClient)

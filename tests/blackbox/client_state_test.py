# SPDX-License-Identifier: Apache-2.0
"""CLIENT and its like over all workers: what Redis answers, and what it does to other clients."""
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import ConnectionClosed, ErrorReply, RawClient, encode

# Answered byte for byte as Redis does.
SAME = [
    ("CLIENT", "PAUSE", "x"), ("CLIENT", "PAUSE", "-1"), ("CLIENT", "PAUSE", "1", "foo"),
    ("CLIENT", "PAUSE", "1", "write", "x"), ("CLIENT", "UNPAUSE"), ("CLIENT", "UNPAUSE", "x"),
    ("CLIENT", "KILL", "ID", "0"), ("CLIENT", "KILL", "ID", "x"), ("CLIENT", "KILL", "foo"),
    ("CLIENT", "KILL", "ID", "99999"), ("CLIENT", "KILL", "ADDR", "1.2.3.4:5"),
    ("CLIENT", "KILL", "LADDR", "1.2.3.4:5"), ("CLIENT", "KILL", "TYPE", "foo"),
    ("CLIENT", "KILL", "TYPE", "pubsub"), ("CLIENT", "KILL", "TYPE", "slave"),
    ("CLIENT", "KILL", "USER", "foo"), ("CLIENT", "KILL", "SKIPME", "foo"),
    ("CLIENT", "KILL", "ID"), ("CLIENT", "KILL", "FOO", "1"), ("CLIENT", "KILL"),
    ("CLIENT", "KILL", "ID", "1", "SKIPME"), ("CLIENT", "LIST", "TYPE", "foo"),
    ("CLIENT", "LIST", "ID"), ("CLIENT", "LIST", "ID", "x"), ("CLIENT", "LIST", "ID", "99999"),
    ("CLIENT", "LIST", "FOO"), ("CLIENT", "LIST", "TYPE", "pubsub"),
    ("CLIENT", "LIST", "TYPE", "replica"), ("CLIENT", "UNBLOCK", "x"),
    ("CLIENT", "UNBLOCK", "99999"), ("CLIENT", "UNBLOCK", "1", "foo"),
    ("CLIENT", "UNBLOCK", "1", "ERROR", "x"), ("CLIENT", "NO-EVICT", "x"),
    ("CLIENT", "NO-EVICT", "on"), ("CLIENT", "REPLY", "x"), ("CLIENT", "REPLY", "on"),
    ("CLIENT", "SETNAME", "a b"), ("CLIENT", "SETNAME", ""), ("CLIENT", "GETNAME"),
    ("CLIENT", "SETNAME", "x"), ("CLIENT", "GETNAME"), ("CLIENT", "NOPE"), ("CLIENT",),
    ("HELLO", "4"), ("HELLO", "1"), ("HELLO", "x"), ("HELLO", "2", "SETNAME", "a b"),
    ("HELLO", "2", "FOO"), ("HELLO", "2", "AUTH", "default"), ("HELLO", "2", "SETNAME"),
    ("HELLO", "2", "AUTH", "nouser", "x"), ("RESET", "x"), ("RESET",), ("QUIT",),
]


@pytest.fixture(scope="module")
def cluster_proxy(cluster):
    """Without a password, as the oracle has none; four workers share the clients."""
    running = ProxyProcess(cluster.seeds(), backend_password=cluster.password, password=None,
                           settings={"workers": 4})
    yield running
    running.stop()


@pytest.fixture()
def crowd(cluster_proxy):
    """Enough clients that every worker has some."""
    clients = [cluster_proxy.client() for _ in range(24)]
    yield clients
    for client in clients:
        client.close()


def fields(line):
    return dict(part.split("=", 1) for part in line.split(" "))


def listed(client, *filters):
    text = client.call("CLIENT", "LIST", *filters).decode().removeprefix("txt:")
    return {int(entry["id"]): entry for entry in map(fields, text.splitlines())}


def is_closed(client):
    try:
        client.settimeout(5)
        client.reply()
    except (ConnectionClosed, ConnectionResetError):
        return True
    return False


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("command", SAME, ids=" ".join)
def test_answers_are_those_of_redis(cluster_proxy, oracle, command, protocol):
    with cluster_proxy.client(protocol=protocol) as client:
        with oracle.client(protocol=protocol) as plain:
            assert client.raw_call(*command) == plain.raw_call(*command)


def test_the_list_has_the_clients_of_all_workers(cluster_proxy, oracle, crowd):
    ids = sorted(client.call("CLIENT", "ID") for client in crowd)
    with cluster_proxy.client(protocol=3) as asking, oracle.client(protocol=3) as plain:
        own = asking.call("CLIENT", "ID")
        text = asking.call("CLIENT", "LIST").decode().removeprefix("txt:")
        order = [int(fields(line)["id"]) for line in text.splitlines()]
        assert order == ids + [own]
        # The fields of Redis, in its order; 7.2 has two more.
        names = [part.split("=")[0] for part in text.splitlines()[0].split(" ")]
        redis = plain.call("CLIENT", "LIST").decode().removeprefix("txt:").splitlines()[0]
        assert names == [part.split("=")[0] for part in redis.split(" ")] + ["lib-name", "lib-ver"]
        some = [ids[3], ids[17]]
        assert sorted(listed(asking, "ID", *some, 424242)) == some
        assert sorted(listed(asking, "TYPE", "normal")) == ids + [own]
        assert asking.raw_call("CLIENT", "LIST", "ID", "424242") == b"=4\r\ntxt:\r\n"


def test_what_is_known_of_a_client(cluster_proxy):
    with cluster_proxy.client(protocol=3) as client, cluster_proxy.client() as other:
        own = client.call("CLIENT", "ID")
        client.call("CLIENT", "SETNAME", "Bob")
        client.call("CLIENT", "SETINFO", "LIB-NAME", "lib")
        client.call("CLIENT", "SETINFO", "lib-ver", "1.2")
        client.call("CLIENT", "NO-EVICT", "ON")
        client.call("GET", "x")
        client.send(encode("BLPOP", f"known:{own}", 0))
        entry = wait_until(lambda: next(
            (e for e in [listed(other, "ID", own)[own]] if "b" in e["flags"]), None), 10, "blocked")
        expected = {"name": "Bob", "flags": "be", "db": "0", "sub": "0", "psub": "0", "multi": "-1",
                    "cmd": "blpop", "user": "default", "redir": "-1", "resp": "3",
                    "lib-name": "lib", "lib-ver": "1.2", "laddr": f"127.0.0.1:{cluster_proxy.port}",
                    "addr": f"127.0.0.1:{client.local_port()}"}
        assert {name: entry[name] for name in expected} == expected
        own_entry = fields(other.call("CLIENT", "INFO").decode().rstrip("\n"))
        assert own_entry["cmd"] == "client|info"
        assert own_entry["flags"] == "N"


def test_setinfo_is_told_apart_as_redis_does(cluster_proxy):
    with cluster_proxy.client() as client:
        assert client.call("CLIENT", "SETINFO", "foo", "x") == "ERR Unrecognized option 'foo'"
        assert client.call("CLIENT", "SETINFO", "Lib-Ver", "a b") == (
            "ERR Lib-Ver cannot contain spaces, newlines or special characters.")


def test_kill_by_address(cluster_proxy, crowd):
    address = f"127.0.0.1:{crowd[5].local_port()}"
    with cluster_proxy.client() as killer:
        assert killer.call("CLIENT", "KILL", address) == "OK"
        assert is_closed(crowd[5])
        assert killer.call("CLIENT", "KILL", address) == "ERR No such client"
        address = f"127.0.0.1:{crowd[6].local_port()}"
        assert killer.call("CLIENT", "KILL", "ADDR", address, "TYPE", "pubsub") == 0
        assert killer.call("CLIENT", "KILL", "ADDR", address, "TYPE", "normal") == 1
        assert is_closed(crowd[6])


def test_kill_by_filters(cluster_proxy, crowd):
    with cluster_proxy.client() as killer:
        own = killer.call("CLIENT", "ID")
        victim = crowd[7].call("CLIENT", "ID")
        assert killer.call("CLIENT", "KILL", "ID", victim) == 1
        assert is_closed(crowd[7])
        assert killer.call("CLIENT", "KILL", "MAXAGE", 100000) == 0
        assert killer.call("CLIENT", "KILL", "MAXAGE", 0) == "ERR maxage should be greater than 0"
        assert killer.call("CLIENT", "KILL", "ID", own) == 0
        left = len(crowd) - 1
        assert killer.call("CLIENT", "KILL", "LADDR", f"127.0.0.1:{cluster_proxy.port}",
                           "USER", "default") == left
        assert all(is_closed(client) for i, client in enumerate(crowd) if i != 7)
        assert list(listed(killer)) == [own]
        # Oneself: after the reply.
        assert killer.call("CLIENT", "KILL", "ID", own, "SKIPME", "no") == 1
        assert is_closed(killer)


def test_who_is_killed_while_blocked_takes_nothing(cluster_proxy):
    with cluster_proxy.client() as blocked, cluster_proxy.client() as killer:
        victim = blocked.call("CLIENT", "ID")
        blocked.send(encode("BLPOP", "killed", 0))
        wait_until(lambda: "b" in listed(killer, "ID", victim)[victim]["flags"], 10, "it blocks")
        assert killer.call("CLIENT", "KILL", "ID", victim) == 1
        assert is_closed(blocked)
        assert killer.call("RPUSH", "killed", "x") == 1
        assert killer.call("LPOP", "killed") == b"x"


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("reason", [(), ("TIMEOUT",), ("ERROR",)])
@pytest.mark.parametrize("call", [("BLPOP", "woken", 0), ("BLMOVE", "{a}", "{a}b", "LEFT", "LEFT", 0),
                                  ("XREAD", "BLOCK", 0, "STREAMS", "woken:stream", "$"),
                                  ("WAIT", 5, 0)], ids=lambda call: call[0] if call else "")
def test_unblock(cluster_proxy, oracle, call, reason, protocol):
    replies = []
    for server in (cluster_proxy, oracle):
        with server.client(protocol=protocol) as blocked, server.client() as other:
            victim = blocked.call("CLIENT", "ID")
            blocked.send(encode(*call))
            wait_until(lambda: "b" in listed(other, "ID", victim)[victim]["flags"], 10, "blocked")
            unblocked = other.raw_call("CLIENT", "UNBLOCK", victim, *reason)
            replies.append((unblocked, blocked.raw_reply(),
                            other.raw_call("CLIENT", "UNBLOCK", victim)))
            assert blocked.call("PING") == "PONG"
    assert replies[0] == replies[1]


def test_unblock_hundreds_at_once(cluster_proxy, crowd):
    ids = [client.call("CLIENT", "ID") for client in crowd]
    with cluster_proxy.client() as waker:
        for _ in range(10):
            for client in crowd:
                client.send(encode("BLPOP", "many", 0))
            replies = waker.pipeline([("CLIENT", "UNBLOCK", one) for one in ids])
            while sum(replies) < len(ids):
                replies.append(sum(waker.pipeline([("CLIENT", "UNBLOCK", one) for one in ids])))
            assert [client.reply() for client in crowd] == [None] * len(crowd)


@pytest.mark.parametrize("how", ["time", "unpause"])
def test_pause_of_writes(cluster_proxy, crowd, how):
    with cluster_proxy.client() as pausing:
        pausing.call("SET", "paused", "before")
        began = time.monotonic()
        assert pausing.call("CLIENT", "PAUSE", 700 if how == "time" else 60000, "WRITE") == "OK"
        for i, client in enumerate(crowd):
            client.send(encode("GET", "paused") + encode("SET", "paused", i) +
                        encode("ECHO", "behind"))
        newcomer = cluster_proxy.client()
        newcomer.send(encode("EVAL", "return 1", 1, "paused"))
        for client in crowd:
            assert client.reply() == b"before"
        assert pausing.call("GET", "paused") == b"before"
        for command in (("PFCOUNT", "hll"), ("PUBLISH", "c", "m")):
            # Held, too; not asked here, as it would hold this client.
            crowd[0].send(encode(*command))
        if how == "unpause":
            assert pausing.call("CLIENT", "UNPAUSE") == "OK"
        assert [client.reply() for client in crowd] == ["OK"] * len(crowd)
        assert [client.reply() for client in crowd] == [b"behind"] * len(crowd)
        assert newcomer.reply() == 1
        newcomer.close()
        waited = time.monotonic() - began
        assert waited >= 0.65 if how == "time" else waited < 20 * SLOWNESS


def test_pause_of_everything(cluster_proxy, crowd):
    began = time.monotonic()
    with cluster_proxy.client() as pausing:
        assert pausing.pipeline([("CLIENT", "PAUSE", 500), ("CLIENT", "PAUSE", 1, "WRITE"),
                                 ("PING",)]) == ["OK", "OK", "PONG"]
        assert time.monotonic() - began >= 0.45
        assert all(client.call("PING") == "PONG" for client in crowd)
        # Who leaves while held is let go.
        pausing.call("CLIENT", "PAUSE", 500)
        crowd[0].send(encode("PING"))
        crowd[0].close()


def test_hello_with_everything(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    try:
        with proxy.client() as known, RawClient(proxy.port) as client:
            noauth = client.call("HELLO", 3)
            assert noauth.startswith("NOAUTH HELLO must be called with the client already")
            bad = client.call("HELLO", 3, "AUTH", "default", "wrong", "SETNAME", "y")
            assert bad == "WRONGPASS invalid username-password pair or user is disabled."
            # Nothing of a refused HELLO sticks.
            assert client.call("GET", "x") == "NOAUTH Authentication required."
            assert client.call("HELLO", 3, "AUTH", "default", proxy.password, "SETNAME", "a b"
                               ).startswith("ERR Client names cannot contain")
            assert client.call("GET", "x") == "NOAUTH Authentication required."
            reply = client.call("HELLO", 3, "SETNAME", "y", "AUTH", "default", proxy.password)
            assert (b"proto", 3) in reply
            assert client.call("CLIENT", "GETNAME") == b"y"
            client.call("CLIENT", "NO-EVICT", "on")
            client.send(encode("CLIENT", "REPLY", "SKIP") + encode("CLIENT", "LIST"))
            assert client.call("RESET") == "RESET"
            assert client.call("GET", "x") == "NOAUTH Authentication required."
            client.call("AUTH", proxy.password)
            entry = fields(client.call("CLIENT", "INFO").decode().rstrip("\n"))
            assert (entry["name"], entry["flags"], entry["resp"]) == ("", "N", "2")
            assert known.call("PING") == "PONG"
    finally:
        proxy.stop()


def test_quit_of_a_client_that_does_not_read(cluster_proxy):
    with cluster_proxy.client() as watching:
        client = cluster_proxy.client()
        own = client.call("CLIENT", "ID")
        client.send(encode("QUIT") + encode("PING") * 100)
        assert client.receive_until_closed() == b"+OK\r\n"
        wait_until(lambda: not listed(watching, "ID", own), 10, "it is gone")
        client.close()


def test_no_touch_is_granted_only_if_the_masters_know_it(cluster_proxy, cluster):
    with cluster_proxy.client() as client:
        refused = cluster.nodes[0].call("CLIENT", "NO-TOUCH", "OFF")
        reply = client.call("CLIENT", "NO-TOUCH", "ON")
        if isinstance(refused, ErrorReply):
            assert reply == refused
        else:
            assert reply == "OK"
        assert client.call("CLIENT", "NO-TOUCH", "OFF") == "OK"
        assert client.call("CLIENT", "NO-TOUCH", "x") == "ERR syntax error"

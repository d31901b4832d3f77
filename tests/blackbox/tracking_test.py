# SPDX-License-Identifier: Apache-2.0
"""CLIENT TRACKING through the proxy: what one redis-server says, and that no change goes untold."""
import socket

import pytest

from deadline import wait_until
from proxy_process import PASSWORD, ProxyProcess
from raw_client import encode
from real_cluster import RealCluster, RealRedis


@pytest.fixture(name="oracle", scope="module")
def fixture_oracle():
    redis = RealRedis(password=PASSWORD)
    yield redis
    redis.stop()


def pushed(client, timeout_s=10):
    client.settimeout(timeout_s)
    return client.reply()


def assert_silent(client, timeout_s=0.3):
    client.settimeout(timeout_s)
    with pytest.raises((TimeoutError, socket.timeout)):
        raise AssertionError(f"unexpected: {client.reply()!r}")
    client.settimeout(20)


def invalidated(client, count=1):
    """The keys of the next `count` invalidations."""
    keys = []
    for _ in range(count):
        what, names = pushed(client)
        assert what == b"invalidate"
        keys += names
    return keys


# Every one has the same answer from one redis-server.
TALK = """
TRACKINGINFO
GETREDIR
CACHING YES
TRACKING
TRACKING MAYBE
TRACKING ON NONSENSE
TRACKING ON REDIRECT
TRACKING ON REDIRECT 99999999
TRACKING ON REDIRECT x
TRACKING ON REDIRECT 0
TRACKING ON BCAST OPTIN
TRACKING ON OPTIN OPTOUT
TRACKING ON PREFIX a
TRACKING ON BCAST PREFIX ab PREFIX abc
TRACKINGINFO
TRACKING ON BCAST PREFIX ab
TRACKING ON BCAST PREFIX a
TRACKING ON BCAST PREFIX zz
TRACKINGINFO
TRACKING ON
TRACKING OFF
TRACKING OFF
TRACKING ON OPTIN
TRACKINGINFO
CACHING NO
CACHING MAYBE
CACHING YES
TRACKINGINFO
TRACKING ON OPTOUT
TRACKING OFF
TRACKING ON OPTOUT
CACHING YES
CACHING NO
TRACKINGINFO
GETREDIR
TRACKING OFF
TRACKING ON BCAST
TRACKINGINFO
TRACKING ON BCAST PREFIX x
TRACKING OFF
TRACKING ON NOLOOP
TRACKINGINFO
TRACKING OFF
TRACKINGINFO
""".strip().splitlines()


def answers(client):
    replies = []
    for line in TALK:
        client.send(encode("CLIENT", *line.split()))
        reply = client.raw_reply()
        # Adding to a mode begins anew at the shards: the client is told to forget.
        while reply.startswith(b">"):
            reply = client.raw_reply()
        replies.append((line, reply))
    return replies


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_are_those_of_one_redis(proxy, oracle, protocol):
    def make(server):
        return server.client(protocol=3) if protocol == 3 else server.client()
    with make(oracle) as right, make(proxy) as ours:
        for expected, actual in zip(answers(right), answers(ours)):
            assert actual == expected


def test_what_was_read_is_told_once_when_it_changes(proxy):
    with proxy.client(protocol=3) as reader, proxy.client() as writer:
        assert reader.call("CLIENT", "TRACKING", "ON") == "OK"
        keys = [f"track:{i}" for i in range(30)]
        for key in keys:
            reader.call("GET", key)
        reader.call("MGET", "many:1", "many:2", "many:3")
        for key in keys:
            writer.call("SET", key, "new")
        assert sorted(invalidated(reader, 30)) == sorted(key.encode() for key in keys)
        writer.call("MSET", "many:1", 1, "many:2", 2, "many:3", 3)
        assert sorted(invalidated(reader, 3)) == [b"many:1", b"many:2", b"many:3"]
        # Forgotten with the message.
        writer.call("SET", keys[0], "newer")
        assert_silent(reader)
        reader.call("GET", keys[0])
        writer.call("DEL", keys[0])
        assert invalidated(reader) == [keys[0].encode()]


def test_own_writes_and_expiry(proxy):
    with proxy.client(protocol=3) as client:
        client.call("CLIENT", "TRACKING", "ON")
        client.call("GET", "own")
        client.send(encode("SET", "own", "1"))
        assert client.reply() == "OK"
        assert invalidated(client) == [b"own"]
        client.call("SET", "fleeting", "1", "PX", 80)
        client.call("GET", "fleeting")
        assert invalidated(client) == [b"fleeting"]
        client.call("CLIENT", "TRACKING", "OFF")
        client.call("CLIENT", "TRACKING", "ON", "NOLOOP")
        client.call("GET", "own")
        assert client.call("SET", "own", "2") == "OK"
        assert_silent(client)


def test_optin_and_optout(proxy):
    with proxy.client(protocol=3) as client, proxy.client() as writer:
        client.call("CLIENT", "TRACKING", "ON", "OPTIN")
        client.call("GET", "in:1")
        assert client.pipeline([("CLIENT", "CACHING", "YES"), ("GET", "in:2"), ("GET", "in:3")]) == [
            "OK", None, None]
        writer.call("MSET", "in:1", 1, "in:2", 2, "in:3", 3)
        assert invalidated(client) == [b"in:2"]
        assert_silent(client)
        client.call("CLIENT", "TRACKING", "OFF")
        client.call("CLIENT", "TRACKING", "ON", "OPTOUT")
        client.pipeline([("CLIENT", "CACHING", "NO"), ("GET", "in:2"), ("GET", "in:3")])
        writer.call("MSET", "in:1", 5, "in:2", 5, "in:3", 5)
        assert invalidated(client) == [b"in:3"]
        assert_silent(client)


def test_bcast_hears_prefixes_of_all_masters(proxy):
    with proxy.client(protocol=3) as client, proxy.client() as writer:
        client.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user:", "PREFIX", "cart:")
        keys = [f"user:{i}" for i in range(20)] + [f"cart:{i}" for i in range(20)]
        for key in keys:
            writer.call("SET", key, 1)
            writer.call("SET", "other:" + key, 1)
        heard = []
        while len(heard) < 40:
            heard += invalidated(client)
        assert sorted(heard) == sorted(key.encode() for key in keys)
        assert_silent(client)


def test_a_client_that_hears_nothing_is_counted_with_its_prefixes(proxy):
    with proxy.client() as client, proxy.client() as other:
        client.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user:", "PREFIX", "cart:")
        # Clients that have just left may be counted for a moment.
        for line in (b"\r\ntracking_total_prefixes:2\r\n", b"\r\ntracking_clients:1\r\n"):
            wait_until(lambda text=line: text in other.call("INFO"), 10, line)
        other.call("SET", "user:1", 1)
        assert_silent(client)


def test_what_a_watching_transaction_has_read_may_not_be_kept(proxy):
    """Its connection is the watch's, for which no shard remembers reads."""
    with proxy.client(protocol=3) as reader:
        reader.call("SET", "{t}w", 1)
        assert reader.call("CLIENT", "TRACKING", "ON") == "OK"
        reader.call("WATCH", "{t}w")
        replies = reader.pipeline([("MULTI",), ("GET", "{t}w"), ("EXEC",)])
        assert replies == ["OK", "QUEUED", [b"1"]]
        assert pushed(reader) == [b"invalidate", None]
        reader.call("WATCH", "{t}w")
        reader.pipeline([("MULTI",), ("SET", "{t}v", 2), ("EXEC",)])
        assert_silent(reader)
        reader.pipeline([("MULTI",), ("GET", "{t}w"), ("EXEC",)])
        assert_silent(reader)
        reader.call("SET", "{t}w", 2)
        assert pushed(reader) == [b"invalidate", [b"{t}w"]]


def test_flushall_is_told(proxy):
    with proxy.client(protocol=3) as client, proxy.client() as writer:
        client.call("CLIENT", "TRACKING", "ON")
        client.call("GET", "x")
        assert writer.call("FLUSHALL") == "OK"
        assert pushed(client) == [b"invalidate", None]


@pytest.mark.parametrize("reader_protocol", [2, 3])
@pytest.mark.parametrize("listener_protocol", [2, 3])
def test_redirect_to_a_client_of_any_worker(proxy, reader_protocol, listener_protocol):
    with proxy.client() as writer:
        # Some of them are on other workers.
        for _ in range(6):
            listener = proxy.client(protocol=3) if listener_protocol == 3 else proxy.client()
            listener_id = listener.call("CLIENT", "ID")
            if listener_protocol == 2:
                listener.send(encode("SUBSCRIBE", "__redis__:invalidate"))
                assert listener.reply() == [b"subscribe", b"__redis__:invalidate", 1]
            reader = proxy.client(protocol=3) if reader_protocol == 3 else proxy.client()
            assert reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", listener_id) == "OK"
            assert reader.call("CLIENT", "GETREDIR") == listener_id
            reader.call("GET", "redirected")
            writer.call("SET", "redirected", 1)
            if listener_protocol == 2:
                assert pushed(listener) == [b"message", b"__redis__:invalidate", [b"redirected"]]
            else:
                assert invalidated(listener) == [b"redirected"]
            assert reader.call("PING") == "PONG"
            reader.call("GET", "redirected")
            listener.close()
            _expect_broken(reader, writer, reader_protocol, listener_id)
            reader.close()


def _expect_broken(reader, writer, protocol, listener_id):
    told = [b"tracking-redir-broken", listener_id]

    def is_broken():
        # The proxy may not have seen the end of the listener yet.
        reader.send(encode("GET", "redirected"))
        if pushed(reader) == told:
            return True
        writer.call("SET", "redirected", 2)
        if protocol == 2:
            return b"broken_redirect" in reader.call("CLIENT", "TRACKINGINFO")[1]
        try:
            return pushed(reader, 0.5) == told
        except (TimeoutError, socket.timeout):
            return False
    wait_until(is_broken, 10, "the reader learns that its listener has gone")


def test_pipelines_get_the_right_replies_between_invalidations(proxy):
    """Replies of several shards arrive in any order; what was read first is never told too early."""
    with proxy.client(protocol=3) as reader, proxy.client() as writer:
        reader.call("CLIENT", "TRACKING", "ON")
        for turn in range(30):
            keys = [f"pipe:{i}" for i in range(20)]
            reader.send(b"".join(encode("GET", key) for key in keys))
            writer.send(b"".join(encode("SET", key, turn) for key in keys))
            cached, replies = {}, 0
            told = set()
            while replies < 20:
                frame = reader.reply()
                if isinstance(frame, list):
                    told.update(frame[1])
                    for key in frame[1]:
                        cached.pop(key, None)
                else:
                    cached[keys[replies].encode()] = frame
                    replies += 1
            for _ in keys:
                assert writer.reply() == "OK"
            # What stays in the cache is either true or still to be told.
            stale = {key for key, value in cached.items() if value != str(turn).encode()}
            while stale:
                stale -= set(invalidated(reader))


def test_reset_and_disconnect_end_it(proxy, cluster):
    def clients_of_shards():
        return sum(node.call("CLIENT", "LIST").decode().count("flags=t") for node in cluster.nodes)
    clients = []
    for _ in range(10):
        client = proxy.client(protocol=3)
        client.call("CLIENT", "TRACKING", "ON", "BCAST")
        clients.append(client)
    assert clients_of_shards() == 10 * len(cluster.nodes)
    assert clients[0].call("RESET") == "RESET"
    for client in clients[1:5]:
        assert client.call("CLIENT", "TRACKING", "OFF") == "OK"
    for client in clients[5:]:
        client.close()
    wait_until(lambda: clients_of_shards() == 0, 10, "no connection of theirs is left")
    proxy.assert_up()


def test_tracking_clients_are_bounded(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"limits": {"tracking_clients_max": 2}, "workers": 1})
    try:
        with proxy.client(protocol=3) as a, proxy.client() as b, proxy.client() as c:
            assert a.call("CLIENT", "TRACKING", "ON") == "OK"
            assert b.call("CLIENT", "TRACKING", "ON") == "OK"
            assert c.call("CLIENT", "TRACKING", "ON").startswith("ERR too many clients")
            assert a.call("CLIENT", "TRACKING", "OFF") == "OK"
            assert c.call("CLIENT", "TRACKING", "ON") == "OK"
    finally:
        proxy.stop()


def test_a_lost_node_means_that_everything_is_forgotten():
    cluster = RealCluster(masters=3, replicas=1)
    proxy = ProxyProcess(cluster.seeds())
    try:
        with proxy.client(protocol=3) as client, proxy.client() as writer:
            client.call("CLIENT", "TRACKING", "ON")
            client.call("GET", "x")
            cluster.master_of("x").process.kill()
            assert pushed(client, 20) == [b"invalidate", None]
            # And it goes on at the new master.
            client.send(encode("GET", "x"))
            frame = pushed(client, 30)
            while isinstance(frame, list):
                frame = pushed(client, 30)
            assert frame is None
            assert writer.call("SET", "x", 1) == "OK"
            frame = pushed(client)
            while frame == [b"invalidate", None]:
                frame = pushed(client)
            assert frame == [b"invalidate", [b"x"]]
    finally:
        proxy.stop()
        cluster.stop()

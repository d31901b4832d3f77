# SPDX-License-Identifier: Apache-2.0
"""SUBSCRIBE, PUBLISH and PUBSUB through the proxy: byte for byte as one redis-server, over nodes
that fail and slots that move."""
import collections
import contextlib
import socket
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import PASSWORD, ProxyProcess
from raw_client import ConnectionClosed, RawClient, encode
from real_cluster import RealCluster, RealRedis

# One step: which client sends what, and the frames that each client then receives, in order.
Step = collections.namedtuple("Step", "client commands frames")


def frames(client, count):
    return [client.raw_reply() for _ in range(count)]


def read_frame(client, timeout_s=10):
    client.settimeout(timeout_s)
    return client.reply()


def subscribed(client, *command):
    """Sends a request to subscribe and returns its confirmations."""
    client.send(encode(*command))
    return [client.reply() for _ in command[1:]]


def assert_silent(client, timeout_s=0.3):
    client.settimeout(timeout_s)
    with pytest.raises((TimeoutError, socket.timeout)):
        raise AssertionError(f"unexpected: {client.reply()!r}")
    client.settimeout(20)


# Two clients, "a" listens and "b" asks; counts say how many frames each gets after a step.
DIALOGUE = [
    Step("a", [("SUBSCRIBE", "x", "x", "y")], {"a": 3}),
    Step("b", [("PUBLISH", "x", "m1")], {"a": 1, "b": 1}),
    Step("b", [("PUBLISH", "nobody", "m")], {"b": 1}),
    Step("a", [("PSUBSCRIBE", "x*", "y?", "y*")], {"a": 3}),
    Step("b", [("PUBLISH", "y", b"\x00\r\n\xff")], {"a": 2, "b": 1}),
    Step("b", [("PUBSUB", "NUMSUB", "x", "y", "z"), ("PUBSUB", "NUMPAT")], {"b": 2}),
    Step("a", [("SSUBSCRIBE", "s1", "s2")], {"a": 2}),
    Step("b", [("SPUBLISH", "s1", "m2"), ("SPUBLISH", "s3", "m3")], {"a": 1, "b": 2}),
    Step("b", [("PUBSUB", "SHARDNUMSUB", "s1", "s3"), ("PUBSUB", "SHARDCHANNELS", "s[2-9]")],
         {"b": 2}),
    Step("b", [("PUBSUB", "CHANNELS", "x*"), ("PUBSUB", "CHANNELS", "q*")], {"b": 2}),
    Step("a", [("PING",), ("PING", "hello"), ("PING", "too", "many")], {"a": 3}),
    Step("a", [("UNSUBSCRIBE", "x", "never")], {"a": 2}),
    Step("b", [("PUBLISH", "x", "only the pattern")], {"a": 1, "b": 1}),
    Step("a", [("PUNSUBSCRIBE", "x*", "y?")], {"a": 2}),
    Step("a", [("PUNSUBSCRIBE",), ("UNSUBSCRIBE",), ("UNSUBSCRIBE",)], {"a": 3}),
    Step("b", [("PUBLISH", "x", "nobody"), ("PUBSUB", "NUMPAT"), ("PUBSUB", "CHANNELS")],
         {"b": 3}),
    Step("a", [("SUNSUBSCRIBE", "s1", "s2", "s3"), ("SUNSUBSCRIBE",), ("PUNSUBSCRIBE",)],
         {"a": 5}),
    Step("a", [("SUBSCRIBE",), ("PSUBSCRIBE",), ("PUBLISH", "x")], {"a": 3}),
    Step("a", [("GET", "x"), ("SUBSCRIBE", "z"), ("RESET",), ("AUTH", PASSWORD), ("PING",)],
         {"a": 5}),
]
RESP2_ONLY = [
    Step("a", [("SUBSCRIBE", "z"), ("GET", "x"), ("CLIENT", "LIST"), ("CONFIG", "GET", "x"),
               ("HELLO", "3"), ("PUBLISH", "x", "y"), ("NOPE",), ("GET",), ("MULTI",)], {"a": 9}),
    Step("a", [("RESET",), ("AUTH", PASSWORD), ("PING",)], {"a": 3}),
    Step("a", [("CLIENT", "REPLY", "OFF"), ("SUBSCRIBE", "x")], {"a": 1}),
    Step("b", [("PUBLISH", "x", "heard")], {"a": 1, "b": 1}),
    Step("a", [("PING",), ("UNSUBSCRIBE",), ("CLIENT", "REPLY", "ON"), ("PING",)], {"a": 3}),
]
RESP3_ONLY = [
    Step("a", [("HELLO", "3")], {}),
    Step("a", [("SUBSCRIBE", "z"), ("GET", "x"), ("PUBLISH", "z", "own"), ("PING",)], {"a": 5}),
    Step("a", [("PSUBSCRIBE", "*"), ("PUBLISH", "z", "twice"), ("SET", "x", "1")], {"a": 5}),
]


@pytest.fixture(name="oracle", scope="module")
def fixture_oracle():
    redis = RealRedis(password=PASSWORD)
    yield redis
    redis.stop()


def play(make_client, steps, protocol):
    clients = {name: make_client(protocol) for name in "ab"}
    transcript = []
    for step in steps:
        clients[step.client].send(b"".join(encode(*command) for command in step.commands))
        if not step.frames:
            clients[step.client].reply()
        transcript.append({name: frames(clients[name], count)
                           for name, count in step.frames.items()})
    for name, client in clients.items():
        client.send(encode("PING", "the end"))
        transcript.append((name, client.raw_reply()))
        client.close()
    return transcript


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_dialogue_is_the_same_as_with_one_redis(proxy, oracle, protocol):
    steps = DIALOGUE + (RESP2_ONLY if protocol == 2 else RESP3_ONLY)

    def make(of):
        return lambda version: of.client(protocol=version) if version == 3 else of.client()
    expected = play(make(oracle), steps, protocol)
    actual = play(make(proxy), steps, protocol)
    for step, right, got in zip(steps + [None, None], expected, actual):
        assert got == right, step


def test_every_subscriber_of_every_worker_hears_each_message_once_and_in_order(proxy):
    clients = [proxy.client(protocol=3 if i % 2 else None) for i in range(40)]
    for client in clients:
        assert subscribed(client, "SUBSCRIBE", "news")[0][2] == 1
    publishers = [proxy.client() for _ in range(4)]
    for i in range(50):
        for number, publisher in enumerate(publishers):
            assert publisher.call("PUBLISH", "news", f"{number}:{i}") == 40
    for client in clients:
        heard = [read_frame(client) for _ in range(200)]
        assert all(frame[:2] == [b"message", b"news"] for frame in heard)
        for number in range(4):
            own = [f[2] for f in heard if f[2].startswith(b"%d:" % number)]
            assert own == [b"%d:%d" % (number, i) for i in range(50)]
        client.send(encode("PING", "end"))
        assert client.reply() in ([b"pong", b"end"], b"end")


def test_direct_clients_and_the_proxys_hear_each_other(proxy, cluster):
    through = proxy.client()
    subscribed(through, "SUBSCRIBE", "mixed")
    direct = [node.client() for node in cluster.nodes]
    for client in direct:
        subscribed(client, "SUBSCRIBE", "mixed")
    cluster.nodes[2].call("PUBLISH", "mixed", "from a node")
    assert read_frame(through) == [b"message", b"mixed", b"from a node"]
    with proxy.client() as publisher:
        # A node counts its own clients only; the proxy adds its own.
        assert publisher.call("PUBLISH", "mixed", "through the proxy") == 2
        assert publisher.call("PUBSUB", "NUMSUB", "mixed") == [b"mixed", 4]
    assert read_frame(through)[2] == b"through the proxy"
    for client in direct:
        assert [read_frame(client)[2] for _ in range(2)] == [b"from a node", b"through the proxy"]


def test_keyspace_events_of_all_masters_are_heard_once(proxy, cluster):
    for node in cluster.nodes:
        node.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
    listeners = [proxy.client() for _ in range(3)]
    subscribed(listeners[0], "PSUBSCRIBE", "__keyspace@0__:ev*")
    subscribed(listeners[1], "PSUBSCRIBE", "*")
    subscribed(listeners[2], "SUBSCRIBE", "__keyevent@0__:del")
    with proxy.client() as client:
        for i in range(30):
            assert client.call("SET", f"ev{i}", "x") == "OK"
        client.call("PUBLISH", "ordinary", "once")
        for i in range(30):
            assert client.call("DEL", f"ev{i}") == 1
    events = [tuple(read_frame(listeners[0])[2:]) for _ in range(60)]
    assert sorted(events) == sorted([(b"__keyspace@0__:ev%d" % i, what) for i in range(30)
                                     for what in (b"set", b"del")])
    assert_silent(listeners[0])
    # Both kinds of events, and the message.
    everything = [tuple(read_frame(listeners[1])[2:]) for _ in range(121)]
    assert everything.count((b"ordinary", b"once")) == 1
    assert len(set(everything)) == 121
    assert_silent(listeners[1])
    assert sorted(read_frame(listeners[2])[2] for _ in range(30)) == sorted(
        b"ev%d" % i for i in range(30))
    assert_silent(listeners[2])


def test_a_thousand_subscribers(proxy, cluster):
    clients = [proxy.client() for _ in range(1000)]
    for client in clients:
        client.send(encode("SUBSCRIBE", "crowd"))
    for client in clients:
        assert client.reply() == [b"subscribe", b"crowd", 1]
    with proxy.client() as publisher:
        assert publisher.call("PUBLISH", "crowd", "hello") == 1000
        for client in clients:
            assert read_frame(client) == [b"message", b"crowd", b"hello"]
        # One subscription per worker.
        upstream = sum(node.call("PUBSUB", "NUMSUB", "crowd")[1] for node in cluster.nodes)
        assert upstream == 2
        for client in clients:
            client.close()

        def gone():
            return all(node.call("PUBSUB", "NUMSUB", "crowd")[1] == 0 for node in cluster.nodes)
        wait_until(gone, 10, "the upstream subscriptions end with the last client")
        assert publisher.call("PUBLISH", "crowd", "nobody") == 0


def test_who_has_left_is_not_listed(proxy):
    """RESET and QUIT answer at once; nobody may see the channel after that."""
    with proxy.client() as observer:
        for i in range(300):
            for end in ("RESET", "QUIT"):
                with proxy.client() as client:
                    client.call("SUBSCRIBE", f"left{i}")
                    assert client.call(end) == ("RESET" if end == "RESET" else "OK")
                    if end == "QUIT":
                        assert client.receive_until_closed() == b""
                    assert observer.call("PUBSUB", "CHANNELS", "left*") == [], (end, i)


def test_whoever_has_joined_or_left_is_counted_so_at_once(proxy):
    with contextlib.ExitStack() as stack:
        listeners, publishers = (
            [stack.enter_context(proxy.client()) for _ in range(8)] for _ in range(2))
        for i in range(400):
            publisher, present = publishers[i % 8], listeners[:1 + i // 8 % 2]
            for listener in present:
                subscribed(listener, "SUBSCRIBE", "visited")
            assert publisher.call("PUBLISH", "visited", "m") == len(present)
            for listener in present:
                read_frame(listener)
            for left, listener in enumerate(present, 1):
                subscribed(listener, "UNSUBSCRIBE", "visited")
                assert publisher.call("PUBLISH", "visited", "m") == len(present) - left
                for other in present[left:]:
                    read_frame(other)
            listeners.append(listeners.pop(0))


def test_many_channels_of_one_client(proxy):
    names = [f"many:{i}" for i in range(20000)]
    with proxy.client() as client, proxy.client() as other:
        answers = subscribed(client, "SUBSCRIBE", *names)
        assert [answer[2] for answer in answers] == list(range(1, 20001))
        for i in (0, 777, 19999):
            assert other.call("PUBLISH", names[i], "x") == 1
            assert read_frame(client) == [b"message", names[i].encode(), b"x"]
        client.send(encode("UNSUBSCRIBE"))
        assert client.reply()[2] == 19999
        for _ in range(19999):
            last = client.reply()
        assert last[2] == 0
        assert other.call("PUBSUB", "CHANNELS", "many:*") == []


def test_a_slow_subscriber_is_cut_and_the_others_are_not(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"limits": {"pubsub_output_max_bytes": "4MB",
                                              "pubsub_output_soft_bytes": "1MB",
                                              "pubsub_output_soft_ms": 60000}})
    try:
        with proxy.client() as slow, proxy.client() as quick, proxy.client() as publisher:
            subscribed(slow, "SUBSCRIBE", "flood")
            subscribed(quick, "SUBSCRIBE", "flood")
            payload = b"x" * 100_000
            for i in range(300):
                publisher.call("PUBLISH", "flood", payload)
                assert read_frame(quick)[2] == payload
            assert publisher.call("PUBLISH", "flood", "end") == 1
            assert read_frame(quick)[2] == b"end"
            slow.settimeout(10)
            with pytest.raises((ConnectionClosed, ConnectionResetError)):
                while True:
                    slow.reply()
    finally:
        proxy.stop()


def test_soft_limit_cuts_after_its_time(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"limits": {"pubsub_output_max_bytes": "1GB",
                                              "pubsub_output_soft_bytes": "1MB",
                                              "pubsub_output_soft_ms": 500}})
    try:
        with proxy.client() as slow, proxy.client() as publisher:
            subscribed(slow, "SUBSCRIBE", "flood")
            for _ in range(150):
                publisher.call("PUBLISH", "flood", b"x" * 100_000)
            wait_until(lambda: publisher.call("PUBSUB", "NUMSUB", "flood") == [b"flood", 0], 10,
                       "the subscriber is cut")
    finally:
        proxy.stop()


def test_subscriptions_per_client_are_bounded(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"limits": {"subscriptions_per_client_max": 3}})
    try:
        with proxy.client(protocol=3) as client:
            subscribed(client, "SUBSCRIBE", "a", "b")
            assert client.call("SUBSCRIBE", "c", "d").startswith("ERR too many subscriptions")
            assert subscribed(client, "PSUBSCRIBE", "a", "a") == [[b"psubscribe", b"a", 3]] * 2
    finally:
        proxy.stop()


class Listener:
    """Reads what a subscriber hears, without waiting."""

    def __init__(self, client):
        self.client, self.heard = client, []

    def hears(self, message):
        self.client.settimeout(0.05)
        try:
            while True:
                self.heard.append(self.client.reply()[-1])
        except (TimeoutError, socket.timeout):
            return message in self.heard


def publish_until_heard(publisher, listener, command, channel, timeout_s=40):
    """Publishes numbered messages until one of them is heard."""
    count = 0

    def heard():
        nonlocal count
        count += 1
        publisher.call(command, channel, f"after {count}")
        return any(listener.hears(b"after %d" % i) for i in range(1, count + 1))
    wait_until(heard, timeout_s, f"{channel} is heard again")


@pytest.fixture(name="pair", scope="module")
def fixture_pair():
    """A cluster with replicas, and the proxy in front of it."""
    cluster = RealCluster(masters=3, replicas=1)
    proxy = ProxyProcess(cluster.seeds(), settings={"workers": 1})
    yield cluster, proxy
    proxy.stop()
    cluster.stop()


def home_of(cluster, channel):
    return next(node for node in cluster.running_nodes()
                if node.call("PUBSUB", "NUMSUB", channel)[1] == 1)


def test_another_node_takes_over_when_the_home_node_dies(pair):
    cluster, proxy = pair
    with proxy.client() as client, proxy.client() as publisher:
        subscribed(client, "SUBSCRIBE", "steady")
        listener = Listener(client)
        home = home_of(cluster, "steady")
        home.process.kill()
        publish_until_heard(publisher, listener, "PUBLISH", "steady")
        # Subscribing goes on as well.
        assert subscribed(client, "SUBSCRIBE", "new")[0] == [b"subscribe", b"new", 2]
    assert home.start().wait_until_up()
    cluster.wait_until_ok()


def test_a_shard_channel_follows_a_failover(pair):
    cluster, proxy = pair
    with proxy.client() as client, proxy.client() as publisher:
        subscribed(client, "SSUBSCRIBE", "shard{1}")
        assert publisher.call("SPUBLISH", "shard{1}", "before") == 1
        listener = Listener(client)
        assert listener.hears(b"before")
        owner = cluster.master_of("shard{1}")
        owner.process.kill()
        publish_until_heard(publisher, listener, "SPUBLISH", "shard{1}")
    assert owner.start().wait_until_up()
    cluster.wait_until_ok()


def test_a_shard_channel_follows_its_slot(pair):
    cluster, proxy = pair
    slot = cluster.running_nodes()[0].call("CLUSTER", "KEYSLOT", "wander")
    masters = [cluster.node_of_port(port) for port in cluster.slot_owners()]
    with proxy.client() as client, proxy.client() as publisher:
        subscribed(client, "SSUBSCRIBE", "wander")
        owner = cluster.master_of("wander")
        target = next(node for node in masters if node is not owner)
        target_id = target.call("CLUSTER", "MYID").decode()
        for node in [target, owner] + masters:
            assert node.call("CLUSTER", "SETSLOT", slot, "NODE", target_id) == "OK"
        publish_until_heard(publisher, Listener(client), "SPUBLISH", "wander", 10)
        assert target.call("PUBSUB", "SHARDNUMSUB", "wander")[1] == 1
        # New ones find it as well.
        with proxy.client() as late:
            assert subscribed(late, "SSUBSCRIBE", "wander") == [[b"ssubscribe", b"wander", 1]]
            assert publisher.call("SPUBLISH", "wander", "both") == 2


def test_subscribing_waits_while_the_cluster_is_away(cluster):
    # A port where nobody listens yet.
    from free_ports import free_ports
    from real_cluster import RedisNode
    import shutil
    import tempfile
    port = free_ports(1)[0]
    directory = tempfile.mkdtemp(prefix="slotway-late-")
    proxy = ProxyProcess([f"127.0.0.1:{port}"], wait_ready=False)
    node = RedisNode(directory, port)
    try:
        wait_until(lambda: _answers(proxy), 20, "the proxy listens")
        with proxy.client() as client:
            client.send(encode("SUBSCRIBE", "early"))
            assert_silent(client, 0.5)
            node.start()
            assert node.wait_until_up()
            node.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            assert read_frame(client, 20) == [b"subscribe", b"early", 1]
    finally:
        proxy.stop()
        node.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _answers(proxy):
    try:
        with proxy.client() as client:
            return client.call("PING") == "PONG"
    except OSError:
        return False


def test_redis_py_listens(proxy):
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=proxy.port, password=proxy.password)
    pubsub = client.pubsub()
    pubsub.subscribe("py")
    pubsub.psubscribe("p*")

    def get():
        deadline = time.monotonic() + 10 * SLOWNESS
        while time.monotonic() < deadline:
            message = pubsub.get_message(timeout=0.2)
            if message:
                return message["type"], message["data"]
        raise AssertionError("no message")
    assert [get(), get()] == [("subscribe", 1), ("psubscribe", 2)]
    assert client.publish("py", "hello") == 2
    assert [get(), get()] == [("message", b"hello"), ("pmessage", b"hello")]
    pubsub.unsubscribe()
    pubsub.punsubscribe()
    wait_until(lambda: client.publish("py", "x") == 0, 5, "nobody listens any more")
    assert client.pubsub_numsub("py") == [(b"py", 0)]
    pubsub.close()
    client.close()


def test_raw_client_closes_while_subscribing(proxy):
    """Clients that go before they are answered leave nothing behind."""
    for i in range(50):
        client = RawClient(proxy.port, password=proxy.password)
        client.send(encode("SUBSCRIBE", f"gone:{i}"))
        client.close()
    with proxy.client() as client:
        wait_until(lambda: client.call("PUBSUB", "CHANNELS", "gone:*") == [], 10,
                   "no subscription is left")
    proxy.assert_up()

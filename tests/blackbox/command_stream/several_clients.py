# SPDX-License-Identifier: Apache-2.0
"""Short stories of several clients, step by step: (client, command). A command without a reply for
now is (client, command, WAITS); (client, None) reads the reply that has come by then."""

import socket

from command_stream.connection import Connection

WAITS = "waits"
CLIENTS = 2
TIMEOUT_S = 30


class Company:
    """Several connections to one server."""

    def __init__(self, port):
        self._clients = [Connection(port) for _ in range(CLIENTS)]
        for client in self._clients:
            client.socket.settimeout(TIMEOUT_S)

    def play(self, steps, version):
        """Replies in the order of the steps that have one."""
        for client in self._clients:
            client.call("hello", version)
        replies = []
        for who, command, *waits in steps:
            client = self._clients[who]
            if command is not None:
                client.send([command])
            if not waits:
                replies.append(client.read())
        return replies

    def close(self):
        for client in self._clients:
            client.close()


def replies_to_last_words(port, data):
    """All that the server sends until it ends the connection."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(data)
        try:
            while chunk := connection.recv(1 << 16):
                received += chunk
        except ConnectionResetError:
            pass  # ended with something unread
        except TimeoutError:
            received += b"(and it stays open)"
    return bytes(received)


def watch_story(v):
    r, k = v.rng, v.key
    watched = [k() for _ in range(r.choice([1, 1, 2]))]
    key = r.choice(watched)
    change = r.choice([
        [b"set", key, v.value()], [b"del", key], [b"expire", key, b"1000"], [b"get", key],
        [b"append", key, b""], [b"lpush", key, b"x"], [b"sadd", key, b"x"], [b"set", k(), b"1"],
        [b"setrange", key, b"0", b""], [b"flushall"], [b"hset", key, b"f", b"v"],
        [b"rename", key, k()], [b"touch", key], [b"persist", key], [b"expire", key, b"-1"]])
    before = [(0, [b"watch", *watched])]
    if r.random() < 0.2:
        before.append((0, r.choice([[b"unwatch"], [b"get", key], [b"watch", k()], [b"discard"]])))
    if r.random() < 0.7:
        before.append((1, change))
    body = [(0, [b"multi"]), (0, [b"get", key]), (0, [b"set", key, v.value()])]
    if r.random() < 0.3:
        body.insert(1, (1, change))
    return before + body + [(0, r.choice([[b"exec"], [b"exec"], [b"exec"], [b"discard"]])),
                            (0, [b"type", key]), (0, [b"exec"])]


def publish_story(v):
    r = v.rng
    kind = r.choice([b"", b"p", b"s"])
    channel = r.choice([b"story", b"{b}story", b"", b"\x00\r\n"])
    publish = b"spublish" if kind == b"s" else b"publish"
    return [(1, [kind + b"subscribe", channel]), (0, [publish, channel, b"one"]), (1, None),
            (0, [publish, channel, v.value()]), (1, None),
            (0, [b"pubsub", b"numsub", channel]), (0, [b"pubsub", b"numpat"]),
            (0, [b"pubsub", b"shardnumsub", channel]), (0, [b"pubsub", b"channels"]),
            (1, [kind + b"unsubscribe", channel]), (0, [publish, channel, b"two"])]


def blocking_story(v):
    """What unblocks it comes before or after: the reply is the same."""
    r, k = v.rng, v.key
    key, other = k(), k()
    call, feed = r.choice([
        ([b"blpop", key, b"0"], [b"rpush", key, b"a", b"b"]),
        ([b"brpop", key, b"0"], [b"rpush", key, b"a"]),
        ([b"blmove", key, other, b"left", b"right", b"0"], [b"rpush", key, b"a"]),
        ([b"brpoplpush", key, other, b"0"], [b"lpush", key, b"a"]),
        ([b"blmpop", b"0", b"1", key, b"left", b"count", b"1"], [b"rpush", key, b"a", b"b"]),
        ([b"bzpopmin", key, b"0"], [b"zadd", key, b"1", b"a"]),
        ([b"bzpopmax", key, b"0"], [b"zadd", key, b"1.5", b"a"]),
        ([b"bzmpop", b"0", b"1", key, b"min"], [b"zadd", key, b"-0.5", b"a"]),
        ([b"xread", b"block", b"0", b"streams", key, b"0"], [b"xadd", key, b"1-1", b"f", b"v"]),
        ([b"blpop", other, key, b"0"], [b"rpush", key, b"a"]),
        ([b"bzmpop", b"0", b"2", key, other, b"max", b"count", b"9"], [b"zadd", key, b"1", b"a"]),
        ([b"blpop", key, b"0"], [b"eval", b"return redis.call('rpush',KEYS[1],'x','y')", b"1", key]),
        ([b"brpop", key, b"0"], [b"sort", other, b"store", key]),
    ])
    if r.random() < 0.2:  # what was made elsewhere comes by its name
        source = k()
        feeds = [(0, [b"del", source]), (0, [b"rpush", source, b"a", b"b"]),
                 (0, r.choice([[b"rename", source, key], [b"copy", source, key],
                               [b"lmove", source, key, b"left", b"left"]]))]
        call = [b"blpop", key, b"0"]
        if source == key:
            return []
        return [(0, [b"del", key]), (1, call, WAITS), *feeds, (1, None), (0, [b"exists", key])]
    feeds = [(0, feed)]
    if r.random() < 0.2:
        feeds = [(0, [b"multi"]), (0, feed), (0, [b"type", key]), (0, [b"exec"])]
    if feed[0] == b"sort":  # stores nothing, so that it waits on
        feeds.append((0, [b"rpush", key, b"a"]))
    return [(0, [b"del", key]), (0, [b"del", other]), (1, call, WAITS), *feeds, (1, None),
            (0, [b"exists", key, other]), (0, [b"del", key]), (0, [b"del", other])]


def story(v, letter):
    v.stay_in_one_slot(letter)
    return v.rng.choice([watch_story, watch_story, publish_story, blocking_story])(v)


def last_words(v):
    """Bytes for a connection that ends with them: quiet modes, inline commands, broken requests."""
    r = v.rng
    # One channel and one pattern: UNSUBSCRIBE without names tells several in any order.
    some = [b"PING\r\n", b"ECHO hi\r\n", b"*1\r\n$4\r\nPING\r\n", b"get '{a} b'\r\n",
            b"client reply skip\r\nincr {a}s2\r\n", b"client reply on\r\n",
            b"client reply off\r\nincr {a}s2\r\nnosuch\r\nclient reply on\r\n", b"\r\n", b"\n",
            b"set {a}s0 \"x\\x41\\n\"\r\n", b"get {a}s0\n", b"*0\r\n", b"*-1\r\n", b"hello 3\r\n",
            b"multi\r\nincr {a}s1\r\nnosuch\r\nexec\r\n",
            b"multi\r\ntype {a}s1\r\nexec\r\n", b"exec\r\n", b"incr {a}s1\r\n", b"nosuch\r\n",
            b"reset\r\n", b"mget {a}s0 {a}s1\r\n", b"subscribe story\r\n",
            b"unsubscribe\r\n", b"select 0\r\n", b"subscribe story story\r\n",
            b"psubscribe o* o*\r\n", b"ssubscribe {a}x {a}y\r\n", b"punsubscribe\r\n",
            b"unsubscribe story nothing\r\n", b"multi\r\nsubscribe story\r\nget {a}s0\r\nexec\r\n",
            b"ping\r\n", b"ping x\r\n", b"publish story hi\r\n", b"get {a}s1\r\n",
            b"*3\r\n$3\r\nSET\r\n$5\r\n{a}s0\r\n$3\r\na\r\n\r\n", b"echo ''\r\n", b"echo \"\\n\"\r\n",
            b"multi\r\nget\r\nexec\r\n", b"multi\r\ndiscard\r\n", b"watch {a}s0\r\nunwatch\r\n",
            b"*1\r\n$4\r\nping\r\n*2\r\n$4\r\necho\r\n$2\r\nhi\r\n", b"reset\r\nping\r\n"]
    last = [b"quit\r\n", b"QUIT\r\nPING\r\n", b"*1\r\n$4\r\nquit\r\n", b"quit x\r\n",
            b"get 'unbalanced\r\n", b"*1\r\n+PING\r\n", b"*x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$x\r\n",
            b"*99999999999\r\n", b"*-99\r\nquit\r\n", b"*3\r\n$3\r\nset\r\n:1\r\n", b"*2\r\n$4\r\necho\r\n$-5\r\n",
            b"*1\r\n$999999999999999999999\r\n", b"\"a\"b\r\n", b"*1\r\n\r\n", b"*1\r\n$9999999999\r\n", b"*2\r\n$3\r\nget\r\n:1\r\n"]
    return b"".join([r.choice(some) for _ in range(r.randrange(6))]) + r.choice(last)

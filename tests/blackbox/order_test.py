# SPDX-License-Identifier: Apache-2.0
"""Many clients with deep random pipelines over all masters: replies come in the order of requests,
and commands on one key run in that order. Each client knows the only right bytes beforehand,
since it alone uses its keys."""
import random
import threading

from raw_client import bulk, encode

CLIENTS = 24
PIPELINES = 30
DEPTH_MAX = 512
WRONGTYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NOT_A_NUMBER = b"-ERR value is not an integer or out of range\r\n"


def integer(value):
    return b":%d\r\n" % value


class ModelClient(threading.Thread):
    """Strings and hashes of one client, and what each command on them must answer."""

    def __init__(self, proxy, number, seed):
        super().__init__()
        self._client = proxy.client(timeout_s=60)
        self._random = random.Random(f"{seed}/{number}")
        self._keys = [b"order:%d:%d" % (number, i) for i in range(40)]
        self._hashes = [b"order:h:%d:%d" % (number, i) for i in range(5)]
        self._strings = {}
        self._hash_made = set()
        self.failure = None

    def run(self):
        try:
            for _ in range(PIPELINES):
                self._one_pipeline()
        except Exception as error:  # reported by the main thread
            self.failure = f"{type(error).__name__}: {error}"
        self._client.close()

    def _one_pipeline(self):
        steps = [self._step() for _ in range(self._random.randint(1, DEPTH_MAX))]
        self._client.send(b"".join(encode(*command) for command, _ in steps))
        for position, (command, expected) in enumerate(steps):
            received = self._client.raw_reply()
            assert received == expected, (
                f"reply {position} of {len(steps)}, to {command!r}: "
                f"expected {expected[:200]!r}, received {received[:200]!r}")

    def _step(self):
        return self._random.choice([
            self._set, self._set, self._get, self._get, self._get, self._incr, self._append,
            self._mget, self._mset, self._delete, self._count, self._wrong_type, self._hash,
            self._local, self._error])()

    def _some_keys(self):
        return self._random.sample(self._keys, self._random.randint(1, 12))

    def _value(self):
        size = self._random.choice([0, 1, 8, 100, 3000, 20000])
        return self._random.choice([b"7", b"x" * size, self._random.randbytes(min(size, 100))])

    def _bulk_of(self, key):
        value = self._strings.get(key)
        return b"$-1\r\n" if value is None else bulk(value)

    def _set(self):
        key, value = self._random.choice(self._keys), self._value()
        self._strings[key] = value
        return ("SET", key, value), b"+OK\r\n"

    def _get(self):
        key = self._random.choice(self._keys)
        return ("GET", key), self._bulk_of(key)

    def _incr(self):
        key = self._random.choice(self._keys)
        value = self._strings.get(key, b"0")
        if not (value.isdigit() and value.isascii() and len(value) < 16
                and (value == b"0" or value[0] != ord("0"))):
            return ("INCR", key), NOT_A_NUMBER
        self._strings[key] = b"%d" % (int(value) + 1)
        return ("INCR", key), integer(int(value) + 1)

    def _append(self):
        key = self._random.choice(self._keys)
        self._strings[key] = self._strings.get(key, b"") + b"tail"
        return ("APPEND", key, "tail"), integer(len(self._strings[key]))

    def _mget(self):
        keys = self._some_keys()
        return ("MGET", *keys), b"*%d\r\n" % len(keys) + b"".join(map(self._bulk_of, keys))

    def _mset(self):
        pairs = {key: self._value() for key in self._some_keys()}
        self._strings.update(pairs)
        return ("MSET", *(part for pair in pairs.items() for part in pair)), b"+OK\r\n"

    def _delete(self):
        keys = self._some_keys()
        gone = sum(self._strings.pop(key, None) is not None for key in keys)
        return (self._random.choice(["DEL", "UNLINK"]), *keys), integer(gone)

    def _count(self):
        keys = self._some_keys()
        there = sum(key in self._strings for key in keys)
        return (self._random.choice(["EXISTS", "TOUCH"]), *keys), integer(there)

    def _wrong_type(self):
        key = self._random.choice(self._keys)
        if key not in self._strings:
            return ("HGET", key, "f"), b"$-1\r\n"
        return ("HGET", key, "f"), WRONGTYPE

    def _hash(self):
        key = self._random.choice(self._hashes)
        is_new = key not in self._hash_made
        self._hash_made.add(key)
        return ("HSET", key, "field", self._value()), integer(1 if is_new else 0)

    def _local(self):
        """Answered at the edge, at once, and yet in its turn."""
        text = self._random.randbytes(8)
        return self._random.choice([(("PING",), b"+PONG\r\n"), (("ECHO", text), bulk(text)),
                                    (("PING", text), bulk(text))])

    def _error(self):
        return self._random.choice([
            (("GET",), b"-ERR wrong number of arguments for 'get' command\r\n"),
            (("NOSUCH",), b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n"),
            (("SET", self._keys[0], "v", "EX", "0"),
             b"-ERR invalid expire time in 'set' command\r\n")])


def test_replies_come_in_the_order_of_requests(any_proxy):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    with any_proxy.client() as client:
        for number in range(CLIENTS):
            client.call("DEL", *(b"order:%d:%d" % (number, i) for i in range(40)))
            client.call("DEL", *(b"order:h:%d:%d" % (number, i) for i in range(5)))
    clients = [ModelClient(any_proxy, number, seed) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(120)
    assert not any(client.is_alive() for client in clients), "a client waits for ever"
    assert [client.failure for client in clients if client.failure] == []
    any_proxy.assert_up()


def test_one_very_deep_pipeline(any_proxy):
    """Far beyond the number of requests that may be on their way: read on as replies leave."""
    count = 100_000
    with any_proxy.client(timeout_s=60) as client:
        sender = threading.Thread(target=client.send, args=(
            b"".join(encode("SET", b"deep:%d" % i, i) + encode("GET", b"deep:%d" % i)
                     for i in range(count)),))
        sender.start()
        for i in range(count):
            expected = b"+OK\r\n" + bulk(str(i))
            assert client.receive_exactly(len(expected)) == expected
        sender.join(60)
        assert not sender.is_alive()


def test_large_and_small_replies_mix(any_proxy):
    values = {f"mix:{i}": bytes([65 + i % 26]) * (10 ** (i % 7)) for i in range(28)}
    with any_proxy.client(timeout_s=60) as client:
        for key, value in values.items():
            assert client.call("SET", key, value) == "OK"
        for _ in range(5):
            assert client.pipeline([("GET", key) for key in values]) == list(values.values())
        assert client.call("MGET", *values) == list(values.values())
        assert client.call("DEL", *values) == len(values)

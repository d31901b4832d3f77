# SPDX-License-Identifier: Apache-2.0
"""Malformed, oversized and half input: Redis's own answer or a working command, bounded memory,
and servers that stay up. What is right is what a redis-server answers, byte for byte."""
import random
import resource
import socket

import pytest

from child_process import MEMORY_IS_MEASURED, resident_kb
from deadline import wait_until
from proxy_process import PASSWORD
from raw_client import ConnectionClosed, RawClient, bulk, encode
from real_cluster import RealRedis
from shard_process import ShardProcess

MEGABYTE = 1 << 20
BULK_MAX = 512 * MEGABYTE
IDLE_CONNECTIONS = 1000


@pytest.fixture(scope="module")
def oracle():
    redis = RealRedis(password=PASSWORD)
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def shard():
    shard = ShardProcess()
    yield shard
    shard.stop()


@pytest.fixture(scope="module", params=["proxy-redis", "proxy-slotway", "shard"])
def server(request):
    """The proxy over each kind of cluster, and a shard by itself."""
    name = {"proxy-redis": "proxy", "proxy-slotway": "local_cluster", "shard": "shard"}
    return request.getfixturevalue(name[request.param])


@pytest.fixture(autouse=True)
def stays_up(server):
    pids = server.server_pids()
    yield
    server.assert_up()
    assert server.server_pids() == pids, "a server process died and was replaced"


def unauthenticated(server):
    return RawClient(server.port)


ENDED_BY_SERVER = {
    "bulk type is wrong": b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n:5\r\n",
    "bulk type is a letter": b"*1\r\nx4\r\nPING\r\n",
    "bulk length is a word": b"*1\r\n$abc\r\n",
    "bulk length is negative": b"*1\r\n$-1\r\n",
    "bulk length is empty": b"*1\r\n$\r\n",
    "bulk length has a plus": b"*1\r\n$+4\r\nPING\r\n",
    "bulk length has a leading zero": b"*1\r\n$04\r\nPING\r\n",
    "bulk length has a space": b"*1\r\n$ 4\r\nPING\r\n",
    "bulk length overflows": b"*1\r\n$99999999999999999999999999\r\n",
    "bulk of 512 MB and a byte": b"*2\r\n$3\r\nGET\r\n$536870913\r\n",
    "bulk of 600 MB": b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$629145600\r\n",
    "array length is a word": b"*abc\r\n",
    "array length overflows": b"*99999999999999999999999999\r\n",
    "array length is huge": b"*2147483648\r\n",
    "array length has a plus": b"*+1\r\n$4\r\nPING\r\n",
    "array length has a leading zero": b"*01\r\n$4\r\nPING\r\n",
    "array length has a space": b"* 1\r\n$4\r\nPING\r\n",
    "endless array length": b"*" + b"1" * 70_000,
    "endless bulk length": b"*1\r\n$" + b"1" * 70_000,
    "endless inline command": b"a" * 70_000,
    "unbalanced quotes": b'set a "b\r\n',
    "text after a closing quote": b'set a "b"c\r\n',
    "unbalanced single quotes": b"set a 'b\r\n",
    "good commands, then garbage": encode("PING") + encode("ECHO", "x") + b"*1\r\n:1\r\n",
}

ENDED_BEFORE_LOGIN = {
    "array of 11": b"*11\r\n",
    "bulk of 16385": b"*2\r\n$4\r\nAUTH\r\n$16385\r\n",
    "array length is a word": b"*abc\r\n",
    "web request": b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "web header": b"Host: localhost\r\n\r\n",
}

ANSWERED = {
    "empty arrays": b"*0\r\n*-1\r\n*-5\r\n" + encode("PING"),
    "empty lines": b"\r\n\r\n\n" + encode("PING"),
    "empty command name": encode(""),
    "zero length argument": encode("ECHO", ""),
    "inline": b"PING\r\nping\nEcho hello\r\n",
    "inline set and get": b"set inline:k v\r\nget inline:k\r\ndel inline:k\r\n",
    "inline with quotes": b'set inline:q "a\\x41\\n b\\"c"\r\nget inline:q\r\n'
                          b"set inline:q 'x y\\'z'\r\nget inline:q\r\n",
    "inline with spaces": b"   echo    hello   \r\n",
    "inline binary": b"echo \xff\xfe\x01\r\n",
    "bulk sent as inline": b"$7\r\nbonjour\r\n",
    "unknown command": encode("NOSUCH", "a", "b"),
    "unknown command, no arguments": encode("nosuch"),
    "unknown command, long": encode("x" * 200, "y" * 200, "z" * 200),
    "unknown command, many arguments": encode("nosuch", *("argument%d" % i for i in range(40))),
    "unknown command, line ends": encode("no\r\nsuch", "a\r\nb"),
    "wrong arity": encode("GET") + encode("get", "a", "b") + encode("SET", "a") + encode("PING", 1, 2),
    "unknown subcommand": encode("OBJECT", "nosuch", "a") + encode("CLIENT", "nosuch"),
    "wrong arity of a subcommand": encode("OBJECT", "ENCODING") + encode("CLIENT", "SETNAME"),
    "anything may end a bulk": b"*1\r\n$4\r\nPINGXX" + encode("PING"),
    "syntax error": encode("SET", "a", "b", "nosuch") + encode("SET", "a", "b", "EX", "x"),
    "not an integer": encode("INCRBY", "robust:n", "x") + encode("SETEX", "robust:n", "x", "y"),
}


@pytest.mark.parametrize("payload", ENDED_BY_SERVER.values(), ids=ENDED_BY_SERVER.keys())
def test_protocol_errors(server, oracle, payload):
    answers = []
    for target in (server, oracle):
        with target.client() as client:
            client.send(payload)
            answers.append(client.receive_until_closed())
    assert answers[0] == answers[1]


@pytest.mark.parametrize("payload", ENDED_BEFORE_LOGIN.values(), ids=ENDED_BEFORE_LOGIN.keys())
def test_protocol_errors_before_login(server, oracle, payload):
    answers = []
    for target in (server, oracle):
        with unauthenticated(target) as client:
            client.send(payload)
            answers.append(client.receive_until_closed())
    assert answers[0] == answers[1]


@pytest.mark.parametrize("payload", ANSWERED.values(), ids=ANSWERED.keys())
@pytest.mark.parametrize("piece", [None, 1], ids=["at-once", "byte-by-byte"])
def test_odd_but_valid(server, oracle, payload, piece):
    """Nothing is closed: the connection goes on with the next command."""
    marker = b"the end of the odd input"
    answers = []
    for target in (server, oracle):
        with target.client() as client:
            data = payload + encode("ECHO", marker)
            if piece is None:
                client.send(data)
            else:
                for start in range(0, len(data), piece):
                    client.send(data[start:start + piece])
            replies = []
            while not replies or replies[-1] != bulk(marker):
                replies.append(client.raw_reply())
            answers.append(replies)
    assert answers[0] == answers[1]


def test_binary_and_empty_keys(server):
    every_byte = bytes(range(256))
    keys = [b"", b"\0", b"\r\n", b"{}", b"{", b"}{", b"{}a", b"a{}", b"\xff\xfe", every_byte,
            b"k" * 65536, "키:열쇠".encode(), b"*1\r\n$4\r\nPING\r\n"]
    values = [b"", b"\0", b"\r\n", every_byte * 64]
    with server.client() as client:
        for key in keys:
            for value in values:
                assert client.pipeline([("SET", key, value), ("GET", key), ("STRLEN", key)]) == [
                    "OK", value, len(value)]
        assert client.call("MSET", *(part for key in keys for part in (key, key))) == "OK"
        assert client.call("MGET", *keys) == keys
        assert client.call("EXISTS", *keys) == len(keys)
        assert client.call("DEL", *keys) == len(keys)


def test_half_commands_and_sudden_ends(server):
    """Connections that go away at every byte of a request, politely and by reset."""
    request = encode("SET", "half", "value") + b"*2\r\n$3\r\nGET\r\n$4\r\nhalf"
    for end in range(1, len(request)):
        with server.client() as client:
            client.send(request[:end])
            if end % 2:
                client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          b"\1\0\0\0\0\0\0\0")
    with server.client() as client:
        assert client.call("PING") == "PONG"


def test_half_commands_wait_without_harm(server):
    """A hundred connections stop in the middle; others are served, and they go on later."""
    request = encode("SET", "waiting", "value")
    half = len(request) // 2
    clients = [server.client() for _ in range(100)]
    for client in clients:
        client.send(request[:half])
    with server.client() as other:
        for i in range(200):
            assert other.call("SET", f"other:{i}", i) == "OK"
    for client in clients:
        client.send(request[half:])
    assert [client.reply() for client in clients] == ["OK"] * len(clients)
    for client in clients:
        client.close()


def test_a_thousand_idle_connections(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    before_kb = server.resident_kb()
    connections = [socket.create_connection(("127.0.0.1", server.port), 20)
                   for _ in range(IDLE_CONNECTIONS)]
    try:
        with server.client() as client:
            for i in range(1000):
                assert client.call("SET", f"busy:{i}", i) == "OK"
        if MEMORY_IS_MEASURED:
            # 32 kB each would be generous.
            assert server.resident_kb() - before_kb < IDLE_CONNECTIONS * 32
        for connection in connections[::50]:
            connection.sendall(b"PING\r\n")
            assert connection.recv(100).startswith(b"-NOAUTH")
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_announced_lengths_cost_nothing(server):
    """Memory is taken for bytes that came, not for bytes that were announced."""
    before_kb = server.resident_kb()
    clients = [server.client() for _ in range(200)]
    for number, client in enumerate(clients):
        client.send(b"*1000000\r\n$1\r\na\r\n" if number % 2 else
                    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\nx" % BULK_MAX)
    with server.client() as other:
        assert other.call("ECHO", "still here") == b"still here"
    if MEMORY_IS_MEASURED:
        assert server.resident_kb() - before_kb < 200_000
    for client in clients:
        client.close()


def test_a_client_that_does_not_read(server):
    """Replies to a client that reads none are bounded; the others do not suffer."""
    value = b"v" * MEGABYTE
    with server.client() as client:
        assert client.call("SET", "big", value) == "OK"
    before_kb = server.resident_kb()
    greedy = server.client()
    greedy._socket.setblocking(False)
    request = encode("GET", "big") * 64
    sent = 0
    try:
        while sent < 4000:
            try:
                greedy._socket.send(request)
                sent += 64
            except BlockingIOError:
                break
        with server.client() as other:
            for i in range(500):
                assert other.call("SET", f"beside:{i}", i) == "OK"
        # Of the proxy only: Redis itself keeps replies of a normal client without a bound.
        if MEMORY_IS_MEASURED and server.process.command[0].endswith("/slotway"):
            proxy_kb = resident_of_main(server) - before_kb
            assert proxy_kb < 400_000, f"{proxy_kb} kB for a client that does not read"
    finally:
        greedy.close()
    with server.client() as client:
        assert client.call("DEL", "big") == 1


def resident_of_main(server):
    return resident_kb(server.process.pid)


def mutate(generator, data):
    data = bytearray(data)
    for _ in range(generator.randint(1, 6)):
        kind = generator.randrange(4)
        at = generator.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] = generator.randrange(256)
        elif kind == 1:
            data[at:at] = generator.choice([b"\r\n", b"*", b"$", b"-1", b"\0", b"99999999", b"{"])
        elif kind == 2:
            del data[at:at + generator.randint(1, 8)]
        else:
            start = generator.randrange(len(data) + 1)
            data[at:at] = data[start:start + 16]
        if not data:
            data = bytearray(b"*")
    return bytes(data)


def test_random_garbage(server):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    before_kb = server.resident_kb()
    good = (encode("SET", "fuzz", "v") + encode("MGET", "a", "b", "c") + encode("HELLO", 3)
            + encode("CLIENT", "SETNAME", "x") + encode("CLUSTER", "SLOTS") + b"PING\r\n")
    for _ in range(400):
        client = server.client() if generator.random() < 0.8 else unauthenticated(server)
        with client:
            try:
                client.send(mutate(generator, good))
                client.half_close()
                client.receive_until_closed()
            except (OSError, ConnectionClosed):
                pass
    if MEMORY_IS_MEASURED:
        assert server.resident_kb() - before_kb < 100_000


def available_memory_mb():
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        for line in meminfo:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0


def receive_equal(client, value):
    """Compares a bulk reply to value without a second copy of all of it."""
    header = b"$%d\r\n" % len(value)
    assert client.receive_exactly(len(header)) == header
    view = memoryview(value)
    for start in range(0, len(value), 8 * MEGABYTE):
        part = view[start:start + 8 * MEGABYTE]
        assert client.receive_exactly(len(part)) == part
    assert client.receive_exactly(2) == b"\r\n"


@pytest.mark.skipif(available_memory_mb() < 5000, reason="less than 5 GB of memory are free")
def test_a_bulk_of_512_mb(server):
    before_kb = server.resident_kb()
    value = random.Random(7).randbytes(MEGABYTE) * 512
    with server.client(timeout_s=120) as client:
        client.send(b"*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$%d\r\n" % len(value))
        client.send(value)
        client.send(b"\r\n")
        assert client.reply() == "OK"
        assert client.call("STRLEN", "huge") == BULK_MAX
        client.send(encode("GET", "huge"))
        receive_equal(client, value)
        assert client.call("PING") == "PONG"
        assert client.call("DEL", "huge") == 1
    if MEMORY_IS_MEASURED:
        wait_until(lambda: server.resident_kb() - before_kb < 200_000, 30,
                   "the memory for 512 MB is given back")


def test_a_bulk_of_600_mb(server, oracle):
    """Refused when it is announced; the client sees the error although it is still sending."""
    answers = []
    for target in (server, oracle):
        with target.client() as client:
            client.send(b"*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$%d\r\n" % (600 * MEGABYTE))
            answers.append(client.receive_until_closed())
    assert answers[0] == answers[1] == b"-ERR Protocol error: invalid bulk length\r\n"


def test_others_are_served_during_a_large_upload(server):
    """A client in the middle of 256 MB does not keep others waiting."""
    part = b"x" * MEGABYTE
    with server.client(timeout_s=60) as client, server.client() as other:
        client.send(b"*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n$%d\r\n" % (256 * MEGABYTE))
        for number in range(256):
            client.send(part)
            if number % 16 == 0:
                assert other.call("SET", f"meanwhile:{number}", number) == "OK"
        client.send(b"\r\n")
        assert client.reply() == "OK"
        assert client.call("DEL", "long") == 1

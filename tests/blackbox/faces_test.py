# SPDX-License-Identifier: Apache-2.0
"""How the proxy looks to clients: as one Redis, and as a cluster with one address."""
import binascii

import pytest
import redis

from proxy_process import PASSWORD
from raw_client import ErrorReply, RawClient
from real_cluster import redis_cli

WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."
NOAUTH = "NOAUTH Authentication required."


@pytest.fixture
def client(any_proxy):
    with any_proxy.client() as client:
        yield client


@pytest.fixture
def stranger(any_proxy):
    """A connection that has not authenticated."""
    with RawClient(any_proxy.port) as client:
        yield client


def fields(reply):
    """A flat array (RESP2) or list of pairs (RESP3) as a dictionary."""
    if reply and isinstance(reply[0], tuple):
        return dict(reply)
    return dict(zip(reply[::2], reply[1::2]))


def test_auth(stranger):
    assert stranger.call("GET", "a") == NOAUTH
    assert stranger.call("PING") == NOAUTH
    assert stranger.call("AUTH", "wrong") == WRONGPASS
    assert stranger.call("AUTH", "default", "wrong") == WRONGPASS
    assert stranger.call("AUTH", "nobody", PASSWORD) == WRONGPASS
    assert stranger.call("GET", "a") == NOAUTH
    assert stranger.call("AUTH", "default", PASSWORD) == "OK"
    assert stranger.call("PING") == "PONG"


def test_a_pipeline_that_starts_with_auth(stranger):
    replies = stranger.pipeline([("GET", "face:none"), ("AUTH", PASSWORD), ("GET", "face:none")])
    assert replies == [NOAUTH, "OK", None]


def test_hello(stranger):
    refused = stranger.call("HELLO", 3)
    assert isinstance(refused, ErrorReply) and refused.startswith("NOAUTH HELLO must be called")
    hello = stranger.call("HELLO", 3, "AUTH", "default", PASSWORD, "SETNAME", "face")
    assert isinstance(hello[0], tuple), "a map"
    hello = fields(hello)
    assert hello[b"server"] == b"redis" and hello[b"proto"] == 3
    assert hello[b"version"].startswith(b"7.2")
    assert stranger.call("CLIENT", "GETNAME") == b"face"
    assert stranger.raw_call("GET", "face:none") == b"_\r\n"
    assert fields(stranger.call("HELLO", 2))[b"proto"] == 2
    assert stranger.raw_call("GET", "face:none") == b"$-1\r\n"
    assert stranger.call("HELLO", 4) == "NOPROTO unsupported protocol version"
    assert stranger.call("HELLO", 1) == "NOPROTO unsupported protocol version"
    assert stranger.call("HELLO", "x") == "ERR Protocol version is not an integer or out of range"
    assert fields(stranger.call("HELLO"))[b"proto"] == 2


def test_resp3_types_of_two_clients_do_not_mix(any_proxy):
    with any_proxy.client(protocol=3) as three, any_proxy.client(protocol=2) as two:
        for client in (three, two):
            client.call("DEL", "face:h")
        assert three.call("HSET", "face:h", "f", "v") == 1
        assert three.raw_call("HGETALL", "face:h").startswith(b"%1\r\n")
        assert two.raw_call("HGETALL", "face:h").startswith(b"*2\r\n")
        assert three.raw_call("GET", "face:none") == b"_\r\n"
        assert two.raw_call("GET", "face:none") == b"$-1\r\n"


def test_client_commands(any_proxy, client):
    client_id = client.call("CLIENT", "ID")
    assert isinstance(client_id, int) and client_id > 0
    with any_proxy.client() as other:
        assert other.call("CLIENT", "ID") != client_id
    assert client.call("CLIENT", "GETNAME") is None
    assert client.call("CLIENT", "SETNAME", "song") == "OK"
    assert client.call("CLIENT", "GETNAME") == b"song"
    assert client.call("CLIENT", "SETNAME", "two words") == (
        "ERR Client names cannot contain spaces, newlines or special characters.")
    assert client.call("CLIENT", "SETINFO", "LIB-NAME", "test") == "OK"
    assert client.call("CLIENT", "SETINFO", "LIB-VER", "1.0") == "OK"
    info = client.call("CLIENT", "INFO").decode()
    assert f"id={client_id} " in info and "name=song" in info
    assert f":{client.local_port()} " in info
    assert client.call("CLIENT", "NO-EVICT", "on") == "OK"
    assert isinstance(client.call("CLIENT", "NOSUCH"), ErrorReply)


def test_client_reply(client):
    client.send(b"CLIENT REPLY OFF\r\nSET face:r 1\r\nPING\r\nCLIENT REPLY ON\r\nGET face:r\r\n"
                b"CLIENT REPLY SKIP\r\nGET face:r\r\nPING\r\n")
    assert [client.reply() for _ in range(3)] == ["OK", b"1", "PONG"]


def test_select(client):
    assert client.call("SELECT", 0) == "OK"
    assert client.call("SELECT", 1) == "ERR SELECT is not allowed in cluster mode"
    assert isinstance(client.call("SELECT", "x"), ErrorReply)


def test_ping_echo_quit_reset(client):
    assert client.call("PING") == "PONG"
    assert client.call("PING", "x") == b"x"
    assert client.call("ECHO", "x") == b"x"
    assert client.call("CLIENT", "SETNAME", "gone") == "OK"
    assert client.call("RESET") == "RESET"
    assert client.call("GET", "a") == NOAUTH
    assert client.call("AUTH", PASSWORD) == "OK"
    assert client.call("CLIENT", "GETNAME") is None
    assert client.call("QUIT") == "OK"
    assert client.receive_until_closed() == b""


def test_command(client):
    count = client.call("COMMAND", "COUNT")
    assert count > 200
    (get,) = client.call("COMMAND", "INFO", "get")
    assert get[0] == b"get" and get[1] == 2
    assert [b"readonly" in get[2] or "readonly" in get[2], get[3], get[4], get[5]] == [
        True, 1, 1, 1]
    assert client.call("COMMAND", "INFO", "nosuch") == [None]
    assert client.call("COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2") == [b"a", b"b"]
    assert len(client.call("COMMAND")) == count
    assert len(client.call("COMMAND", "LIST")) >= count
    assert isinstance(client.call("COMMAND", "DOCS", "get"), list)


def test_info(client):
    info = client.call("INFO")
    text = (info if isinstance(info, bytes) else info.encode()).decode()
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    assert values["redis_version"].startswith("7.2")
    assert values["cluster_enabled"] == "1"
    assert int(values["connected_clients"]) >= 1
    for section in ("server", "clients", "memory", "stats", "replication", "cpu"):
        assert f"# {section}".encode() in client.call("INFO", section).lower()


def test_cross_slot(client):
    assert client.call("RENAME", "face:x", "face:y") == (
        "CROSSSLOT Keys in request don't hash to the same slot")
    assert client.call("PING") == "PONG"


def test_cluster_slots_and_shards(any_proxy, client):
    slots = client.call("CLUSTER", "SLOTS")
    covered = sorted(slot for first, last, *_ in slots for slot in range(first, last + 1))
    assert covered == list(range(16384))
    for _, _, master, *_ in slots:
        assert master[:2] == [b"127.0.0.1", any_proxy.port]
        assert len(master[2]) == 40
    covered = []
    for shard in client.call("CLUSTER", "SHARDS"):
        shard = fields(shard)
        ranges = shard[b"slots"]
        for first, last in zip(ranges[::2], ranges[1::2]):
            covered += range(first, last + 1)
        assert any(fields(node)[b"port"] == any_proxy.port for node in shard[b"nodes"])
    assert sorted(covered) == list(range(16384))


def test_cluster_nodes_are_stable(any_proxy, client):
    my_id = client.call("CLUSTER", "MYID")
    assert len(my_id) == 40
    with any_proxy.client() as other:
        assert other.call("CLUSTER", "MYID") == my_id
    nodes = client.call("CLUSTER", "NODES").decode()
    mine = next(line for line in nodes.splitlines() if "myself" in line)
    assert mine.startswith(my_id.decode())
    assert f":{any_proxy.port}@" in mine


def test_cluster_keyslot(client):
    for key in ("a", "b", "foo", "{foo}bar", "foo{}{bar}", "foo{{bar}}zap", "", "{}x"):
        tag = key
        start = key.find("{")
        if start >= 0 and key.find("}", start) > start + 1:
            tag = key[start + 1:key.find("}", start)]
        assert client.call("CLUSTER", "KEYSLOT", key) == (
            binascii.crc_hqx(tag.encode(), 0) % 16384), key


def test_words_of_cluster_clients(client):
    assert client.call("READONLY") == "OK"
    assert client.call("READWRITE") == "OK"
    assert client.call("ASKING") == "OK"
    assert client.call("CLUSTER", "INFO").startswith(b"cluster_state:ok")
    assert isinstance(client.call("CLUSTER", "NOSUCH"), ErrorReply)


def test_what_is_refused_says_so(client):
    for command in (("SHUTDOWN",), ("MODULE", "LOAD", "x"), ("REPLICAOF", "a", 1),
                    ("CLUSTER", "MEET", "a", 1), ("FAILOVER",)):
        reply = client.call(*command)
        assert isinstance(reply, ErrorReply) and len(reply) > 15, (command, reply)
        assert client.call("PING") == "PONG"


@pytest.mark.parametrize("flags", [(), ("-c",), ("-3",), ("-3", "-c")])
def test_redis_cli(any_proxy, flags):
    port = any_proxy.port
    assert redis_cli(port, *flags, "set", "cli", "v", password=PASSWORD) == "OK\n"
    assert redis_cli(port, *flags, "get", "cli", password=PASSWORD) == "v\n"
    assert redis_cli(port, *flags, "mset", "cli:1", "a", "cli:2", "b", password=PASSWORD) == "OK\n"
    assert redis_cli(port, *flags, "mget", "cli:1", "cli:2", password=PASSWORD) == "a\nb\n"
    assert redis_cli(port, *flags, "-n", "0", "get", "cli", password=PASSWORD) == "v\n"


def test_redis_cli_check_of_the_cluster(any_proxy):
    output = redis_cli(any_proxy.port, "--cluster", "check", f"127.0.0.1:{any_proxy.port}",
                       password=PASSWORD)
    assert "[OK] All 16384 slots covered" in output


def test_redis_benchmark(any_proxy):
    import os
    import subprocess
    done = subprocess.run(
        ["/usr/bin/redis-benchmark", "-p", str(any_proxy.port), "-a", PASSWORD, "-n", "20000",
         "-P", "16", "-r", "10000", "-t", "set,get,incr,hset,mset", "-q"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env=dict(os.environ, LC_ALL="C"))
    assert done.returncode == 0, done.stdout
    assert "rror" not in done.stdout, done.stdout
    assert done.stdout.count("requests per second") == 5


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
def test_redis_py(any_proxy, kind):
    made = redis.Redis if kind == "standalone" else redis.cluster.RedisCluster
    client = made(host="127.0.0.1", port=any_proxy.port, password=PASSWORD)
    keys = [f"py:{kind}:{i}" for i in range(200)]
    for key in keys:
        assert client.set(key, key) is True
    pipeline = client.pipeline(transaction=False) if kind == "standalone" else client.pipeline()
    for key in keys:
        pipeline.get(key)
    assert pipeline.execute() == [key.encode() for key in keys]
    assert client.incr(f"py:{kind}:n") >= 1
    assert client.hset(f"py:{kind}:h", mapping={"a": 1, "b": 2}) in (0, 2)
    assert client.hgetall(f"py:{kind}:h") == {b"a": b"1", b"b": b"2"}
    assert client.expire(keys[0], 100) is True
    assert 0 < client.ttl(keys[0]) <= 100
    if kind == "standalone":
        assert client.mset({key: "x" for key in keys}) is True
        assert client.mget(keys) == [b"x"] * len(keys)
        assert client.delete(*keys) == len(keys)
        with pytest.raises(redis.ResponseError):
            client.execute_command("NOSUCH")
    else:
        assert client.mset_nonatomic({key: "x" for key in keys})
        assert client.mget_nonatomic(*keys) == [b"x"] * len(keys)
        assert client.delete(*keys) == len(keys)
    client.close()

# SPDX-License-Identifier: Apache-2.0
"""CLIENT PAUSE, and settings that concern the network: the first at slotway-shard and at a
redis-server, which is here to hold the expectations against."""
import socket

import pytest

from both_servers import clients, server  # noqa: F401  fixtures
from deadline import wait_until
from free_ports import free_port
from raw_client import RawClient, encode
from shard_process import ShardProcess


def info(client, field):
    lines = client.call("INFO").split(b"\r\n")
    return next(line.split(b":")[1] for line in lines if line.startswith(field.encode() + b":"))


def held(client):
    return int(info(client, "blocked_clients"))


WRITES = [("SET", "k", "v"), ("PFCOUNT", "hll"), ("PUBLISH", "c", "m"), ("EVAL", "return 1", 0),
          ("EVAL", "#!lua\nreturn 1", 0)]
OTHERS = [("GET", "k"), ("PING",), ("EVAL", "#!lua flags=no-writes\nreturn 1", 0),
          ("EVAL_RO", "return 1", 0)]


@pytest.mark.parametrize("within_transaction", [False, True])
def test_a_pause_of_writes_holds_what_may_write(clients, within_transaction):
    witness = clients()
    writers = [clients() for _ in WRITES]
    for writer, command in zip(writers, WRITES):
        if within_transaction:
            assert writer.call("MULTI") == "OK"
            assert writer.call(*command) == "QUEUED"
    witness.call("CLIENT", "PAUSE", 60000, "WRITE")
    for command in OTHERS:
        witness.call(*command)
    for writer, command in zip(writers, WRITES):
        writer.send(encode("EXEC") if within_transaction else encode(*command))
    wait_until(lambda: held(witness) == len(WRITES), 10, "all are held back")
    assert witness.call("CLIENT", "LIST").count(b" flags=b ") + \
        witness.call("CLIENT", "LIST").count(b" flags=xb ") == len(WRITES)
    writers.pop().close()
    wait_until(lambda: held(witness) == len(WRITES) - 1, 10, "one is gone")
    assert witness.call("CLIENT", "UNPAUSE") == "OK"
    for writer in writers:
        writer.reply()
    assert held(witness) == 0


def test_errors_are_told_during_a_pause(clients):
    witness, other = clients(), clients()
    witness.call("CLIENT", "PAUSE", 60000, "WRITE")
    assert str(other.call("SET", "k")).startswith("ERR wrong number of arguments")
    assert str(other.call("NOSUCH")).startswith("ERR unknown command")
    witness.call("CLIENT", "UNPAUSE")


def test_nothing_expires_during_a_pause(clients):
    client = clients()
    expired = int(info(client, "expired_keys"))
    for command in (("MULTI",), ("SET", "k", "v", "PX", 1), ("CLIENT", "PAUSE", 60000, "WRITE")):
        client.call(*command)
    client.call("EXEC")
    wait_until(lambda: client.call("GET", "k") is None, 10, "it is due")
    assert int(info(client, "expired_keys")) == expired
    assert client.call("DBSIZE") == 1
    client.call("CLIENT", "UNPAUSE")
    assert client.call("GET", "k") is None
    assert int(info(client, "expired_keys")) == expired + 1


def test_the_port_changes_if_it_is_free():
    shard = ShardProcess(password=None)
    try:
        with shard.client() as client, socket.create_server(("127.0.0.1", 0)) as taken:
            error = str(client.call("CONFIG", "SET", "maxmemory", "1mb", "port",
                                    taken.getsockname()[1]))
            assert error == ("ERR CONFIG SET failed (possibly related to argument 'port') - "
                             "Unable to listen on this port. Check server logs.")
            assert client.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"0"]
            assert shard.call("PING") == "PONG"
            port = free_port()
            assert client.call("CONFIG", "SET", "port", port) == "OK"
            with RawClient(port, "127.0.0.1") as other:
                assert other.call("CONFIG", "GET", "port") == [b"port", str(port).encode()]
            with pytest.raises(ConnectionRefusedError):
                shard.call("PING")
            assert client.call("PING") == "PONG"
    finally:
        shard.stop()


def test_a_large_request_leaves_no_memory_behind():
    shard = ShardProcess(password=None)
    try:
        with shard.client() as client:
            client.call("SADD", "s", 1)  # the database has a table from now on
            client.call("DEL", "s")
            before = int(info(client, "used_memory"))
            client.call("SADD", "s", *range(100_000))
            client.call("DEL", "s")
            wait_until(lambda: int(info(client, "used_memory")) < 2 * before, 10, "it is given back")
    finally:
        shard.stop()


def test_the_query_of_who_asks_is_in_the_list(clients):
    client = clients()
    assert b" qbuf=26 " in client.call("CLIENT", "LIST").splitlines()[-1]

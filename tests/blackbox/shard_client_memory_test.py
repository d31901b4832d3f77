# SPDX-License-Identifier: Apache-2.0
"""What clients may take: maxmemory-clients and replies of any length, the same at slotway-shard and
at a redis-server, which is here to hold the expectations against."""
import contextlib
import re

import pytest

from both_servers import clients, server  # noqa: F401  fixtures
from deadline import wait_until
from raw_client import encode

LIMIT = 3_000_000


@pytest.fixture
def admin(clients):
    client = clients()
    client.call("CLIENT", "SETNAME", "admin")
    client.call("CLIENT", "NO-EVICT", "ON")
    client.call("CONFIG", "RESETSTAT")
    yield client
    client.call("CONFIG", "SET", "maxmemory", "0", "maxmemory-clients", "0",
                "client-output-buffer-limit", "normal 0 0 0")


def fields_of(admin, name):
    """Of the client of that name in CLIENT LIST; nothing if it is gone."""
    lines = admin.call("CLIENT", "LIST").decode().splitlines()
    found = [line for line in lines if f" name={name} " in line]
    return dict(word.split("=", 1) for word in found[0].split(" ")) if found else None


def info(admin, name):
    return int(re.search(rb"(?m)^%s:(\d+)" % name.encode(),
                         admin.call("INFO", "everything")).group(1))


def named(clients, name):
    client = clients()
    client.call("CLIENT", "SETNAME", name)
    return client


def send_in_vain(client, data):
    """Whoever sends too much may be cut off while it does."""
    with contextlib.suppress(ConnectionError):
        client.send(data)


def half_a_request(count):
    """Of a request whose end never comes."""
    return b"*2\r\n$%d\r\n" % count + b"v" * count


def test_input_that_waits_counts_and_the_largest_goes_first(clients, admin):
    admin.call("CONFIG", "SET", "maxmemory-clients", "100mb")
    for name, count in (("small", 200_000), ("middle", 900_000), ("large", 2_500_000)):
        send_in_vain(named(clients, name), half_a_request(count))
        wait_until(lambda: int(fields_of(admin, name)["qbuf"]) == count, 10, "all of it is there")
        assert int(fields_of(admin, name)["tot-mem"]) >= count
    wait_until(lambda: info(admin, "mem_clients_normal") >= 3_600_000, 10, "all of it is counted")
    admin.call("CONFIG", "SET", "maxmemory-clients", str(LIMIT))
    wait_until(lambda: fields_of(admin, "large") is None, 10, "the largest is gone")
    assert fields_of(admin, "middle") and fields_of(admin, "small")
    assert info(admin, "evicted_clients") == 1
    assert info(admin, "mem_clients_normal") < LIMIT
    admin.call("CONFIG", "SET", "maxmemory-clients", "1000000")
    wait_until(lambda: fields_of(admin, "middle") is None, 10, "the next is gone")
    assert fields_of(admin, "small")


def test_who_is_not_to_be_evicted_stays_until_it_may(clients, admin):
    admin.call("CONFIG", "SET", "maxmemory-clients", str(LIMIT))
    favourite = named(clients, "favourite")
    assert favourite.call("CLIENT", "NO-EVICT", "ON") == "OK"
    assert "e" in fields_of(admin, "favourite")["flags"]
    favourite.call("SETRANGE", "k", 200_000, "x")
    favourite.send(encode("GET", "k") * 60)  # nobody reads the replies
    wait_until(lambda: int(fields_of(admin, "favourite")["tot-mem"]) > LIMIT, 10, "it takes more")
    # Others go in its stead, however small.
    wait_until(lambda: len(admin.call("CLIENT", "LIST").splitlines()) == 2, 10, "two are left")
    assert fields_of(admin, "favourite")
    evicted = info(admin, "evicted_clients")
    favourite.send(encode("CLIENT", "NO-EVICT", "OFF"))
    wait_until(lambda: fields_of(admin, "favourite") is None, 10, "it is gone")
    assert info(admin, "evicted_clients") == evicted + 1


def test_a_share_of_maxmemory(clients, admin):
    admin.call("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-clients", "2%")
    assert admin.call("CONFIG", "GET", "maxmemory-clients") == [b"maxmemory-clients", b"2%"]
    send_in_vain(named(clients, "fine"), half_a_request(1_000_000))
    wait_until(lambda: int(fields_of(admin, "fine")["qbuf"]) == 1_000_000, 10, "it is there")
    send_in_vain(named(clients, "more"), half_a_request(1_900_000))
    wait_until(lambda: fields_of(admin, "more") is None, 10, "together it is too much")
    assert fields_of(admin, "fine")


@pytest.mark.parametrize("make, ask", [
    (("SADD", "k", "a", "b"), ("SRANDMEMBER", "k")),
    (("HSET", "k", "a", "1"), ("HRANDFIELD", "k")),
    (("ZADD", "k", "1", "a"), ("ZRANDMEMBER", "k"))])
def test_a_reply_of_any_length_ends_at_the_limit(clients, admin, server, make, ask):
    admin.call(*make)
    admin.call("CONFIG", "SET", "client-output-buffer-limit", "normal 3000000 0 0")
    assert len(clients().call(*ask, -100_000)) == 100_000
    greedy = named(clients, "greedy")
    # A redis-server goes on making a longer one that nobody will get, and serves nobody meanwhile.
    greedy.send(encode(*ask, -3_000_000 if server.name == "redis-server" else -(1 << 62)))
    wait_until(lambda: fields_of(admin, "greedy") is None, 20, "it is cut off")
    assert admin.call("PING") == "PONG"

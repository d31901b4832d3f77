# SPDX-License-Identifier: Apache-2.0
"""Commands of several clients that wait for keys at one server: the same at slotway-shard and at a
redis-server, which is here to hold the expectations against."""
import time

import pytest

from both_servers import clients, server  # noqa: F401  fixtures
from deadline import SLOWNESS, wait_until
from raw_client import ConnectionClosed, encode
from shard_process import ShardProcess


def blocked(client):
    line = [x for x in client.call("INFO", "clients").split(b"\r\n") if x.startswith(b"blocked_")]
    return int(line[0].split(b":")[1])


def wait_with(client, witness, *command):
    """Sends what will wait and returns when it does."""
    before = blocked(witness)
    client.send(encode(*command))
    wait_until(lambda: blocked(witness) == before + 1, 10, f"{command} waits")


CALLS = [
    (("BLPOP", "none", "l", 0), ("RPUSH", "l", "a", "b"), [b"l", b"a"]),
    (("BRPOP", "l", 0), ("RPUSH", "l", "a", "b"), [b"l", b"b"]),
    (("BLMOVE", "l", "m", "RIGHT", "LEFT", 0), ("RPUSH", "l", "a", "b"), b"b"),
    (("BRPOPLPUSH", "l", "l", 0), ("LPUSH", "l", "a", "b"), b"a"),
    (("BLMPOP", 0, 2, "none", "l", "LEFT", "COUNT", 5), ("RPUSH", "l", "a", "b"),
     [b"l", [b"a", b"b"]]),
    (("BZPOPMIN", "none", "z", 0), ("ZADD", "z", 2, "b", 1, "a"), [b"z", b"a", b"1"]),
    (("BZPOPMAX", "z", 0), ("ZADD", "z", 2, "b", 1, "a"), [b"z", b"b", b"2"]),
    (("BZMPOP", 0, 1, "z", "MAX", "COUNT", 9), ("ZADD", "z", 2, "b", 1, "a"),
     [b"z", [[b"b", b"2"], [b"a", b"1"]]]),
    (("XREAD", "BLOCK", 0, "STREAMS", "s", "none", "$", "$"), ("XADD", "s", "5-5", "f", "v"),
     [[b"s", [[b"5-5", [b"f", b"v"]]]]]),
    (("XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "gs", ">"),
     ("XADD", "gs", "7-0", "f", "v"), [[b"gs", [[b"7-0", [b"f", b"v"]]]]]),
]


@pytest.mark.parametrize("call, waker, expected", CALLS, ids=[row[0][0] for row in CALLS])
def test_a_change_answers_who_waits(clients, call, waker, expected):
    witness, waiter = clients(), clients()
    witness.call("XGROUP", "CREATE", "gs", "g", "$", "MKSTREAM")
    wait_with(waiter, witness, *call)
    witness.call(*waker)
    assert waiter.reply() == expected
    assert blocked(witness) == 0
    assert waiter.call("PING") == "PONG"


@pytest.mark.parametrize("call", [
    ("BLPOP", "k", "0.05"), ("BLMOVE", "k", "m", "LEFT", "LEFT", 0.05), ("BZPOPMIN", "k", 0.05),
    ("BLMPOP", 0.05, 1, "k", "LEFT"), ("BZMPOP", 0.05, 1, "k", "MIN"), ("BRPOPLPUSH", "k", "k", 0.05),
    ("XREAD", "BLOCK", 50, "STREAMS", "k", "$")], ids=lambda call: call[0])
def test_time_is_kept_to_the_millisecond(server, clients, call):
    # Redis looks at its clients ten times a second.
    late_ms_max = 40 if server.name == "slotway-shard" else 250
    client = clients()
    for _ in range(3):
        start = time.monotonic()
        assert client.raw_call(*call) == b"*-1\r\n"
        taken_ms = (time.monotonic() - start) * 1000
        assert 49 <= taken_ms < 50 + late_ms_max * SLOWNESS, taken_ms


def test_first_come_first_served(clients):
    witness = clients()
    waiters = [clients() for _ in range(5)]
    for waiter in waiters:
        wait_with(waiter, witness, "BLPOP", "k", 0)
    # All in one command: one element each, in their order, and one is left.
    witness.call("RPUSH", "k", *range(6))
    assert [waiter.reply()[1] for waiter in waiters] == [b"0", b"1", b"2", b"3", b"4"]
    assert witness.call("LRANGE", "k", 0, -1) == [b"5"]


def test_a_client_may_wait_for_several_keys(clients):
    witness, one, other = clients(), clients(), clients()
    wait_with(one, witness, "BLPOP", "a", "b", 0)
    wait_with(other, witness, "BLPOP", "b", "a", 0)
    witness.pipeline([("RPUSH", "a", 1), ("RPUSH", "b", 2)])
    assert one.reply() == [b"a", b"1"]
    assert other.reply() == [b"b", b"2"]


def test_one_that_is_served_may_serve_another(clients):
    witness, mover, popper = clients(), clients(), clients()
    wait_with(popper, witness, "BLPOP", "end", 0)
    wait_with(mover, witness, "BLMOVE", "begin", "end", "LEFT", "RIGHT", 0)
    witness.call("RPUSH", "begin", "x")
    assert mover.reply() == b"x"
    assert popper.reply() == [b"end", b"x"]
    assert witness.call("EXISTS", "begin", "end") == 0


def test_the_target_of_a_move_may_be_of_another_type(clients):
    witness, mover = clients(), clients()
    witness.call("SET", "target", "text")
    wait_with(mover, witness, "BLMOVE", "k", "target", "LEFT", "LEFT", 0)
    witness.call("RPUSH", "k", "x")
    assert mover.reply().startswith("WRONGTYPE")
    assert witness.call("LRANGE", "k", 0, -1) == [b"x"]


def test_a_key_of_another_type_is_waited_over(clients):
    witness, waiter = clients(), clients()
    wait_with(waiter, witness, "BLPOP", "k", 0)
    witness.pipeline([("SET", "k", "text"), ("DEL", "k"), ("ZADD", "k", 1, "m"), ("DEL", "k")])
    assert blocked(witness) == 1
    witness.call("RPUSH", "k", "x")
    assert waiter.reply() == [b"k", b"x"]


# What brings a key into being beside a push.
ARRIVALS = {
    "RENAME": [("RPUSH", "old", "x"), ("RENAME", "old", "k")],
    "COPY": [("RPUSH", "old", "x"), ("COPY", "old", "k")],
    "MOVE": [("SELECT", 1), ("RPUSH", "k", "x"), ("MOVE", "k", 0)],
    "COPY to a database": [("SELECT", 1), ("RPUSH", "k", "x"), ("COPY", "k", "k", "DB", 0)],
    "SWAPDB": [("SELECT", 1), ("RPUSH", "k", "x"), ("SWAPDB", 0, 1)],
    "SORT": [("RPUSH", "old", "x"), ("SORT", "old", "ALPHA", "STORE", "k")],
    "LMOVE": [("RPUSH", "old", "x"), ("LMOVE", "old", "k", "LEFT", "LEFT")],
    "LINSERT elsewhere": [("RPUSH", "k", "x")],
}


@pytest.mark.parametrize("commands", ARRIVALS.values(), ids=ARRIVALS)
def test_however_a_list_comes_to_be(clients, commands):
    witness, waiter = clients(), clients()
    wait_with(waiter, witness, "BLPOP", "k", 0)
    witness.pipeline(commands)
    assert waiter.reply() == [b"k", b"x"]


def test_restored_keys_are_served(clients):
    witness, waiter = clients(), clients()
    witness.call("ZADD", "old", 1, "x")
    payload = witness.call("DUMP", "old")
    wait_with(waiter, witness, "BZPOPMAX", "k", 0)
    witness.call("RESTORE", "k", 0, payload)
    assert waiter.reply()[:2] == [b"k", b"x"]


def test_what_was_sent_ahead_runs_afterwards(clients):
    witness, waiter = clients(), clients()
    ahead = b"".join(encode("SET", "after", i) for i in range(50)) + encode("GET", "after")
    before = blocked(witness)
    waiter.send(encode("BLPOP", "k", 0) + ahead)
    wait_until(lambda: blocked(witness) == before + 1, 10, "it waits")
    assert witness.call("GET", "after") is None
    witness.call("RPUSH", "k", "x")
    assert waiter.reply() == [b"k", b"x"]
    assert [waiter.reply() for _ in range(51)] == ["OK"] * 50 + [b"49"]


def test_who_leaves_takes_nothing(clients):
    witness, leaver, waiter = clients(), clients(), clients()
    wait_with(leaver, witness, "BLPOP", "k", 0)
    wait_with(waiter, witness, "BLPOP", "k", 0)
    leaver.close()
    wait_until(lambda: blocked(witness) == 1, 10, "it is forgotten")
    witness.call("RPUSH", "k", "x")
    assert waiter.reply() == [b"k", b"x"]


def test_who_is_killed_takes_nothing(clients):
    witness, waiter = clients(), clients()
    waiter_id = waiter.call("CLIENT", "ID")
    wait_with(waiter, witness, "BLPOP", "k", 0)
    assert b" flags=b " in witness.call("CLIENT", "LIST", "ID", waiter_id)
    assert witness.call("CLIENT", "KILL", "ID", waiter_id) == 1
    with pytest.raises(ConnectionClosed):
        waiter.reply()
    witness.call("RPUSH", "k", "x")
    assert witness.call("LLEN", "k") == 1
    assert blocked(witness) == 0


@pytest.mark.parametrize("reason, expected", [
    ((), b"*-1\r\n"), (("TIMEOUT",), b"*-1\r\n"),
    (("ERROR",), b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")])
def test_client_unblock(clients, reason, expected):
    witness, waiter = clients(), clients()
    waiter_id = waiter.call("CLIENT", "ID")
    assert witness.call("CLIENT", "UNBLOCK", waiter_id, *reason) == 0
    wait_with(waiter, witness, "BLPOP", "k", 0)
    assert witness.call("CLIENT", "UNBLOCK", waiter_id, *reason) == 1
    assert waiter.raw_reply() == expected
    assert witness.call("CLIENT", "UNBLOCK", waiter_id, *reason) == 0
    witness.call("RPUSH", "k", "x")
    assert witness.call("LLEN", "k") == 1
    assert waiter.call("PING") == "PONG"


def test_readers_of_a_stream_all_get_the_same(clients):
    witness, readers = clients(), [clients(protocol=version) for version in (2, 3, 3)]
    for reader in readers:
        wait_with(reader, witness, "XREAD", "BLOCK", 0, "STREAMS", "s", "$")
    witness.call("XADD", "s", "5-1", "f", "v")
    entries = [[b"5-1", [b"f", b"v"]]]
    assert readers[0].reply() == [[b"s", entries]]
    assert readers[1].reply() == readers[2].reply() == [(b"s", entries)]


def test_readers_wait_for_what_is_greater(clients):
    witness, reader = clients(), clients()
    wait_with(reader, witness, "XREAD", "BLOCK", 0, "STREAMS", "s", "7-0")
    witness.pipeline([("XADD", "s", "6-0", "f", "v"), ("XADD", "s", "7-0", "f", "v")])
    assert blocked(witness) == 1
    witness.call("XADD", "s", "7-1", "f", "v")
    assert reader.reply() == [[b"s", [[b"7-1", [b"f", b"v"]]]]]


def test_each_entry_goes_to_one_consumer(clients):
    witness, consumers = clients(), [clients() for _ in range(3)]
    witness.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    for i, consumer in enumerate(consumers):
        wait_with(consumer, witness, "XREADGROUP", "GROUP", "g", f"c{i}", "BLOCK", 0, "COUNT", 1,
                  "STREAMS", "s", ">")
    for i in range(3):
        witness.call("XADD", "s", f"{i + 1}-0", "f", i)
    for i, consumer in enumerate(consumers):
        assert consumer.reply() == [[b"s", [[b"%d-0" % (i + 1), [b"f", b"%d" % i]]]]]
    assert [row[1] for row in witness.call("XPENDING", "s", "g", "-", "+", 9)] == [
        b"c0", b"c1", b"c2"]


# What ends the wait of a consumer, the code since 7.2, and the code in 7.0.
ENDS = {
    "DEL": ([("DEL", "s")], "NOGROUP", "UNBLOCKED"),
    "SET": ([("SET", "s", "x")], "WRONGTYPE", "UNBLOCKED"),
    "FLUSHALL": ([("FLUSHALL",)], "NOGROUP", "UNBLOCKED"),
    "SWAPDB": ([("SWAPDB", 0, 1)], "NOGROUP", "UNBLOCKED"),
    "expiry": ([("PEXPIRE", "s", 30)], "NOGROUP", "UNBLOCKED"),
    "XGROUP DESTROY": ([("XGROUP", "DESTROY", "s", "g")], "NOGROUP", "NOGROUP"),
}


@pytest.mark.parametrize("commands, code, old_code", ENDS.values(), ids=ENDS)
def test_a_consumer_is_told_that_its_group_is_gone(server, clients, commands, code, old_code):
    witness, consumer = clients(), clients()
    witness.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    wait_with(consumer, witness, "XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">")
    witness.pipeline(commands)
    reply = consumer.reply()
    assert reply.startswith(code if server.name == "slotway-shard" else old_code)
    assert "no longer exists" in reply


def test_who_waits_is_redirected_with_its_slot():
    shard = ShardProcess(password=None, options=("--cluster-enabled", "yes"))
    try:
        with shard.client() as witness, shard.client() as waiter, shard.client() as other:
            assert witness.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == "OK"
            wait_until(lambda: witness.call("LLEN", "k") == 0, 10, "the cluster is up")
            wait_with(waiter, witness, "BLPOP", "k", 0)
            wait_with(other, witness, "BLPOP", "other", 0)
            witness.call("CONFIG", "SET", "cluster-require-full-coverage", "no")
            witness.call("CLUSTER", "DELSLOTS", witness.call("CLUSTER", "KEYSLOT", "k"))
            assert waiter.reply() == "CLUSTERDOWN Hash slot not served"
            assert blocked(witness) == 1
    finally:
        shard.stop()


def test_many_wait_and_each_gets_one(clients):
    witness = clients()
    waiters = [clients() for _ in range(300)]
    for waiter in waiters:
        waiter.send(encode("BLPOP", "k", 0))
    wait_until(lambda: blocked(witness) == 300, 20, "all wait")
    witness.pipeline([("RPUSH", "k", i) for i in range(300)])
    assert sorted(int(waiter.reply()[1]) for waiter in waiters) == list(range(300))
    assert witness.call("EXISTS", "k") == 0


def test_replies_may_be_skipped(clients):
    witness, waiter = clients(), clients()
    waiter.send(encode("CLIENT", "REPLY", "SKIP"))
    wait_with(waiter, witness, "BLPOP", "k", 0)
    witness.call("RPUSH", "k", "x", "y")
    wait_until(lambda: witness.call("LLEN", "k") == 1, 10, "it is served")
    assert waiter.call("LPOP", "k") == b"y"

# SPDX-License-Identifier: Apache-2.0
"""What clients of one server hear of each other - messages, invalidations, MONITOR: the same at
slotway-shard and at a redis-server, which is here to hold the expectations against."""
import re
import time

import pytest

from both_servers import clients, server  # noqa: F401  fixtures
from deadline import wait_until
from raw_client import ConnectionClosed
from real_cluster import RealCluster
from shard_process import ShardProcess


def id_of(client):
    return client.call("CLIENT", "ID")


def flags_of(witness, client_id):
    line = witness.call("CLIENT", "LIST", "ID", client_id).decode()
    return re.search(r" flags=(\S+)", line).group(1)


def test_messages_go_to_channels_and_patterns(clients):
    listener, speaker = clients(), clients()
    assert listener.call("SUBSCRIBE", "news") == [b"subscribe", b"news", 1]
    assert listener.call("PSUBSCRIBE", "n*") == [b"psubscribe", b"n*", 2]
    assert listener.call("SSUBSCRIBE", "news") == [b"ssubscribe", b"news", 1]
    assert speaker.call("PUBLISH", "news", "x") == 2
    assert [listener.reply() for _ in range(2)] == [
        [b"message", b"news", b"x"], [b"pmessage", b"n*", b"news", b"x"]]
    assert speaker.call("SPUBLISH", "news", "y") == 1
    assert listener.reply() == [b"smessage", b"news", b"y"]
    assert speaker.call("PUBSUB", "NUMSUB", "news", "none") == [b"news", 1, b"none", 0]
    assert speaker.call("PUBSUB", "NUMPAT") == 1
    assert speaker.call("PUBSUB", "SHARDCHANNELS") == [b"news"]
    listener.close()
    wait_until(lambda: speaker.call("PUBLISH", "news", "z") == 0, 10, "nobody listens")


def test_a_large_message_arrives_whole_at_many(clients):
    listeners = [clients(protocol=version) for version in (2, 3) * 5]
    for listener in listeners:
        listener.call("SUBSCRIBE", "large")
    message = bytes(range(256)) * 400
    assert clients().call("PUBLISH", "large", message) == len(listeners)
    for listener in listeners:
        assert listener.reply()[-1] == message


def test_who_does_not_take_its_messages_is_cut_off(clients):
    listener, speaker = clients(), clients()
    speaker.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
    listener.call("SUBSCRIBE", "flood")
    message = b"x" * 100_000
    wait_until(lambda: speaker.call("PUBLISH", "flood", message) == 0, 30, "it is cut off")
    speaker.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
    with pytest.raises((ConnectionClosed, ConnectionResetError)):
        while True:
            listener.reply()


def test_confirmations_are_heard_in_silence(clients):
    client = clients()
    client.send(b"CLIENT REPLY OFF\r\nPING\r\nSUBSCRIBE c\r\nUNSUBSCRIBE c\r\nCLIENT REPLY ON\r\n")
    assert [client.reply() for _ in range(3)] == [
        [b"subscribe", b"c", 1], [b"unsubscribe", b"c", 0], "OK"]


def test_keys_that_run_out_of_time_are_told(clients):
    listener, witness = clients(), clients()
    witness.call("CONFIG", "SET", "notify-keyspace-events", "Ex")
    listener.call("SUBSCRIBE", "__keyevent@0__:expired")
    witness.call("SET", "short", "v", "PX", 50)
    assert listener.reply() == [b"message", b"__keyevent@0__:expired", b"short"]
    witness.call("CONFIG", "SET", "notify-keyspace-events", "")


def test_readers_hear_of_the_next_change(clients):
    reader, writer = clients(protocol=3), clients()
    assert reader.call("CLIENT", "TRACKING", "ON") == "OK"
    assert "t" in flags_of(writer, id_of(reader))
    writer.call("SET", "k", 1)
    reader.call("GET", "k")
    writer.call("INCR", "k")
    assert reader.reply() == [b"invalidate", [b"k"]]
    # Its own change, in a transaction: behind the reply.
    reader.call("GET", "k")
    reader.call("MULTI")
    reader.call("SET", "k", 5)
    reader.call("GET", "k")
    assert reader.call("EXEC") == ["OK", b"5"]
    assert reader.reply() == [b"invalidate", [b"k"]]
    reader.call("GET", "k")
    writer.call("FLUSHDB")
    assert reader.reply() == [b"invalidate", None]


def test_invalidations_may_go_elsewhere(clients):
    reader, ear, writer = clients(), clients(), clients()
    ear_id = id_of(ear)
    ear.call("SUBSCRIBE", "__redis__:invalidate")
    reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", ear_id, "BCAST", "PREFIX", "a")
    writer.pipeline([("SET", "a2", 1), ("SET", "a1", 1), ("SET", "b", 1)])
    heard = ear.reply()
    assert heard[:2] == [b"message", b"__redis__:invalidate"]
    assert sorted(heard[2]) == [b"a1", b"a2"]
    assert reader.call("CLIENT", "GETREDIR") == ear_id
    ear.close()
    wait_until(lambda: b"id=%d " % ear_id not in writer.call("CLIENT", "LIST"), 10, "it has gone")
    writer.call("SET", "a3", 1)
    wait_until(lambda: "R" in flags_of(writer, id_of(reader)), 10, "the redirection is broken")


def test_opting_in_is_for_one_command(clients):
    reader, writer = clients(protocol=3), clients()
    reader.call("CLIENT", "TRACKING", "ON", "OPTIN")
    reader.call("GET", "a")
    reader.call("CLIENT", "CACHING", "YES")
    reader.call("GET", "b")
    reader.call("GET", "c")
    writer.pipeline([("SET", "a", 1), ("SET", "b", 1), ("SET", "c", 1)])
    assert reader.reply() == [b"invalidate", [b"b"]]
    assert reader.call("PING") == "PONG"


def test_monitor_shows_what_runs(clients):
    monitor, client = clients(), clients()
    assert monitor.call("MONITOR") == "OK"
    client.call("SET", "k", "a b\n")
    client.call("MULTI")
    client.call("GET", "k")
    client.call("EXEC")
    client.call("AUTH", "user", "secret")
    client.call("CONFIG", "GET", "port")  # for admins alone
    client.call("SELECT", 3)
    shown = [monitor.reply() for _ in range(6)]
    commands = [re.sub(r"^\d+\.\d{6} \[(\d+) [^]]*\]", r"\1", str(line)) for line in shown]
    assert commands == ['0 "SET" "k" "a b\\n"', '0 "MULTI"', '0 "GET" "k"', '0 "EXEC"',
                        '0 "AUTH" "(redacted)" "(redacted)"', '3 "SELECT" "3"']
    assert abs(float(str(shown[0]).split()[0]) - time.time()) < 60
    assert monitor.call("RESET") == "RESET"
    client.call("PING")
    assert monitor.call("PING") == "PONG"


def test_monitor_shows_a_script_before_what_it_calls(clients):
    monitor, client = clients(), clients()
    client.call("FUNCTION", "LOAD", "REPLACE", "#!lua name=monitored\n"
                "redis.register_function('put', function(keys, args)\n"
                "  return redis.call('set', keys[1], args[1]) end)")
    digest = client.call("SCRIPT", "LOAD", "return redis.call('get', KEYS[1])")
    assert monitor.call("MONITOR") == "OK"
    client.call("EVAL", "return redis.call('incr', KEYS[1])", 1, "count")
    client.call("EVALSHA", digest, 1, "count")
    client.call("FCALL", "put", 1, "count", "2")
    shown = [re.sub(r"^\d+\.\d{6} \[0 (lua|)[^]]*\]", r"\1", str(monitor.reply()))
             for _ in range(6)]
    assert [line.split()[:2] for line in shown] == [
        ['"EVAL"', '"return'], ["lua", '"incr"'],
        ['"EVALSHA"', f'"{digest.decode()}"'], ["lua", '"get"'],
        ['"FCALL"', '"put"'], ["lua", '"set"']]


@pytest.fixture(scope="module", params=["slotway-shard", "redis-server"])
def lone_node(request):
    """A cluster of one master, as its client factory."""
    if request.param == "redis-server":
        running = RealCluster(masters=1)
        make = running.nodes[0].client
    else:
        running = ShardProcess(password=None, options=("--cluster-enabled", "yes"))
        make = running.client
        with make() as client:
            assert client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == "OK"
            wait_until(lambda: client.call("GET", "k") is None, 10, "the cluster is up")
    yield make
    running.stop()


def test_a_transaction_has_one_slot(lone_node):
    with lone_node() as client:
        replies = client.pipeline([
            ("MULTI",), ("SET", "{a}x", 1), ("GET", "{b}y"), ("EXEC",), ("EXEC",),
            ("MULTI",), ("MGET", "{a}x", "{b}y"), ("EXEC",),
            ("MULTI",), ("SET", "{a}x", 2), ("GET", "{a}x"), ("EXEC",),
            ("MULTI",), ("WATCH", "{a}x", "{b}y"), ("EXEC",)])
        cross = "CROSSSLOT Keys in request don't hash to the same slot"
        aborted = "EXECABORT Transaction discarded because of previous errors."
        assert replies == [
            "OK", "QUEUED", "QUEUED", cross, "ERR EXEC without MULTI",
            "OK", cross, aborted, "OK", "QUEUED", "QUEUED", ["OK", b"2"], "OK", cross, aborted]


def test_shard_channels_go_with_their_slot(lone_node):
    with lone_node() as listener, lone_node() as speaker:
        assert listener.call("SSUBSCRIBE", "{a}x", "{b}y").startswith("CROSSSLOT")
        for channel in (b"{a}x", b"{b}y"):
            listener.call("SSUBSCRIBE", channel)
        assert speaker.call("SPUBLISH", "{a}x", "m") == 1
        assert listener.reply() == [b"smessage", b"{a}x", b"m"]
        speaker.call("CLUSTER", "DELSLOTS", speaker.call("CLUSTER", "KEYSLOT", "{a}x"))
        assert listener.reply() == [b"sunsubscribe", b"{a}x", 1]
        assert speaker.call("PUBSUB", "SHARDCHANNELS") == [b"{b}y"]

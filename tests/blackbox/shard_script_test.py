# SPDX-License-Identifier: Apache-2.0
"""A script that runs for too long: what other clients are told, and how it ends. The same at
slotway-shard and at a redis-server, which is here to hold the expectations against."""
import pytest

from deadline import wait_until
from raw_client import ConnectionClosed, ErrorReply, encode
from real_cluster import RealRedis
from shard_process import ShardProcess

ENDLESS = "while true do end"
CATCHING = "while true do pcall(function() while true do end end) end"
LIBRARY = "#!lua name=lib\nredis.register_function('endless', function() while true do end end)"
SETTINGS = {"busy-reply-threshold": "20"}


@pytest.fixture(params=["slotway-shard", "redis-server"])
def server(request):
    running = RealRedis() if request.param == "redis-server" else ShardProcess(password=None)
    client = running.client()
    for name, value in SETTINGS.items():
        client.call("CONFIG", "SET", name, value)
    client.close()
    yield running
    running.stop()


def error_of(client, *command):
    reply = client.call(*command)
    assert isinstance(reply, ErrorReply), reply
    return reply


def start(server, *command):
    """Returns the client that runs it and another one, when others are told that it is busy."""
    runner, witness = server.client(), server.client()
    runner.send(encode(*command))

    wait_until(lambda: str(witness.call("PING")).startswith("BUSY "), 10, "others are told")
    return runner, witness


@pytest.mark.parametrize("script", [ENDLESS, CATCHING])
def test_a_script_is_killed(server, script):
    runner, witness = start(server, "EVAL", script, 0)
    assert "SCRIPT KILL" in error_of(witness, "GET", "k")
    assert error_of(witness, "FUNCTION", "KILL").startswith("BUSY ")
    assert error_of(witness, "SHUTDOWN").startswith("BUSY ")
    assert witness.call("SCRIPT", "KILL") == "OK"
    assert isinstance(runner.reply(), ErrorReply)
    assert witness.call("PING") == "PONG"
    assert runner.call("PING") == "PONG"
    assert error_of(witness, "SCRIPT", "KILL").startswith("NOTBUSY ")


def test_a_function_is_killed(server):
    client = server.client()
    client.call("FUNCTION", "LOAD", LIBRARY)
    runner, witness = start(server, "FCALL", "endless", 1, "k", "a")
    assert "FUNCTION KILL" in error_of(witness, "GET", "k")
    stats = witness.call("FUNCTION", "STATS")
    assert stats[1][:4] == [b"name", b"endless", b"command", [b"FCALL", b"endless", b"1", b"k", b"a"]]
    assert witness.call("FUNCTION", "KILL") == "OK"
    assert isinstance(runner.reply(), ErrorReply)
    assert client.call("PING") == "PONG"


def test_what_has_written_is_not_killed_but_ended_with_the_server(server):
    runner, witness = start(server, "EVAL", "redis.call('set', KEYS[1], 'v') while true do end", 1,
                            "k")
    assert error_of(witness, "SCRIPT", "KILL").startswith("UNKILLABLE ")
    witness.send(encode("SHUTDOWN", "NOSAVE"))
    with pytest.raises((ConnectionClosed, ConnectionError)):
        witness.reply()
    with pytest.raises((ConnectionClosed, ConnectionError)):
        while isinstance(runner.reply(), ErrorReply):  # that the script was ended
            pass
    process = server.node.process if isinstance(server, RealRedis) else server.process
    wait_until(lambda: not process.is_running(), 10, "the server has ended")


def test_requests_behind_the_script_run_after_it(server):
    runner, witness = server.client(), server.client()
    runner.send(encode("SET", "a", "1") + encode("EVAL", ENDLESS, 0) + encode("GET", "a")
                + encode("INCR", "a"))

    wait_until(lambda: witness.call("SCRIPT", "KILL") == "OK", 10, "the script is killed")
    assert runner.reply() == "OK"
    assert isinstance(runner.reply(), ErrorReply)
    assert [runner.reply(), runner.reply()] == [b"1", 2]


def test_a_client_that_goes_while_its_script_runs(server):
    runner, witness = start(server, "EVAL", ENDLESS, 0)
    runner.close()
    others = [server.client() for _ in range(5)]
    assert all(error_of(other, "PING").startswith("BUSY ") for other in others)
    assert witness.call("SCRIPT", "KILL") == "OK"
    for other in others:
        wait_until(lambda: other.call("PING") == "PONG", 10, "the script has ended")
    wait_until(lambda: b"connected_clients:6\r\n" in witness.call("INFO", "clients"), 10,
               "the client is gone")


def test_the_clock_stands_still_within_a_script(server):
    script = """redis.call('set', KEYS[1], 'v', 'px', 1)
        for i = 1, 2000000 do end
        return redis.call('exists', KEYS[1])"""
    client = server.client()
    assert client.call("EVAL", script, 1, "k") == 1
    wait_until(lambda: client.call("EXISTS", "k") == 0, 10, "the key expires")


def test_who_waits_is_served_behind_the_script(server):
    waiting, client = server.client(), server.client()
    waiting.send(encode("BLPOP", "l", 0))
    wait_until(lambda: b"blocked_clients:1\r\n" in client.call("INFO", "clients"), 10, "it waits")
    runner, witness = start(server, "EVAL", "redis.pcall('rpush', KEYS[1], 'a') "
                            "for i = 1, 30000000 do end redis.call('rpush', KEYS[1], 'b') "
                            "return redis.call('llen', KEYS[1])", 1, "l")
    assert runner.reply() == 2
    assert waiting.reply() == [b"l", b"a"]
    assert witness.call("LLEN", "l") == 1

# SPDX-License-Identifier: Apache-2.0
"""EVAL, EVALSHA, FCALL, SCRIPT, FUNCTION: what one redis-server answers; a script that a client has
shown to the proxy is known wherever it is needed, also where a shard has forgotten it."""
import hashlib
import threading

import pytest

from deadline import wait_until
from proxy_process import ProxyProcess
from raw_client import ErrorReply, encode
from real_cluster import RealCluster

INCR = "return redis.call('INCR', KEYS[1])"
LIBRARY = ("#!lua name=lib\n"
           "redis.register_function('up', function(keys, args)"
           " return redis.call('INCRBY', keys[1], args[1]) end)\n"
           "redis.register_function{function_name='look', callback=function(keys, args)"
           " return redis.call('GET', keys[1]) end, flags={'no-writes'}}\n"
           "redis.register_function{function_name='one', callback=function(keys, args)"
           " return 1 end, flags={'no-writes'}}\n")

SCENARIOS = [
    [("EVAL", "return {KEYS[1], ARGV[1], 7, 'x'}", 1, "{s}a", "b")],
    [("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", 1, "{s}a", "v"), ("GET", "{s}a")],
    [("EVAL", "return redis.call('MGET', KEYS[1], KEYS[2])", 2, "{s}a", "{s}b")],
    [("EVAL", "return 1", 0), ("EVAL", "return ARGV[1]", 0, "x"), ("EVAL_RO", "return 2", 0)],
    [("EVAL", "return redis.error_reply('MINE oh')", 1, "{s}a")],
    [("EVAL", "return redis.call('INCR', KEYS[1])", 1, "{s}text")],
    [("EVAL", "syntax error here", 1, "{s}a")],
    [("EVAL", "return 1", "x", "{s}a"), ("EVAL", "return 1", -1, "{s}a")],
    [("EVAL", "return 1", 5, "{s}a"), ("EVAL", "return 1")],
    [("EVAL_RO", "return redis.call('SET', KEYS[1], 1)", 1, "{s}a")],
    [("EVAL", "redis.setresp(3); return {double=3.5}", 1, "{s}a")],
    [("EVALSHA", "0" * 40, 1, "{s}a"), ("EVALSHA", "short", 0)],
    [("SCRIPT", "LOAD", INCR), ("EVALSHA", hashlib.sha1(INCR.encode()).hexdigest(), 1, "{s}n"),
     ("EVALSHA", hashlib.sha1(INCR.encode()).hexdigest().upper(), 1, "{s}n"), ("DEL", "{s}n")],
    [("SCRIPT", "LOAD", "return 'a'"), ("SCRIPT", "EXISTS", "0" * 40,
      hashlib.sha1(b"return 'a'").hexdigest()), ("SCRIPT", "FLUSH"),
     ("SCRIPT", "EXISTS", hashlib.sha1(b"return 'a'").hexdigest()),
     ("EVALSHA", hashlib.sha1(b"return 'a'").hexdigest(), 0)],
    [("SCRIPT", "LOAD", "return ("), ("SCRIPT", "FLUSH", "ASYNC"), ("SCRIPT", "FLUSH", "SYNC"),
     ("SCRIPT", "FLUSH", "NOW"), ("SCRIPT", "KILL"), ("FUNCTION", "KILL")],
    [("SCRIPT", "NOPE"), ("SCRIPT", "EXISTS"), ("SCRIPT", "LOAD")],
    [("FUNCTION", "RESTORE", "a", "b", "c"), ("FUNCTION", "RESTORE", "a", "b"),
     ("FUNCTION", "RESTORE", "a", "append"), ("FUNCTION", "RESTORE")],
    [("FUNCTION", "FLUSH"), ("FUNCTION", "LOAD", LIBRARY), ("FUNCTION", "LOAD", LIBRARY),
     ("FUNCTION", "LOAD", "REPLACE", LIBRARY), ("FCALL", "up", 1, "{s}n", 5),
     ("FCALL_RO", "look", 1, "{s}n"), ("FCALL_RO", "up", 1, "{s}n", 1), ("FCALL", "one", 0),
     ("FCALL", "none", 0), ("FUNCTION", "LIST", "LIBRARYNAME", "none"),
     ("FUNCTION", "DELETE", "lib"), ("FUNCTION", "DELETE", "lib"), ("FUNCTION", "LIST"),
     ("FUNCTION", "STATS"), ("DEL", "{s}n")],
    [("MULTI",), ("EVAL", INCR, 1, "{s}n"), ("EVALSHA", hashlib.sha1(INCR.encode()).hexdigest(),
      1, "{s}n"), ("DEL", "{s}n"), ("EXEC",)],
    [("MULTI",), ("EVAL", "return 5", 0), ("GET", "{s}none"), ("EXEC",)],
]


@pytest.fixture(scope="module")
def cluster():
    cluster = RealCluster(masters=3, password="backend-secret",
                          settings={"busy-reply-threshold": 100}.items())
    yield cluster
    cluster.stop()


def digest_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda requests: requests[0][0])
def test_answers_what_redis_answers(proxy, oracle, scenario, protocol):
    answers = []
    for server in (oracle, proxy):
        with server.client(protocol=protocol) as client:
            client.call("DEL", "{s}a", "{s}b", "{s}n")
            client.call("SCRIPT", "FLUSH")
            client.call("SET", "{s}text", "words")
            client.send(b"".join(encode(*request) for request in scenario))
            answers.append([client.raw_reply() for _ in scenario])
    for request, expected, received in zip(scenario, *answers):
        assert received == expected, request


def test_keys_of_several_slots(proxy):
    with proxy.client() as client:
        assert client.call("EVAL", "return 1", 2, "{a}", "{b}") == (
            "CROSSSLOT Keys in request don't hash to the same slot")


def test_a_script_is_known_everywhere(proxy, cluster):
    with proxy.client() as client, proxy.client() as other:
        for number, load in enumerate([("SCRIPT", "LOAD"), ("EVAL",)]):
            text = f"return redis.call('INCRBY', KEYS[1], {number + 2})"
            keys = [f"known:{number}:{i}" for i in range(60)]
            client.call(*load, text, *(() if number == 0 else (1, keys[0])))
            client.call("DEL", *keys)
            for user in (client, other):
                replies = user.pipeline([["EVALSHA", digest_of(text), 1, key] for key in keys])
                step = (number + 2) * (1 if user is client else 2)
                assert replies == [step] * len(keys)


def test_a_shard_forgets_its_scripts(proxy, cluster):
    text = "local v = redis.call('APPEND', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])"
    with proxy.client() as client:
        client.call("SCRIPT", "LOAD", text)
        for attempt in range(3):
            for node in cluster.nodes:
                assert node.call("SCRIPT", "FLUSH") == "OK"
            keys = [f"forgotten:{attempt}:{i}" for i in range(30)]
            replies = client.pipeline([["EVALSHA", digest_of(text), 1, key, "x"]
                                       for key in keys])
            assert replies == [b"x"] * len(keys)
            for node in cluster.nodes:
                assert node.call("SCRIPT", "FLUSH") == "OK"
            replies = client.pipeline([["MULTI"], ["EVALSHA", digest_of(text), 1, keys[0], "y"],
                                       ["GET", keys[0]], ["EXEC"]])
            assert replies[-1] == [b"xy", b"xy"]
        # What clients have flushed is gone.
        assert client.call("SCRIPT", "FLUSH") == "OK"
        assert client.call("SCRIPT", "EXISTS", digest_of(text)) == [0]
        reply = client.call("EVALSHA", digest_of(text), 1, keys[0], "x")
        assert reply == "NOSCRIPT No matching script. Please use EVAL."


def test_a_busy_script_is_killed(proxy, cluster):
    with proxy.client() as client, proxy.client() as killer:
        assert killer.call("SCRIPT", "KILL") == "NOTBUSY No scripts in execution right now."
        client.send(encode("EVAL", "while true do end", 1, "{busy}"))
        wait_until(lambda: killer.call("SCRIPT", "KILL") == "OK", 20, "the script is killed")
        reply = client.reply()
        assert isinstance(reply, ErrorReply) and "killed by user" in reply, reply
        # Others on that shard go on.
        assert client.call("SET", "{busy}", 1) == "OK"


@pytest.mark.parametrize("mode,expected", [
    ("off", "ERR Scripts and functions without keys are turned off (routing.keyless_scripts)"),
    ("any", 1), ("all", 1)])
def test_scripts_without_keys(cluster, mode, expected):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"routing": {"keyless_scripts": mode}})
    try:
        with proxy.client() as client:
            text = f"redis.log(redis.LOG_DEBUG, '{mode}') return 1"
            assert client.call("EVAL", text, 0) == expected
            if mode != "off":
                assert client.call("EVALSHA", digest_of(text), 0) == expected
            known = sum(node.call("SCRIPT", "EXISTS", digest_of(text))[0]
                        for node in cluster.nodes)
            assert known == {"off": 0, "any": 1, "all": 3}[mode]
            assert client.call("EVAL", "return 1", 1, "k") == 1
    finally:
        proxy.stop()


def test_the_memory_has_a_bound(cluster):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password,
                         settings={"routing": {"script_memory_bytes_max": 65536}})
    try:
        with proxy.client() as client:
            texts = [f"return '{i}' -- {'x' * 2000}" for i in range(60)]
            for text in texts:
                assert client.call("SCRIPT", "LOAD", text) == digest_of(text).encode()
            for node in cluster.nodes:
                node.call("SCRIPT", "FLUSH")
            reply = client.call("SCRIPT", "EXISTS", *map(digest_of, texts))
            assert reply[-10:] == [1] * 10 and reply[:20] == [0] * 20
            assert client.call("EVALSHA", digest_of(texts[-1]), 1, "k") == b"59"
            assert client.call("EVALSHA", digest_of(texts[0]), 1, "k").startswith("NOSCRIPT")
    finally:
        proxy.stop()


def test_a_promoted_replica_learns():
    cluster = RealCluster(masters=3, replicas=1, password="backend-secret", node_timeout_ms=2000)
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password)
    text = "return redis.call('INCR', KEYS[1])"
    library = LIBRARY
    stopping = threading.Event()
    unexpected = []

    def run(number):
        with proxy.client(timeout_s=60) as client:
            last = {}
            while not stopping.is_set():
                for i in range(20):
                    key = f"promoted:{number}:{i}"
                    commands = [["EVALSHA", digest_of(text), 1, key], ["FCALL", "up", 1, key, 1],
                                ["MULTI"], ["EVALSHA", digest_of(text), 1, key], ["EXEC"]]
                    replies = client.pipeline(commands)
                    for reply in [replies[0], replies[1], replies[4]]:
                        if isinstance(reply, ErrorReply) and "OUTCOMEUNKNOWN" not in reply:
                            unexpected.append(reply)
                    last[key] = replies[0]

    try:
        with proxy.client() as client:
            assert client.call("SCRIPT", "LOAD", text) == digest_of(text).encode()
            assert client.call("FUNCTION", "LOAD", library) == b"lib"
            for node in cluster.nodes[:3]:
                assert node.call("WAIT", 1, 5000) == 1
        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        master = cluster.nodes[0]
        (replica,) = cluster.replicas_of(master)
        replica.call("SCRIPT", "FLUSH")
        master.kill()
        wait_until(lambda: replica.call("ROLE")[0] == b"master", 30, "the replica is promoted")
        wait_until(lambda: replica.call("SCRIPT", "EXISTS", digest_of(text)) == [1], 20,
                   "the new master has been told the script")
        stopping.set()
        for thread in threads:
            thread.join()
        assert not unexpected, unexpected[:5]
    finally:
        stopping.set()
        proxy.stop()
        cluster.stop()

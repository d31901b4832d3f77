# SPDX-License-Identifier: Apache-2.0
"""What happens at maxmemory: the same at slotway-shard and at a redis-server, which is here to hold
the expectations against."""
import re

import pytest

from both_servers import clients, server  # noqa: F401  fixtures
from deadline import wait_until
from raw_client import ErrorReply

OWN_OUTPUT_BYTES = 32 * 1024  # what the answer of INFO may take itself
OOM = "OOM command not allowed when used memory > 'maxmemory'."
VALUE = "x" * 1000
DEFAULTS = ["maxmemory", "0", "maxmemory-policy", "noeviction", "maxmemory-samples", "5",
            "maxmemory-eviction-tenacity", "10", "notify-keyspace-events", "",
            "lazyfree-lazy-eviction", "no", "lfu-log-factor", "10", "lfu-decay-time", "1"]


@pytest.fixture
def admin(clients):
    client = clients()
    yield client
    client.call("CONFIG", "SET", *DEFAULTS)


def configure(client, **settings):
    words = [word for name, value in settings.items()
             for word in (name.replace("_", "-"), str(value))]
    assert client.call("CONFIG", "SET", *words) == "OK"


def info(client, name):
    found = re.search(rb"(?m)^%s:(.*?)\r$" % name.encode(), client.call("INFO", "everything"))
    assert found, f"INFO has no {name}"
    return found.group(1).decode()


def fill(client, count, prefix="k", *options):
    for i in range(count):
        assert client.call("SET", f"{prefix}{i}", VALUE, *options) == "OK"


def wait_until_within(client):
    maxmemory = int(info(client, "maxmemory"))
    wait_until(lambda: int(info(client, "used_memory")) <= maxmemory + OWN_OUTPUT_BYTES, 20,
               "memory is within")


def limit(client, more_bytes):
    configure(client, maxmemory=int(info(client, "used_memory")) + more_bytes)


def test_without_eviction_what_adds_data_is_refused(admin):
    admin.call("RPUSH", "list", "a", "b")
    admin.call("SET", "k", "v")
    configure(admin, maxmemory=1)
    for request in (["SET", "k", "w"], ["APPEND", "k", "x"], ["LPUSH", "list", "c"], ["INCR", "n"],
                    ["SETBIT", "bits", "7", "1"], ["COPY", "k", "l"], ["SADD", "s", "m"],
                    ["HSET", "h", "f", "v"], ["ZADD", "z", "1", "m"], ["XADD", "x", "*", "f", "v"],
                    ["GETSET", "k", "w"], ["LMOVE", "list", "list2", "LEFT", "LEFT"],
                    ["SINTERSTORE", "s", "t"], ["PFADD", "p", "a"], ["GEOADD", "g", "1", "1", "m"],
                    ["BITOP", "NOT", "b", "k"], ["SORT", "list", "ALPHA", "STORE", "sorted"],
                    ["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f',print)"],
                    ["SCRIPT", "LOAD", "return 1"], ["RESTORE", "r", "0", "x"]):
        reply = admin.call(*request)
        if request[0] == "SCRIPT":
            assert reply == b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
        else:
            assert isinstance(reply, ErrorReply) and reply == OOM, (request, reply)
    assert admin.call("GET", "k") == b"v"
    assert admin.call("EXPIRE", "k", "100") == 1
    assert admin.call("LPOP", "list") == b"a"
    assert admin.call("DEL", "k") == 1
    assert admin.call("PUBLISH", "c", "m") == 0
    assert admin.call("CONFIG", "SET", "maxmemory", "0") == "OK"
    assert admin.call("SET", "k", "w") == "OK"
    assert info(admin, "errorstat_OOM").startswith("count=")


def test_transactions_at_the_limit(admin):
    # What was queued while there was room is refused as a whole, unless it needs none.
    admin.call("SET", "k", "v")
    assert [admin.call("MULTI"), admin.call("SET", "k", "w")] == ["OK", "QUEUED"]
    other = admin
    other.call("CONFIG", "SET", "maxmemory", "1")  # queued, too
    assert admin.call("EXEC") == ["OK", "OK"]
    assert [admin.call("MULTI"), admin.call("GET", "k")] == ["OK", OOM]
    assert admin.call("EXEC") == "EXECABORT Transaction discarded because of previous errors."
    assert [admin.call("MULTI"), admin.call("DISCARD")] == ["OK", "OK"]


def test_a_transaction_queued_before_the_limit(admin, clients):
    writer, reader = clients(), clients()
    writer.call("MULTI"), writer.call("SET", "k", "w")
    reader.call("MULTI"), reader.call("STRLEN", "k")
    configure(admin, maxmemory=1)
    assert writer.call("EXEC") == f"EXECABORT Transaction discarded because of: {OOM}"
    assert reader.call("EXEC") == [0]


SCRIPTS = [
    ("return redis.call('SET','k','v')", OOM + " script: ", False),
    ("return redis.pcall('SET','k','v').err", OOM.encode(), False),
    ("return redis.call('GET','k')", None, False),
    ("redis.call('DEL','k') return redis.call('SET','k','v')", "OK", False),
    ("#!lua\nreturn 1", OOM, False),
    ("#!lua flags=no-writes\nreturn 1", 1, False),
    ("#!lua flags=allow-oom\nreturn redis.call('SET','k','v')", "OK", False),
    ("#!lua\nreturn 1", OOM, True),
]


@pytest.mark.parametrize("script,reply,is_read_only", SCRIPTS)
def test_scripts_at_the_limit(admin, script, reply, is_read_only):
    configure(admin, maxmemory=1)
    got = admin.call("EVAL_RO" if is_read_only else "EVAL", script, "0")
    if isinstance(reply, str) and reply.endswith("script: "):
        assert isinstance(got, ErrorReply) and got.startswith(reply)
    else:
        assert got == reply


def test_scripts_in_a_transaction_queued_before_the_limit(admin, clients):
    script = "#!lua\nreturn 1"
    digest = admin.call("SCRIPT", "LOAD", script)
    admin.call("SCRIPT", "FLUSH")
    known, unknown, free = clients(), clients(), clients()
    for client, request in ((known, ["EVAL", script, "0"]), (unknown, ["EVALSHA", digest, "0"]),
                            (free, ["EVAL", "#!lua flags=no-writes\nreturn 2", "0"])):
        assert [client.call("MULTI"), client.call(*request)] == ["OK", "QUEUED"]
    configure(admin, maxmemory=1)
    assert known.call("EXEC") == f"EXECABORT Transaction discarded because of: {OOM}"
    assert free.call("EXEC") == [2]
    admin.call("SCRIPT", "LOAD", script)
    assert unknown.call("EXEC") == ["OOM allow-oom flag is not set on the script, can not run it "
                                    "when used memory > 'maxmemory'"]


@pytest.mark.parametrize("is_allowed", [False, True])
def test_functions_at_the_limit(admin, is_allowed):
    flags = "flags={'allow-oom'}," if is_allowed else ""
    admin.call("FUNCTION", "LOAD", "REPLACE", "#!lua name=l\nredis.register_function{function_name="
               f"'f',{flags}callback=function() return redis.call('SET','k','v') end}}")
    configure(admin, maxmemory=1)
    got = admin.call("FCALL", "f", "0")
    assert got == ("OK" if is_allowed else OOM)
    configure(admin, maxmemory=0)
    admin.call("FUNCTION", "FLUSH")


@pytest.mark.parametrize("policy", [
    "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
    "volatile-random", "volatile-ttl"])
def test_each_policy_keeps_the_limit(admin, policy):
    configure(admin, maxmemory_policy=policy)
    fill(admin, 200, "plain")
    limit(admin, 300_000)
    admin.call("CONFIG", "RESETSTAT")
    fill(admin, 1500, "k", "EX", "10000")
    wait_until_within(admin)
    evicted = int(info(admin, "evicted_keys"))
    assert evicted > 500
    assert admin.call("DBSIZE") == 1700 - evicted
    if policy.startswith("volatile"):
        assert admin.call("EXISTS", *[f"plain{i}" for i in range(200)]) == 200
    assert info(admin, "maxmemory_policy") == policy


def test_volatile_policies_refuse_when_only_other_keys_are_left(admin):
    configure(admin, maxmemory_policy="volatile-lru")
    fill(admin, 50)
    admin.call("SET", "volatile", VALUE, "EX", "1000")
    configure(admin, maxmemory=1)
    assert admin.call("SET", "more", VALUE) == OOM
    assert admin.call("EXISTS", "volatile") == 0
    assert admin.call("DBSIZE") == 50
    assert int(info(admin, "total_eviction_exceeded_time")) >= 0
    wait_until(lambda: int(info(admin, "current_eviction_exceeded_time")) > 0, 10, "time is counted")
    configure(admin, maxmemory=0)
    wait_until(lambda: admin.call("SET", "more", VALUE) == "OK", 10, "there is room again")


def test_listeners_and_trackers_hear_of_it(admin, clients):
    listener, reader = clients(), clients(protocol=3)
    configure(admin, notify_keyspace_events="Ee", maxmemory_policy="allkeys-lru")
    listener.call("PSUBSCRIBE", "__keyevent@0__:*")
    reader.call("CLIENT", "TRACKING", "ON")
    admin.call("SET", "k", "v")
    reader.call("GET", "k")
    configure(admin, maxmemory=1)
    assert listener.reply() == [b"pmessage", b"__keyevent@0__:*", b"__keyevent@0__:evicted", b"k"]
    assert reader.reply() == [b"invalidate", [b"k"]]
    assert admin.call("DBSIZE") == 0


def test_eviction_goes_on_without_requests(admin):
    configure(admin, maxmemory_policy="allkeys-random", maxmemory_eviction_tenacity=0)
    fill(admin, 3000)
    limit(admin, -2_000_000)
    wait_until_within(admin)
    assert admin.call("DBSIZE") > 500


@pytest.mark.parametrize("lazily", ["no", "yes"])
def test_a_large_value_is_evicted(admin, lazily):
    configure(admin, maxmemory_policy="allkeys-lru", lazyfree_lazy_eviction=lazily)
    for i in range(50):
        admin.call("SADD", "large", *[f"member{i}-{j}" for j in range(1000)])
    used = int(info(admin, "used_memory"))
    limit(admin, -100_000)
    wait_until(lambda: admin.call("EXISTS", "large") == 0, 10, "it has gone")
    wait_until(lambda: int(info(admin, "used_memory")) < used - 1_000_000, 10, "it is freed")


def test_no_key_goes_in_the_middle_of_a_transaction_or_script(admin):
    configure(admin, maxmemory_policy="allkeys-random")
    admin.call("SET", "first", "v")
    limit(admin, 200_000)
    script = ("for i=1,1000 do redis.call('SET','s'..i,ARGV[1]) end "
              "return redis.call('EXISTS','first')")
    admin.call("MULTI")
    for i in range(100):
        admin.call("SETRANGE", f"k{i}", 9999, "x")
    admin.call("DBSIZE")
    assert admin.call("EXEC") == [10_000] * 100 + [101]
    admin.call("FLUSHALL")
    admin.call("SET", "first", "v")
    assert admin.call("EVAL", script, "0", VALUE) == 1
    wait_until_within(admin)


def test_idle_time_and_frequency(admin):
    admin.call("SET", "k", "v")
    payload = admin.call("DUMP", "k")
    assert admin.call("OBJECT", "FREQ", "k") == (
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
        "that when switching between policies at runtime LRU and LFU data will take some time to "
        "adjust.")
    assert admin.call("RESTORE", "r", "0", payload, "IDLETIME", "1000") == "OK"
    assert admin.call("OBJECT", "IDLETIME", "r") in (1000, 1001)
    assert admin.call("TYPE", "r") == "string" and admin.call("TTL", "r") == -1
    assert admin.call("OBJECT", "IDLETIME", "r") >= 1000
    assert admin.call("TOUCH", "r") == 1
    assert admin.call("OBJECT", "IDLETIME", "r") <= 1
    assert admin.call("RESTORE", "s", "0", payload, "IDLETIME", "-1") == (
        "ERR Invalid IDLETIME value, must be >= 0")
    assert admin.call("RESTORE", "s", "0", payload, "FREQ", "256") == (
        "ERR Invalid FREQ value, must be >= 0 and <= 255")
    assert admin.call("RESTORE", "s", "0", payload, "FREQ", "1", "IDLETIME", "1") == (
        "ERR syntax error")

    configure(admin, maxmemory_policy="allkeys-lfu")
    assert admin.call("OBJECT", "IDLETIME", "k") == (
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
        "switching between policies at runtime LRU and LFU data will take some time to adjust.")
    admin.call("SET", "f", "v")
    assert admin.call("OBJECT", "FREQ", "f") == 5
    assert admin.call("RESTORE", "g", "0", payload, "FREQ", "100") == "OK"
    assert admin.call("OBJECT", "FREQ", "g") in (99, 100)  # a minute may have begun
    configure(admin, lfu_log_factor=0)
    for _ in range(20):
        admin.call("GET", "f")
    assert admin.call("OBJECT", "FREQ", "f") in (24, 25)
    assert admin.call("OBJECT", "FREQ", "none") is None


def test_a_client_that_does_not_touch(server, admin):
    if server.name == "redis-server":
        pytest.skip("7.0 has no CLIENT NO-TOUCH")
    admin.call("SET", "k", "v")
    admin.call("RESTORE", "r", "0", admin.call("DUMP", "k"), "IDLETIME", "500")
    assert admin.call("CLIENT", "NO-TOUCH", "ON") == "OK"
    assert admin.call("GET", "r") == b"v"
    assert admin.call("STRLEN", "r") == 1
    assert admin.call("OBJECT", "IDLETIME", "r") >= 500
    assert admin.call("TOUCH", "r") == 1
    assert admin.call("OBJECT", "IDLETIME", "r") <= 1
    assert admin.call("CLIENT", "NO-TOUCH", "OFF") == "OK"


def test_a_large_request_leaves_nothing_behind(admin):
    used = int(info(admin, "used_memory"))
    assert admin.call("SADD", "large", *range(100_000)) == 100_000
    assert int(info(admin, "used_memory")) > used + 1_000_000
    assert admin.call("UNLINK", "large") == 1
    wait_until(lambda: int(info(admin, "used_memory")) < used + 300_000, 10, "it is freed")


def test_output_that_waits_counts(admin, clients):
    configure(admin, maxmemory_policy="allkeys-lru")
    admin.call("SET", "large", "x" * 1_000_000)
    fill(admin, 2000)
    limit(admin, 3_000_000)
    slow = clients()
    slow.send(b"*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n" * 40)
    wait_until(lambda: int(info(admin, "evicted_keys")) > 0, 20, "keys make room for output")

# SPDX-License-Identifier: Apache-2.0
"""redis-py at one address. usage: checks.py HOST PORT PASSWORD single|cluster [2|3]

Prints "ok NAME" or "FAIL NAME detail" for each check, or for those that the variable CHECKS names;
what this version of the library does not have is left out.
"""
import os
import sys
import threading
import time

import redis
from redis.cluster import ClusterPubSub, RedisCluster

HOST, PORT, PASSWORD, MODE = sys.argv[1:5]
PROTOCOL = int(sys.argv[5]) if len(sys.argv) > 5 else 2
IS_CLUSTER = MODE == "cluster"
RUN = f"py:{os.getpid()}:{time.time_ns()}"
CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def key(name):
    """A key of this run only."""
    return f"{RUN}:{name}"


def tagged(name):
    """Likewise; all of these share a slot."""
    return f"{{{RUN}}}:{name}"


def equal(actual, expected):
    assert actual == expected, f"{str(actual)[:300]} is not {str(expected)[:300]}"


def refuse_redirect(error, *_):
    raise AssertionError(f"a redirect was seen: {error}")


def connect():
    options = {"host": HOST, "port": int(PORT), "password": PASSWORD, "socket_timeout": 15,
               "decode_responses": True}
    if PROTOCOL != 2:
        options["protocol"] = PROTOCOL
    if not IS_CLUSTER:
        return redis.Redis(**options)
    client = RedisCluster(**options)
    nodes = client.nodes_manager
    setattr(nodes, "move_slot" if hasattr(nodes, "move_slot") else "update_moved_exception",
            refuse_redirect)
    return client


client, other = connect(), connect()


def until_blocked():
    time.sleep(0.1)  # poll: nothing tells a client that another one is blocked by now


def woken(block, wake):
    """What block() returns when wake() is called while it waits."""
    result = []

    def run():
        try:
            result.append(block())
        except Exception as error:  # told by the caller
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until_blocked()
    equal(result, [])
    wake()
    thread.join(20)
    assert result, "not woken within 20 s"
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def fails_with(text, call, *arguments):
    try:
        reply = call(*arguments)
    except redis.RedisError as error:
        assert text in str(error), f"{error} is not about {text}"
    else:
        raise AssertionError(f"{reply} instead of an error about {text}")


@check
def strings():
    name = key("string")
    equal(client.set(name, "a"), True)
    equal(client.append(name, "bc"), 3)
    equal(client.getrange(name, 1, 2), "bc")
    equal(client.set(name, "no", nx=True), None)
    equal(client.getset(name, "7"), "abc")
    equal(client.incrby(name, 5), 12)
    equal(client.incrbyfloat(name, 0.5), 12.5)
    equal(client.getdel(name), "12.5")
    equal(client.get(name), None)


@check
def lists():
    name = tagged("list")
    equal(client.rpush(name, "a", "b", "c"), 3)
    equal(client.lpush(name, "z"), 4)
    equal(client.linsert(name, "BEFORE", "b", "x"), 5)
    equal(client.lrange(name, 0, -1), ["z", "a", "x", "b", "c"])
    equal(client.lpos(name, "b"), 3)
    equal(client.lrem(name, 1, "x"), 1)
    equal([client.lpop(name), client.rpop(name)], ["z", "c"])
    equal(client.lmove(name, tagged("list:b"), "LEFT", "RIGHT"), "a")


@check
def sets():
    a, b = tagged("set:a"), tagged("set:b")
    equal(client.sadd(a, 1, 2, 3), 3)
    equal(client.sadd(b, 2, 3, 4), 3)
    equal(set(client.sinter(a, b)), {"2", "3"})
    equal(client.sunionstore(tagged("set:c"), a, b), 4)
    equal(client.smismember(a, [1, 9]), [1, 0])
    equal(client.smove(a, b, 1), True)
    equal(client.scard(b), 4)


@check
def sorted_sets():
    name = key("zset")
    equal(client.zadd(name, {"a": 1, "b": 2.5, "c": 3}), 3)
    equal(client.zincrby(name, 2, "a"), 3)
    equal(client.zrange(name, 0, -1), ["b", "a", "c"])
    equal([tuple(pair) for pair in client.zrange(name, 0, 0, withscores=True)], [("b", 2.5)])
    equal(client.zrangebyscore(name, "(2.5", "+inf", start=0, num=1), ["a"])
    equal(client.zrank(name, "c"), 2)
    # A flat list in RESP3, pairs in RESP2.
    popped = client.zpopmin(name, 1)
    equal(tuple(popped[0] if len(popped) == 1 else popped), ("b", 2.5))


@check
def hashes():
    name = key("hash")
    equal(client.hset(name, mapping={"title": "x", "year": 2022}), 2)
    equal(client.hgetall(name), {"title": "x", "year": "2022"})
    equal(client.hmget(name, "year", "none"), ["2022", None])
    equal(client.hincrby(name, "year", 1), 2023)
    equal(sorted(client.hkeys(name)), ["title", "year"])
    equal(client.hdel(name, "title"), 1)


@check
def bits():
    name = key("bits")
    equal(client.setbit(name, 7, 1), 0)
    equal(client.bitcount(name), 1)
    equal(client.bitpos(name, 1), 7)
    equal(client.bitfield(name).set("u8", 8, 200).get("u8", 8).execute(), [0, 200])


@check
def hyperloglogs():
    a, b = tagged("hll:a"), tagged("hll:b")
    equal(client.pfadd(a, "x", "y"), 1)
    client.pfadd(b, "y", "z")
    equal(client.pfcount(a, b), 3)
    equal(client.pfmerge(tagged("hll:c"), a, b), True)


@check
def geo():
    name = key("geo")
    equal(client.geoadd(name, (126.978, 37.5665, "seoul", 129.0756, 35.1796, "busan")), 2)
    assert abs(client.geodist(name, "seoul", "busan", "km") - 325) < 2
    equal(client.geosearch(name, member="seoul", radius=10, unit="km"), ["seoul"])


@check
def streams():
    name = key("stream")
    equal(client.xadd(name, {"a": "1"}, id="1-1"), "1-1")
    client.xadd(name, {"b": "2"})
    equal(client.xlen(name), 2)
    equal(client.xrange(name, count=1), [("1-1", {"a": "1"})])
    [(stream, entries)] = read_entries(client.xread({name: "1-1"}))
    equal((stream, len(entries), entries[0][1]), (name, 1, {"b": "2"}))


def read_entries(reply):
    """XREAD's reply is a map of lists of lists in RESP3, a list of pairs in RESP2."""
    if isinstance(reply, dict):
        return [(name, parts[0]) for name, parts in reply.items()]
    return [(name, entries) for name, entries in reply]


@check
def consumer_groups():
    name = key("group")
    equal(client.xgroup_create(name, "g", "$", mkstream=True), True)
    entry = client.xadd(name, {"a": "1"})
    [(_, entries)] = read_entries(client.xreadgroup("g", "me", {name: ">"}))
    equal([tuple(part) for part in entries], [(entry, {"a": "1"})])
    equal(client.xpending(name, "g")["pending"], 1)
    equal(client.xack(name, "g", entry), 1)


@check
def keys():
    name, renamed = tagged("expiring"), tagged("renamed")
    client.set(name, "x", ex=100)
    assert 98 < client.ttl(name) <= 100
    equal(client.persist(name), True)
    equal(client.type(name), "string")
    equal(client.rename(name, renamed), True)
    equal(client.copy(renamed, name), True)
    equal(client.pexpireat(name, int(time.time() * 1000) - 1), True)
    equal([client.exists(name), client.unlink(renamed)], [0, 1])


@check
def many_keys():
    names = [key(f"many:{i}") for i in range(100)]
    # A cluster client refuses keys of several slots before it asks; this is its own way.
    set_many = client.mset_nonatomic if IS_CLUSTER else client.mset
    get_many = client.mget_nonatomic if IS_CLUSTER else client.mget
    assert set_many({name: i for i, name in enumerate(names)})
    equal(get_many(names), [str(i) for i in range(100)])
    equal(client.exists(*names), 100)
    equal(client.delete(*names), 100)


@check
def large_values():
    name, large = key("large"), "a\r\n\0" * (1 << 20)
    client.set(name, large)
    assert client.get(name) == large, "not what was set"


@check
def errors():
    name = key("wrong")
    client.set(name, "x")
    # The library hides the code of an error that it has no class for.
    fails_with("Operation against a key holding the wrong kind", client.lpush, name, "y")
    fails_with("value is not an integer", client.incr, name)


@check
def pipeline():
    names = [key(f"pipe:{i}") for i in range(100)]
    pipe = client.pipeline() if IS_CLUSTER else client.pipeline(transaction=False)
    for i, name in enumerate(names):
        pipe.set(name, i).incr(name)
    equal(pipe.execute(), [reply for i in range(100) for reply in (True, i + 1)])


def transaction():
    a, b = tagged("tx:a"), tagged("tx:b")
    with client.pipeline(transaction=True) as pipe:
        done, *replies = pipe.set(a, 1).incr(a).rpush(b, "x").get(a).execute()
        assert done in (True, "OK"), done  # a cluster's transaction leaves replies as they are
        equal(replies, [2, 1, "2"])
    with client.pipeline(transaction=True) as pipe:
        _, error = pipe.set(a, "x").incr(a).execute(raise_on_error=False)
        assert "value is not an integer" in str(error), error


def watch():
    name = tagged("watched")
    with client.pipeline(transaction=True) as pipe:
        pipe.watch(name)
        equal(pipe.get(name), None)
        other.set(name, "theirs")
        pipe.multi()
        pipe.set(name, "mine")
        try:
            raise AssertionError(f"EXEC answered {pipe.execute()}")
        except redis.WatchError:
            pass
        pipe.watch(name)
        pipe.multi()
        pipe.set(name, "mine")
        assert pipe.execute() in ([True], ["OK"])
    equal(client.get(name), "mine")


# A cluster's pipeline of redis-py 4 knows no transactions.
if not IS_CLUSTER or hasattr(RedisCluster, "transaction"):
    check(transaction)
    check(watch)


@check
def scripts():
    name = key("script")
    equal(client.eval("return {KEYS[1], ARGV[1], 3}", 1, name, "a"), [name, "a", 3])
    add_twice = ('redis.call("INCRBY", KEYS[1], ARGV[1]) '
                 'return redis.call("INCRBY", KEYS[1], ARGV[1])')
    digest = client.script_load(add_twice)
    equal([client.evalsha(digest, 1, name, 2), client.evalsha(digest, 1, name, 3)], [4, 10])
    equal(client.script_exists(digest, "f" * 40), [True, False])
    fails_with("No matching script", client.evalsha, "f" * 40, 1, name)
    fails_with("MINE x", client.eval, 'return redis.error_reply("MINE x")', 1, name)


def message(subscriber, kind, get="get_message"):
    """The next message of a kind; confirmations of subscriptions are stepped over."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        got = getattr(subscriber, get)(timeout=1)
        if got and got["type"] == kind:
            return got["channel"], got["data"]
    raise AssertionError(f"no {kind} within 15 s")


@check
def pubsub():
    channel = key("channel")
    with client.pubsub() as subscriber:
        subscriber.subscribe(channel, key("another"))
        message(subscriber, "subscribe")
        message(subscriber, "subscribe")
        other.publish(channel, "hello")
        equal(message(subscriber, "message"), (channel, "hello"))
        subscriber.unsubscribe(channel)
        equal(message(subscriber, "unsubscribe"), (channel, 1))


@check
def pattern_pubsub():
    with client.pubsub() as subscriber:
        subscriber.psubscribe(key("news.*"))
        message(subscriber, "psubscribe")
        other.publish(key("news.art"), "hello")
        equal(message(subscriber, "pmessage"), (key("news.art"), "hello"))


def sharded_pubsub():
    channel = key("shard")
    get = "get_sharded_message" if IS_CLUSTER else "get_message"
    with client.pubsub() as subscriber:
        subscriber.ssubscribe(channel)
        message(subscriber, "ssubscribe", get)
        equal(other.spublish(channel, "hello"), 1)
        equal(message(subscriber, "smessage", get), (channel, "hello"))


if hasattr(ClusterPubSub, "ssubscribe"):
    check(sharded_pubsub)


@check
def blocking_pop():
    empty, queue, scored = tagged("empty"), tagged("queue"), tagged("zqueue")
    popped = woken(lambda: client.blpop([empty, queue], 10), lambda: other.rpush(queue, "job"))
    equal(tuple(popped), (queue, "job"))
    equal(client.blpop(empty, 0.05), None)
    popped = woken(lambda: client.bzpopmin(scored, 10), lambda: other.zadd(scored, {"job": 1}))
    equal(tuple(popped), (scored, "job", 1.0))


@check
def blocking_move():
    source, target = tagged("from"), tagged("to")
    equal(woken(lambda: client.brpoplpush(source, target, 10),
                lambda: other.lpush(source, "a")), "a")
    equal(woken(lambda: client.blmove(source, target, 10, "LEFT", "RIGHT"),
                lambda: other.lpush(source, "b")), "b")
    equal(client.lrange(target, 0, -1), ["a", "b"])


@check
def blocking_stream():
    name = key("live")
    reply = woken(lambda: client.xread({name: "$"}, block=10000),
                  lambda: other.xadd(name, {"a": "1"}, id="5-1"))
    [(stream, entries)] = read_entries(reply)
    equal((stream, [tuple(entry) for entry in entries]), (name, [("5-1", {"a": "1"})]))


@check
def scan():
    names = {key(f"scan:{i}") for i in range(500)}
    for name in names:
        client.set(name, 1)
    equal(set(client.scan_iter(match=key("scan:*"), count=100)), names)


@check
def scan_elements():
    names = {f"e:{i}" for i in range(1000)}
    client.hset(key("big:hash"), mapping={name: 1 for name in names})
    client.sadd(key("big:set"), *names)
    client.zadd(key("big:zset"), {name: 1 for name in names})
    equal({name for name, _ in client.hscan_iter(key("big:hash"))}, names)
    equal(set(client.sscan_iter(key("big:set"), match="e:*")), names)
    equal({name for name, _ in client.zscan_iter(key("big:zset"))}, names)


@check
def session():
    equal(client.ping(), True)
    assert client.info("server", **to_one_node())["redis_version"].startswith("7.")
    assert client.dbsize() > 0
    if IS_CLUSTER:
        return
    with connect().client() as named:
        equal(named.client_setname("slotway-check"), True)
        equal(named.client_getname(), "slotway-check")
        assert "slotway-check" in [other_one["name"] for other_one in client.client_list()]


def to_one_node():
    return {"target_nodes": RedisCluster.RANDOM} if IS_CLUSTER else {}


def main():
    wanted = os.environ.get("CHECKS", " ".join(CHECKS)).split()
    failures = 0
    for name, function in CHECKS.items():
        if name not in wanted:
            continue
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:
            failures += 1
            detail = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"FAIL {name} {detail}", flush=True)
    sys.exit(1 if failures else 0)


main()

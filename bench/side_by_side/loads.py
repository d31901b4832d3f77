# SPDX-License-Identifier: Apache-2.0
"""The loads that can be compared: a command and a pipeline depth, written `get:16`."""

import hashlib

# Keys have redis-benchmark's own shape (key:000000000042), so they spread over all slots.
KEY = "key:__rand_int__"
MEMBER = "member:__rand_int__"
DEFAULT_LOADS = ["get:1", "set:1", "get:16", "set:16", "get:64", "set:64"]

# Of evalsha; every server is given it before.
SCRIPT = "return redis.call('get',KEYS[1])"

COMMANDS = {
    "ping": lambda value: ["PING"],
    "get": lambda value: ["GET", KEY],
    "set": lambda value: ["SET", KEY, value],
    "mget10": lambda value: ["MGET"] + [KEY] * 10,
    "mset10": lambda value: ["MSET"] + [KEY, value] * 10,
    "eval": lambda value: ["EVAL", SCRIPT, "1", KEY],
    "evalsha": lambda value: ["EVALSHA", hashlib.sha1(SCRIPT.encode()).hexdigest(), "1", KEY],
    "incr": lambda value: ["INCR", "counter:__rand_int__"],
    "hset": lambda value: ["HSET", "hash:__rand_int__", "field:__rand_int__", value],
    "lpush": lambda value: ["LPUSH", "list:__rand_int__", value],
    # One list for all: the first of these fills it for the others.
    "lpush_one": lambda value: ["LPUSH", "list", value],
    "lrange_100": lambda value: ["LRANGE", "list", "0", "99"],
    "lpop_one": lambda value: ["LPOP", "list"],
    "sadd": lambda value: ["SADD", "set:__rand_int__", MEMBER],
    "xadd": lambda value: ["XADD", "stream:__rand_int__", "*", "field", value],
    "zadd": lambda value: ["ZADD", "zset:__rand_int__", "__rand_int__", MEMBER],
    # One sorted set for all: the first of these fills it for the others.
    "zadd_one": lambda value: ["ZADD", "zset", "__rand_int__", MEMBER],
    "zincrby_one": lambda value: ["ZINCRBY", "zset", "1", MEMBER],
    "zscore_one": lambda value: ["ZSCORE", "zset", MEMBER],
    "zrank_one": lambda value: ["ZRANK", "zset", MEMBER],
    "zrange_100": lambda value: ["ZRANGE", "zset", "1000", "1099"],
    "zrangebyscore_10": lambda value: ["ZRANGEBYSCORE", "zset", "__rand_int__", "+inf", "LIMIT",
                                       "0", "10"],
}


class Load:
    def __init__(self, text):
        name, colon, pipeline = text.partition(":")
        if name not in COMMANDS:
            raise ValueError(f"no load '{name}': use one of {', '.join(sorted(COMMANDS))}")
        if colon and not (pipeline.isdigit() and int(pipeline) > 0):
            raise ValueError(f"'{pipeline}' is no pipeline depth")
        self.command = name
        self.pipeline = int(pipeline) if colon else 1

    def __str__(self):
        return f"{self.command} P={self.pipeline}"

    def arguments(self, value_bytes):
        return COMMANDS[self.command]("x" * value_bytes)

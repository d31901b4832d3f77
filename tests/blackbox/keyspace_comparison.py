# SPDX-License-Identifier: Apache-2.0
"""Two servers hold the same data: every key, its value and its time to live."""
from command_stream.comparison import deep_sorted, unsigned_zeros
from command_stream.connection import Connection

READS = {b"string": [b"get"], b"list": [b"lrange", b"0", b"-1"], b"set": [b"smembers"],
         b"hash": [b"hgetall"], b"zset": [b"zrange", b"0", b"-1", b"withscores"],
         b"stream": [b"xrange", b"-", b"+"]}
TTL_DELAY_MS = 10000


def call_all(connection, commands):
    connection.send(commands)
    return [connection.read() for _ in commands]


def read_all(connection, keys):
    """[(type, value, milliseconds to live)] in the order of the keys."""
    types = [reply[1] for reply in call_all(connection, [[b"type", key] for key in keys])]
    times = [int(reply[1]) for reply in call_all(connection, [[b"pttl", key] for key in keys])]
    reads = [READS.get(kind, [b"get"]) for kind in types]
    values = call_all(connection, [[read[0], key] + read[1:] for key, read in zip(keys, reads)])
    forms = {b"set": deep_sorted, b"hash": deep_sorted, b"zset": unsigned_zeros}
    return [(kind, forms.get(kind, lambda value: value)(value), time)
            for kind, value, time in zip(types, values, times)]


def groups_of(connection, keys):
    replies = call_all(connection, [[b"xinfo", b"groups", key] for key in keys])
    return dict(zip(keys, replies))


def scan_all(connection):
    found, cursor = [], b"0"
    while True:
        kind, value = connection.call("scan", cursor, "count", 20)
        if kind != b"*":
            return value
        cursor = value[0][1]
        found += [key for _, key in value[1][1]]
        if cursor == b"0":
            return set(found)


def compare_keyspaces(proxy_port, redis_port):
    """What differs, as texts."""
    proxy, redis = Connection(proxy_port), Connection(redis_port)
    ours, theirs = ({key for _, key in connection.call("keys", "*")[1]}
                    for connection in (proxy, redis))
    if ours != theirs:
        return [f"keys: only behind the proxy {ours - theirs}, only in Redis {theirs - ours}"]
    problems = []
    scanned = scan_all(proxy)
    if scanned != theirs:
        problems.append(f"SCAN found {scanned}, KEYS {theirs}")
    keys = sorted(theirs)
    for key, a, b in zip(keys, read_all(proxy, keys), read_all(redis, keys)):
        is_near = a[2] == b[2] or (a[2] > 0 and b[2] > 0 and abs(a[2] - b[2]) < TTL_DELAY_MS)
        if a[:2] != b[:2] or not is_near:
            problems.append(f"{key!r}: {a} and {b}")
    streams = [key for key, read in zip(keys, read_all(redis, keys)) if read[0] == b"stream"]
    if groups_of(proxy, streams) != groups_of(redis, streams):
        problems.append("groups of streams")
    return problems

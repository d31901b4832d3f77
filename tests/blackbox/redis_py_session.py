# SPDX-License-Identifier: Apache-2.0
"""A program of its own: a short session of redis-py, run inside the client's namespace.

usage: redis_py_session.py standalone|cluster HOST PORT PASSWORD
Prints "ok" at the end; any failure is a traceback and a non-zero exit code.
"""
import sys

import redis


def main(kind, host, port, password):
    if kind == "cluster":
        client = redis.cluster.RedisCluster(host=host, port=int(port), password=password,
                                            socket_timeout=10, socket_connect_timeout=5)
    else:
        client = redis.Redis(host=host, port=int(port), password=password, socket_timeout=10,
                             socket_connect_timeout=5)
    for value, key in enumerate("abcdefghij", 1):
        assert client.set(key, value) is True
    for value, key in enumerate("abcdefghij", 1):
        assert client.get(key) == str(value).encode()
    for i in range(500):
        client.set(f"nodeport:{i}", i)
    pipeline = client.pipeline(transaction=False) if kind == "standalone" else client.pipeline()
    for i in range(500):
        pipeline.get(f"nodeport:{i}")
    assert pipeline.execute() == [str(i).encode() for i in range(500)]
    client.hset("song", mapping={"title": "x", "year": 2022})
    assert client.hgetall("song") == {b"title": b"x", b"year": b"2022"}
    assert client.delete("song") == 1
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])

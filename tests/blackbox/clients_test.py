# SPDX-License-Identifier: Apache-2.0
"""redis-py at the proxy, as a standalone and as a cluster client: neither may meet a redirect."""
import pytest
import redis
from redis.cluster import RedisCluster

KEYS = [f"redis-py:{i}" for i in range(100)]


def standalone(proxy):
    return redis.Redis(host=proxy.host, port=proxy.port, password=proxy.password,
                       socket_timeout=10)


def cluster_client(proxy):
    client = RedisCluster(host=proxy.host, port=proxy.port, password=proxy.password,
                          socket_timeout=10)

    def refuse(error):
        raise AssertionError(f"a redirect was seen: {error}")
    client.nodes_manager.update_moved_exception = refuse
    return client


@pytest.fixture(params=[standalone, cluster_client], ids=["standalone", "cluster"])
def client(request, any_proxy):
    client = request.param(any_proxy)
    yield client
    client.close()


def test_single_keys(client):
    for i, key in enumerate(KEYS):
        assert client.set(key, i) is True
    assert [client.get(key) for key in KEYS] == [str(i).encode() for i in range(len(KEYS))]


def test_many_keys_at_once(client):
    # A cluster client refuses keys of several slots before it asks; this is its own way.
    set_many = getattr(client, "mset_nonatomic", client.mset)
    get_many = getattr(client, "mget_nonatomic", client.mget)
    set_many({key: key for key in KEYS})
    assert get_many(KEYS) == [key.encode() for key in KEYS]
    assert client.delete(*KEYS) == len(KEYS)


def test_pipeline(client):
    # The default of a standalone client is a transaction.
    options = {} if isinstance(client, RedisCluster) else {"transaction": False}
    pipeline = client.pipeline(**options)
    for i, key in enumerate(KEYS):
        pipeline.set(key, i)
        pipeline.get(key)
    replies = pipeline.execute()
    assert replies[0::2] == [True] * len(KEYS)
    assert replies[1::2] == [str(i).encode() for i in range(len(KEYS))]


def test_hash_and_expiry(client):
    client.delete("redis-py:song")
    assert client.hset("redis-py:song", mapping={"title": "x", "year": 2022}) == 2
    assert client.hgetall("redis-py:song") == {b"title": b"x", b"year": b"2022"}
    assert client.expire("redis-py:song", 100)
    assert 0 < client.ttl("redis-py:song") <= 100

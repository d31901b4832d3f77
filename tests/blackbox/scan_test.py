# SPDX-License-Identifier: Apache-2.0
"""SCAN through the proxy: every key at least once, whatever the cluster does meanwhile."""
import threading

import pytest

from deadline import wait_until
from proxy_process import ProxyProcess
from real_cluster import RealCluster, redis_cli

KEYS = 3000


@pytest.fixture(scope="module")
def moving_cluster():
    cluster = RealCluster(masters=3, replicas=1, password="backend-secret", node_timeout_ms=1000)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def two_proxies(moving_cluster):
    proxies = []
    try:
        for _ in range(2):
            proxies.append(ProxyProcess(moving_cluster.seeds(),
                                        backend_password=moving_cluster.password))
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


def fill(client, prefix, count):
    client.pipeline([("SET", f"{prefix}{i}", i) for i in range(count)])
    return {f"{prefix}{i}".encode() for i in range(count)}


def scan_all(clients, *options, between=None):
    """Scans with one client after the other in turn, and returns every key with repetitions."""
    cursor, keys, turns = b"0", [], 0
    while True:
        cursor, page = clients[turns % len(clients)].call("SCAN", cursor, *options)
        assert cursor.isdigit() and int(cursor) < 2 ** 64
        keys += page
        turns += 1
        assert turns < 200_000, "the scan does not end"
        if cursor == b"0":
            return keys, turns
        if between is not None:
            between(turns)


def test_every_key_once_while_nothing_changes(any_proxy):
    with any_proxy.client() as client:
        client.call("FLUSHALL")
        expected = fill(client, "scan:", KEYS)
        keys, _ = scan_all([client], "COUNT", 100)
        assert sorted(keys) == sorted(expected)
        keys, turns = scan_all([client], "COUNT", 10)
        assert set(keys) == expected
        assert turns >= KEYS / 40, "COUNT is honoured"


def test_options(any_proxy, oracle):
    with any_proxy.client() as client:
        client.call("FLUSHALL")
        fill(client, "o:", 50)
        client.call("HSET", "o:hash", "f", "v")
        keys, _ = scan_all([client], "MATCH", "o:1*")
        assert set(keys) == {b"o:1"} | {f"o:1{i}".encode() for i in range(10)}
        keys, _ = scan_all([client], "TYPE", "hash", "COUNT", 1000)
        assert keys == [b"o:hash"]
        keys, _ = scan_all([client], "MATCH", "o:1*", "TYPE", "hash")
        assert keys == []
        assert client.call("SCAN", "", "COUNT", 1)[0] != b"0", "the beginning, as SCAN 0"
        with oracle.client() as redis:
            for bad in (("SCAN", "x"), ("SCAN", "-1x"), ("SCAN", "0", "COUNT", "0"),
                        ("SCAN", "0", "COUNT", "x"), ("SCAN", "0", "NOPE"),
                        ("SCAN", "0", "MATCH"), ("SCAN",)):
                assert client.call(*bad) == redis.call(*bad), bad


def test_an_empty_cluster(any_proxy):
    with any_proxy.client() as client:
        client.call("FLUSHALL")
        keys, _ = scan_all([client])
        assert keys == []
        assert client.call("RANDOMKEY") is None


def test_cursors_are_good_at_every_proxy(two_proxies):
    with two_proxies[0].client() as one, two_proxies[1].client() as other:
        one.call("FLUSHALL")
        expected = fill(one, "both:", KEYS)
        keys, _ = scan_all([one, other], "COUNT", 50)
        assert sorted(keys) == sorted(expected)


def test_slots_move_meanwhile(moving_cluster, two_proxies):
    """Slots leave the shard that is scanned for one that is done, and the other way round."""
    with two_proxies[0].client() as one, two_proxies[1].client() as other:
        one.call("FLUSHALL")
        expected = fill(one, "move:", KEYS)
        ports = sorted(moving_cluster.slot_owners(), key=lambda port:
                       moving_cluster.slot_owners()[port][0])
        ids = {port: moving_cluster.node_of_port(port).call("CLUSTER", "MYID").decode()
               for port in ports}

        def all_agree():
            return "All nodes agree about slots configuration" in redis_cli(
                ports[0], "--cluster", "check", f"127.0.0.1:{ports[0]}",
                password=moving_cluster.password)

        failures = []

        def reshard(source, target, slots):
            output = redis_cli(ports[0], "--cluster", "reshard", f"127.0.0.1:{ports[0]}",
                               "--cluster-from", ids[source], "--cluster-to", ids[target],
                               "--cluster-slots", slots, "--cluster-yes",
                               password=moving_cluster.password)
            if "ERR" in output:
                failures.append(output)

        moves = [(ports[2], ports[0], 150), (ports[1], ports[0], 100), (ports[0], ports[2], 100)]
        for source, target, slots in moves:
            wait_until(all_agree, 20, "the nodes agree about the slots")
            mover = threading.Thread(target=reshard, args=(source, target, slots))

            def begin(turns, mover=mover):
                if turns == 20:
                    mover.start()

            keys, _ = scan_all([one, other], "COUNT", 10, between=begin)
            mover.join()
            assert not failures, failures
            missing = expected - set(keys)
            assert not missing, f"{len(missing)} keys were skipped: {sorted(missing)[:5]}"


def test_a_slot_stays_half_moved(moving_cluster, two_proxies):
    """Keys of a slot that is being migrated are on two nodes for as long as it takes."""
    with two_proxies[0].client() as client:
        client.call("FLUSHALL")
        expected = fill(client, "half:", 500)
        expected |= fill(client, "{tag}:", 40)
        client.call("PEXPIRE", "{tag}:7", 1)
        client.call("SADD", "{tag}:set", "member")
        expected = (expected | {b"{tag}:set"}) - {b"{tag}:7"}
        source = moving_cluster.master_of("{tag}")
        slot = source.call("CLUSTER", "KEYSLOT", "{tag}")
        target_port = next(port for port in moving_cluster.slot_owners() if port != source.port)
        target = moving_cluster.node_of_port(target_port)
        source_id, target_id = source.call("CLUSTER", "MYID"), target.call("CLUSTER", "MYID")
        assert target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id) == "OK"
        assert source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id) == "OK"
        moved = source.call("CLUSTER", "GETKEYSINSLOT", slot, 20)
        assert source.call("MIGRATE", "127.0.0.1", target_port, "", 0, 5000, "AUTH",
                           moving_cluster.password, "KEYS", *moved) == "OK"
        keys, _ = scan_all([client], "COUNT", 10)
        assert set(keys) == expected
        keys, _ = scan_all([client], "COUNT", 10, "MATCH", "{tag}*", "TYPE", "set")
        assert set(keys) == {b"{tag}:set"}
        # To its end, so that the next test has a whole cluster.
        rest = source.call("CLUSTER", "GETKEYSINSLOT", slot, 100)
        assert source.call("MIGRATE", "127.0.0.1", target_port, "", 0, 5000, "AUTH",
                           moving_cluster.password, "KEYS", *rest) == "OK"
        for node in (target, source):
            assert node.call("CLUSTER", "SETSLOT", slot, "NODE", target_id) == "OK"
        keys, _ = scan_all([client], "COUNT", 10)
        assert set(keys) == expected


def test_a_failover_meanwhile(moving_cluster, two_proxies):
    """The new master orders its keys anew: its part begins anew."""
    with two_proxies[0].client() as one, two_proxies[1].client() as other:
        one.call("FLUSHALL")
        expected = fill(one, "over:", KEYS)
        masters = sorted(moving_cluster.slot_owners().items(), key=lambda item: item[1][0])
        first_master = moving_cluster.node_of_port(masters[0][0])
        replica = moving_cluster.replicas_of(first_master)[0]
        assert one.call("WAIT", 1, 2000) is not None

        def fail_over(turns):
            if turns == 10:
                assert replica.call("CLUSTER", "FAILOVER", "TAKEOVER") == "OK"

        keys, _ = scan_all([one, other], "COUNT", 20, between=fail_over)
        missing = expected - set(keys)
        assert not missing, f"{len(missing)} keys were skipped"


def test_randomkey(any_proxy):
    with any_proxy.client() as client:
        client.call("FLUSHALL")
        expected = fill(client, "random:", 30)
        seen = {client.call("RANDOMKEY") for _ in range(600)}
        assert seen == expected

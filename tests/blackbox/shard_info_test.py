# SPDX-License-Identifier: Apache-2.0
"""INFO of a shard: every field that redis-server has, since tools read them, and what some must say."""
from deadline import wait_until
from info_test import parse
from shard_replication_test import fixture_members  # noqa: F401  a fixture

# Which commands ran, and how: not the same at both.
VARYING = ("Commandstats", "Latencystats", "Errorstats", "Keyspace")


def fields_of(client, *sections):
    return {section: fields for section, fields in parse(client.call("INFO", *sections)).items()
            if section not in VARYING}


def test_every_field_of_redis_is_there(members):
    for settings in ({}, {"appendonly": "yes"}):
        theirs, ours = (fields_of(members(kind, **settings), "everything") for kind in ("redis", "ours"))
        for section, fields in theirs.items():
            assert set(fields) - set(ours[section]) == set(), section
    for follows in (False, True):
        theirs, ours = members("redis"), members("ours")
        if follows:
            theirs.follow(members("redis"))
            ours.follow(members("redis"))
        else:
            members("redis").follow(theirs)
            members("ours").follow(ours)
        assert set(fields_of(theirs, "replication")["Replication"]) - set(
            fields_of(ours, "replication")["Replication"]) == set(), follows


def test_rates_of_the_stream(members):
    master, replica = members("ours"), members("ours", replica_read_only="no")
    replica.follow(master)
    assert float(master.info("instantaneous_output_repl_kbps", "stats")) < 50
    for _ in range(20):
        master.call("SET", "k", "x" * 100000)
    wait_until(lambda: float(master.info("instantaneous_output_repl_kbps", "stats")) > 500, 5, "it is seen")
    wait_until(lambda: float(replica.info("instantaneous_input_repl_kbps", "stats")) > 500, 5, "it is seen")
    assert float(master.info("instantaneous_input_repl_kbps", "stats")) < 50
    wait_until(lambda: float(master.info("instantaneous_output_repl_kbps", "stats")) < 50, 5, "it is over")


def test_keys_of_a_writable_replica(members):
    for kind in ("redis", "ours"):
        master, replica = members(kind), members(kind, replica_read_only="no")
        replica.follow(master)
        assert replica.info("slave_expires_tracked_keys", "stats") == "0"
        replica.call("SET", "own", "1", "EX", "100")
        replica.call("SET", "other", "1", "PX", "300")
        replica.call("SET", "without", "1")
        assert replica.info("slave_expires_tracked_keys", "stats") == "2"
        wait_until(lambda: replica.info("slave_expires_tracked_keys", "stats") == "1", 10, "one is over")


def test_time_for_what_is_due(members):
    server = members("ours")
    server.client.pipeline([("SET", f"k{i}", "v", "PX", "300") for i in range(30000)])
    before = int(server.info("expire_cycle_cpu_milliseconds", "stats"))
    wait_until(lambda: server.call("DBSIZE") == 0, 20, "all have gone")
    assert int(server.info("expire_cycle_cpu_milliseconds", "stats")) > before


def test_links_of_a_cluster(members):
    nodes = [members("ours", cluster_enabled="yes") for _ in range(2)]
    assert int(nodes[0].info("mem_cluster_links", "memory")) == 0
    assert nodes[0].call("CLUSTER", "MEET", "127.0.0.1", nodes[1].port) == "OK"
    wait_until(lambda: int(nodes[0].info("mem_cluster_links", "memory")) > 100, 20, "they are linked")
    assert members("ours").info("mem_cluster_links", "memory") == "0"


def test_resetstat_begins_anew_with_replication_too(members):
    for kind in ("redis", "ours"):
        master, replica = members(kind), members("ours")
        replica.follow(master)
        master.call("SET", "k", "v")
        wait_until(lambda: replica.call("GET", "k") == b"v", 20, "it is there")
        assert master.info("sync_full", "stats") == "1"
        assert master.call("CONFIG", "RESETSTAT") == "OK"
        assert master.info("sync_full", "stats") == "0"
        assert int(master.info("total_net_repl_output_bytes", "stats")) < 20


def test_what_fields_say(members):
    server = members("ours")
    server.call("SET", "k", "v", "EX", "100")
    server.call("SET", "large", "x" * 1000000)
    all_fields = {name: value for fields in parse(server.call("INFO", "everything")).values()
                  for name, value in fields.items()}
    assert all_fields["executable"].endswith("/slotway-shard")
    assert all_fields["mem_allocator"].startswith(("jemalloc-", "libc"))
    assert int(all_fields["allocator_allocated"]) >= 1000000
    assert int(all_fields["allocator_active"]) <= int(all_fields["allocator_resident"])
    assert float(all_fields["used_cpu_user_main_thread"]) <= float(all_fields["used_cpu_user"]) + 0.01
    ttl = int(all_fields["db0"].split("avg_ttl=")[1])
    assert 90000 < ttl <= 100000
    assert int(all_fields["total_writes_processed"]) > 0
    with server.server.client() as other:
        other.send(b"*2\r\n$3\r\nGET\r\n$500000\r\n" + b"k" * 300000)
        wait_until(lambda: int(server.info("client_recent_max_input_buffer", "clients")) >= 300000, 10,
                   "the buffer is seen")


def test_changes_that_flushall_counts_and_saves(members):
    """What it deletes counts, but where there are save points it saves: only what follows is unsaved."""
    for kind in ("redis", "ours"):
        server = members(kind)

        def unsaved_after(*commands):
            server.client.pipeline([*commands])
            return int(server.info("rdb_changes_since_last_save", "persistence"))

        sets, flush = [("SET", "a", "1"), ("SET", "b", "1")], ("FLUSHALL",)
        before = unsaved_after()
        assert unsaved_after(*sets, flush) == before + 4, kind
        assert unsaved_after(flush) == before + 4, kind  # there is nothing
        server.call("CONFIG", "SET", "save", "3600 1")
        assert unsaved_after(*sets, flush) == 0, kind
        assert unsaved_after(*sets, ("FLUSHALL", "ASYNC"), sets[0]) == 1, kind
        transaction = [("MULTI",), *sets, flush, sets[0], ("EXEC",)]
        assert unsaved_after(*transaction) == 1, kind
        script = "redis.call('set', KEYS[1], 1) redis.call('flushall') redis.call('set', KEYS[1], 1)"
        assert unsaved_after(("EVAL", script, 1, "a")) == 1, kind
        assert unsaved_after(("FLUSHDB",)) == 2, kind

# SPDX-License-Identifier: Apache-2.0
"""INFO of a shard: every field that redis-server has, since tools read them, and what some must say."""
from deadline import wait_until
from info_test import parse
from shard_replication_test import fixture_members  # noqa: F401  a fixture

# Which commands ran, and how: not the same at both.
VARYING = ("Commandstats", "Latencystats", "Errorstats", "Keyspace")
LEFT_OUT = {"instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps", "expire_cycle_cpu_milliseconds",
            "slave_expires_tracked_keys"}


def fields_of(client, *sections):
    return {section: fields for section, fields in parse(client.call("INFO", *sections)).items()
            if section not in VARYING}


def test_every_field_of_redis_is_there(members):
    for settings in ({}, {"appendonly": "yes"}):
        theirs, ours = (fields_of(members(kind, **settings), "everything") for kind in ("redis", "ours"))
        for section, fields in theirs.items():
            assert set(fields) - set(ours[section]) - LEFT_OUT == set(), section
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

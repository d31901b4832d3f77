# SPDX-License-Identifier: Apache-2.0
"""INFO of a shard, as tools read it."""
from deadline import wait_until
from shard_replication_test import fixture_members  # noqa: F401  a fixture


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

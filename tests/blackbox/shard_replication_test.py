# SPDX-License-Identifier: Apache-2.0
"""slotway-shard as master and as replica: of another one, and of and for a real redis-server."""
import itertools
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from deadline import SLOWNESS, wait_until
from raw_client import RawClient, encode
from real_cluster import REDIS_CLI, RealRedis
from shard_process import ShardProcess

PAIRS = [("redis", "ours"), ("ours", "redis"), ("ours", "ours")]


class Member:
    """A server of either kind, with one client."""

    def __init__(self, kind, **settings):
        options = {"repl-diskless-sync-delay": "0", "enable-debug-command": "yes", "save": "",
                   **{name.replace("_", "-"): value for name, value in settings.items()}}
        pairs = list(options.items())
        if kind == "ours":
            flat = itertools.chain.from_iterable((f"--{name}", value) for name, value in pairs)
            self.server = ShardProcess(password=None, options=list(flat))
        else:
            self.server = RealRedis(settings=pairs)
        self.port = self.server.port
        self.client = self.server.client()

    def call(self, *words):
        return self.client.call(*words)

    def info(self, field, section="replication"):
        for line in self.call("INFO", section).decode().split("\r\n"):
            if line.startswith(field + ":"):
                return line.split(":", 1)[1]
        return None

    def digest(self):
        return self.call("DEBUG", "DIGEST")

    def follow(self, master):
        self.call("REPLICAOF", "127.0.0.1", master.port)
        wait_until(lambda: self.info("master_link_status") == "up", 20, "the link is up")

    def stop(self):
        self.client.close()
        self.server.stop()


@pytest.fixture(name="members")
def fixture_members():
    """Makes members that are stopped in the end."""
    made = []

    def make(kind, **settings):
        made.append(Member(kind, **settings))
        return made[-1]
    yield make
    for member in made:
        member.stop()


def assert_same(master, replica):
    """In the end: between two looks a key may have come to its time."""
    assert master.call("WAIT", 1, int(10000 * SLOWNESS)) == 1
    wait_until(lambda: master.digest() == replica.digest(), 5, "both have the same data")


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_settings_know_whom_it_follows(members, kind):
    """And CONFIG REWRITE keeps it, for the next start."""
    master, replica = members("ours"), members(kind)

    def shown():
        return replica.call("CONFIG", "GET", "replicaof")[1].decode()
    assert shown() == ""
    replica.follow(master)
    assert shown() == f"127.0.0.1 {master.port}"
    assert replica.call("REPLICAOF", "NO", "ONE") == "OK"
    assert shown() == ""


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_snapshots_of_functions_alone(members, kind, tmp_path):
    master, replica = members(kind), members("ours")
    fill(master)
    replica.follow(master)
    loaded = members("redis", dbfilename="functions.rdb", dir=str(tmp_path))
    for options, keys in ((["--functions-rdb"], 0), (["--rdb"], master.call("DBSIZE"))):
        file = tmp_path / "functions.rdb"
        subprocess.run([REDIS_CLI, "-p", str(master.port), *options, str(file)], check=True, capture_output=True,
                       timeout=20 * SLOWNESS)
        assert loaded.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
        assert loaded.call("DBSIZE") == keys
        assert len(loaded.call("FUNCTION", "LIST")) == 1
    # Who came for a snapshot does not stay, nor disturb those who follow.
    wait_until(lambda: master.info("connected_slaves") == "1", 20, "they are gone")
    master.call("SET", "after", "1")
    assert_same(master, replica)
    with master.server.client() as client:
        assert str(client.call("REPLCONF", "rdb-filter-only", "keys")).startswith("ERR Unsupported rdb-filter-only option")
        assert str(client.call("REPLCONF", "rdb-only", "2")).startswith("ERR value is out of range")
        assert client.call("REPLCONF", "rdb-filter-only", "functions") == "OK"
        assert client.call("PSYNC", "?", "-1") == "ERR Filtered replica requires EOF capability"


@pytest.mark.parametrize("kinds", PAIRS)
def test_the_stream_waits_for_a_script_that_takes_long(members, kinds):
    """What the master does in the middle of it is not lost, and not seen in the middle of it either."""
    master, replica = members(kinds[0]), members(kinds[1], busy_reply_threshold="20")
    master.call("SET", "a", "1")
    replica.follow(master)
    with replica.server.client() as runner:
        runner.send(encode("EVAL", "while redis.call('get', KEYS[1]) == '1' do end return 'seen'", "1", "a"))
        wait_until(lambda: str(replica.call("GET", "a")).startswith("BUSY"), 20, "the script runs")
        master.call("SET", "a", "2")
        master.call("INCR", "n")
        assert master.call("WAIT", 1, 300) == 0
        assert str(replica.call("GET", "a")).startswith("BUSY")
        assert replica.call("SCRIPT", "KILL") == "OK"
        assert "killed" in str(runner.reply())
    assert_same(master, replica)
    assert [replica.call("GET", "a"), replica.call("GET", "n")] == [b"2", b"1"]


def fill(member):
    """Something of every type, and a function."""
    for i in range(300):
        member.call("SET", f"k{i}", "v" * i)
    member.call("RPUSH", "list", *range(200))
    member.call("ZADD", "zset", *itertools.chain.from_iterable((i * 1.5, f"m{i}") for i in range(200)))
    member.call("HSET", "hash", *range(100))
    member.call("SADD", "set", *range(1000))
    member.call("XADD", "stream", "*", "f", "v")
    member.call("SET", "ttl", "v", "EX", "100")
    member.call("PFADD", "hll", *range(100))
    member.call("SELECT", "3")
    member.call("SET", "elsewhere", "1")
    member.call("SELECT", "0")
    member.call("FUNCTION", "LOAD", "REPLACE",
                "#!lua name=lib\nredis.register_function('f', function() return 1 end)")


def write_what_is_not_repeated_as_it_came(member):
    member.call("INCRBYFLOAT", "float", "1.1")
    member.call("SPOP", "set", "10")
    member.call("EXPIRE", "k1", "1000")
    member.call("SET", "k2", "x", "PX", "100000")
    member.call("XGROUP", "CREATE", "stream", "g", "0")
    member.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">")
    member.call("EVAL", "redis.call('set', 'e', '1') return redis.call('incr', 'e')", 0)
    member.call("BLPOP", "list", "1")
    member.call("MULTI")
    member.call("LPUSH", "list", "a")
    member.call("SELECT", "3")
    member.call("SET", "elsewhere", "2")
    member.call("EXEC")
    member.call("SELECT", "0")
    member.call("SET", "short", "x", "PX", "50")


@pytest.mark.parametrize("diskless", ["yes", "no"])
@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_a_replica_has_what_its_master_has(members, kinds, diskless):
    master = members(kinds[0], repl_diskless_sync=diskless)
    replica = members(kinds[1])
    fill(master)
    replica.call("SET", "of another history", "1")
    replica.follow(master)
    assert_same(master, replica)
    assert str(replica.call("FCALL", "f", 0)).startswith("READONLY")  # may write, for all it says
    write_what_is_not_repeated_as_it_came(master)
    assert_same(master, replica)
    # A pause of the link: what was missed comes from the log.
    master.call("CLIENT", "KILL", "TYPE", "replica")
    master.call("SET", "missed", "1")
    wait_until(lambda: replica.info("master_link_status") == "up", 20, "the link is up again")
    assert_same(master, replica)
    assert master.info("sync_full", "stats") == "1"
    assert master.info("sync_partial_ok", "stats") == "1"
    wait_until(lambda: replica.call("GET", "short") is None, 5, "due keys go")


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_master_and_replica_change_places(members, kinds):
    # Without a PING that only one of them has heard.
    first, second = (members(kind, repl_ping_replica_period="1000") for kind in kinds)
    fill(first)
    second.follow(first)
    assert_same(first, second)
    wait_until(lambda: second.info("master_repl_offset") == first.info("master_repl_offset"), 20,
               "it has heard that it was asked, too")
    second.call("REPLICAOF", "NO", "ONE")
    second.call("SET", "of the new master", "1")
    first.follow(second)
    assert_same(second, first)
    assert second.info("sync_full", "stats") == "0"
    assert second.info("sync_partial_ok", "stats") == "1"
    assert first.info("master_replid") == second.info("master_replid")
    assert first.info("master_replid2") != "0" * 40


@pytest.mark.parametrize("kinds", [("redis", "ours", "redis"), ("ours", "ours", "ours")], ids="-".join)
def test_who_comes_a_while_after_a_promotion_need_not_begin_anew(members, kinds):
    former, heir, sibling = (members(kind) for kind in kinds)
    for replica in (heir, sibling):
        replica.follow(former)
    assert former.call("SET", "k", "v") == "OK"
    assert former.call("WAIT", 2, int(10000 * SLOWNESS)) == 2
    history = heir.info("master_replid")
    assert heir.call("REPLICAOF", "NO", "ONE") == "OK"
    time.sleep(0.5)  # poll: what is looked at ten times a second has been looked at
    assert heir.info("master_replid2") == history
    sibling.follow(heir)
    assert_same(heir, sibling)
    assert heir.info("sync_full", "stats") == "0"
    assert heir.info("sync_partial_ok", "stats") == "1"


@pytest.mark.parametrize("kinds", [("redis", "ours", "redis"), ("ours", "redis", "ours"),
                                   ("ours", "ours", "ours")], ids="-".join)
def test_replicas_of_replicas(members, kinds):
    top, middle, bottom = (members(kind) for kind in kinds)
    fill(top)
    middle.follow(top)
    bottom.follow(middle)
    write_what_is_not_repeated_as_it_came(top)
    wait_until(lambda: bottom.info("master_repl_offset") == top.info("master_repl_offset"), 20,
               "the last has heard everything")
    wait_until(lambda: top.digest() == middle.digest() == bottom.digest(), 5,
               "all have the same data")
    # The middle one becomes the master: the last need not begin anew.
    middle.call("REPLICAOF", "NO", "ONE")
    middle.call("SET", "from the middle", "1")
    wait_until(lambda: bottom.info("master_link_status") == "up" and
               bottom.digest() == middle.digest(), 20, "it follows on")
    assert middle.info("sync_full", "stats") == "1"


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_writes_during_the_snapshot_are_not_lost(members, kinds):
    master, replica = members(kinds[0]), members(kinds[1])
    for begin in range(0, 30000, 1000):
        master.call("MSET", *itertools.chain.from_iterable(
            (f"key{i}", "x" * 200) for i in range(begin, begin + 1000)))
    is_over = threading.Event()

    def write():
        with RawClient(master.port, "127.0.0.1") as client:
            source = random.Random(7)
            while not is_over.is_set():
                key = f"key{source.randrange(40000)}"
                client.call(*source.choice([("APPEND", key, "y"), ("DEL", key), ("INCR", "count"),
                                            ("SET", key, "z"), ("LPUSH", "list", key)]))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        replica.follow(master)
    finally:
        is_over.set()
        writer.join()
    assert_same(master, replica)


def test_a_replica_takes_no_writes_and_says_when_it_is_stale(members):
    master, replica = members("ours"), members("ours")
    master.call("SET", "k", "v")
    replica.follow(master)
    assert_same(master, replica)
    readonly = "READONLY You can't write against a read only replica."
    assert str(replica.call("SET", "k", "w")) == readonly
    assert readonly in str(replica.call("EVAL", "return redis.call('set', 'k', 'w')", 0))
    assert replica.call("GET", "k") == b"v"
    assert replica.call("ROLE")[:4] == [b"slave", b"127.0.0.1", master.port, b"connected"]
    assert master.call("ROLE")[2][0][:2] == [b"127.0.0.1", str(replica.port).encode()]
    replica.call("CONFIG", "SET", "replica-serve-stale-data", "no")
    master.server.stop()
    wait_until(lambda: replica.info("master_link_status") == "down", 20, "the link is down")
    assert str(replica.call("GET", "k")).startswith("MASTERDOWN")
    replica.call("CONFIG", "SET", "replica-serve-stale-data", "yes")
    assert replica.call("GET", "k") == b"v"


def test_writes_want_replicas(members):
    master, replica = members("ours"), members("redis")
    master.call("CONFIG", "SET", "min-replicas-to-write", "1")
    assert str(master.call("SET", "k", "v")).startswith("NOREPLICAS")
    replica.follow(master)
    wait_until(lambda: master.info("min_slaves_good_slaves") == "1", 20, "it is a good one")
    assert master.call("SET", "k", "v") == "OK"


def test_wait_counts_and_gives_up(members):
    master, replica = members("ours"), members("ours")
    assert master.call("WAIT", 0, 1000) == 0
    assert master.call("WAIT", 1, 50) == 0
    replica.follow(master)
    master.call("SET", "k", "v")
    assert master.call("WAIT", 1, 10000) == 1
    assert master.call("WAIT", 2, 50) == 1
    assert "WAIT cannot be used with replica instances" in str(replica.call("WAIT", 0, 0))


def test_a_reader_of_the_stream_that_knows_little(members):
    """SYNC alone, as tools do it: the snapshot has its length before it, the stream follows."""
    master = members("ours")
    fill(master)
    with master.server.client() as reader:
        reader.send(encode("SYNC"))
        header = b""
        while not header.endswith(b"\r\n"):
            header = (header + reader.receive_exactly(1)).lstrip(b"\n")
        assert header.startswith(b"$")
        snapshot = reader.receive_exactly(int(header[1:]))
        assert snapshot.startswith(b"REDIS0010")
        master.call("SET", "k", "v", "EX", "100")
        heard = [reader.reply() for _ in range(2)]
        assert heard[0] == [b"SELECT", b"0"]
        assert heard[1][:4] == [b"SET", b"k", b"v", b"PXAT"]


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_a_master_hands_over(members, kinds):
    first, second = (members(kind, repl_ping_replica_period="1000") for kind in kinds)
    fill(first)
    assert str(first.call("FAILOVER")) == "ERR FAILOVER requires connected replicas."
    second.follow(first)
    wait_until(lambda: "state=online" in first.info("slave0"), 20, "it is online")
    assert str(first.call("FAILOVER", "TO", "127.0.0.1", "1")) == \
        "ERR FAILOVER target HOST and PORT is not a replica."
    assert str(first.call("FAILOVER", "ABORT")) == "ERR No failover in progress."
    assert first.call("FAILOVER", "TO", "127.0.0.1", second.port, "TIMEOUT", "10000") == "OK"
    wait_until(lambda: second.info("role") == "master", 20, "the replica has taken over")
    wait_until(lambda: first.info("master_link_status") == "up", 20, "the former master follows")
    assert first.info("master_failover_state") == "no-failover"
    assert second.info("sync_full", "stats") == "0"
    assert second.call("SET", "after", "1") == "OK"
    assert_same(second, first)


def test_a_failover_that_does_not_come_about(members):
    master, replica = members("ours"), members("redis")
    replica.follow(master)
    wait_until(lambda: master.info("connected_slaves") == "1" and
               "state=online" in master.info("slave0"), 20, "it is online")
    replica.server.node.process.signal(signal.SIGSTOP)
    try:
        master.call("SET", "k", "v")
        assert master.call("FAILOVER", "TIMEOUT", "300") == "OK"
        assert master.info("master_failover_state") == "waiting-for-sync"
        assert master.call("SET", "k", "w") == "OK"  # held back until it is over
    finally:
        replica.server.node.process.signal(signal.SIGCONT)
    assert master.info("role") == "master"
    assert_same(master, replica)


@pytest.mark.parametrize("kind", ["redis", "ours"])
def test_what_a_slow_replica_has_not_taken_evicts_nothing(members, kind):
    master, replica = members(kind, repl_backlog_size="16384"), members("redis")
    replica.follow(master)
    value = "x" * 10000
    for i in range(300):
        master.call("SET", f"k{i}", value)
    assert_same(master, replica)
    limit = int(master.info("used_memory", "memory")) + 3_000_000
    master.call("CONFIG", "SET", "maxmemory", limit, "maxmemory-policy", "allkeys-random")
    replica.server.node.process.signal(signal.SIGSTOP)
    try:
        for i in range(3000):
            master.call("SET", f"k{i % 300}", value)
        assert int(master.info("mem_not_counted_for_evict", "memory")) > 10_000_000
        assert int(master.info("used_memory", "memory")) > limit
        assert master.call("DBSIZE") == 300
    finally:
        replica.server.node.process.signal(signal.SIGCONT)
    assert_same(master, replica)
    wait_until(lambda: int(master.info("mem_not_counted_for_evict", "memory")) < 100_000, 20,
               "the stream is taken")


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_who_resumes_knows_of_which_database_the_stream_speaks(members, kinds):
    master, replica = (members(kind) for kind in kinds)
    replica.follow(master)
    master.call("SELECT", "9")
    master.call("SET", "before", "1")
    assert_same(master, replica)
    master.call("CLIENT", "KILL", "TYPE", "replica")
    master.call("SET", "meanwhile", "2")
    wait_until(lambda: master.info("sync_partial_ok", "stats") == "1", 20, "it has resumed")
    assert_same(master, replica)
    replica.call("SELECT", "9")
    assert replica.call("GET", "meanwhile") == b"2"


@pytest.mark.parametrize("kinds", [("redis", "ours", "redis"), ("redis", "ours", "ours"),
                                   ("ours", "redis", "ours")], ids="-".join)
def test_a_replica_of_a_replica_knows_of_which_database_the_stream_speaks(members, kinds):
    top, middle, bottom = (members(kind) for kind in kinds)
    middle.follow(top)
    top.call("SELECT", "7")
    top.call("SET", "before", "1")
    assert_same(top, middle)
    bottom.follow(middle)
    top.call("SET", "behind the snapshot", "2")
    wait_until(lambda: bottom.info("master_repl_offset") == top.info("master_repl_offset"), 20,
               "the last has heard everything")
    assert top.digest() == middle.digest() == bottom.digest()


@pytest.mark.parametrize("kind", ["redis", "ours"])
def test_a_replica_that_introduces_itself_says_so(members, kind):
    replica = members(kind, repl_timeout="60")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        replica.call("REPLICAOF", "127.0.0.1", silent.getsockname()[1])
        wait_until(lambda: replica.call("ROLE")[3] == b"handshake", 20, "it is connected")


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_what_is_over_at_the_replica_is_not_over_for_the_stream(members, kinds):
    master, replica = (members(kind) for kind in kinds)
    replica.follow(master)
    master.call("RPUSH", "list", "a")
    # The master's clock stands still in a script: only the replica sees the time pass.
    master.call("EVAL", "local now = redis.call('time') "
                "redis.call('pexpireat', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000) + 30) "
                "for i = 1, 10000000 do end "
                "redis.call('rpush', KEYS[1], 'b') redis.call('persist', KEYS[1])", 1, "list")
    assert_same(master, replica)
    assert replica.call("LLEN", "list") == 2


@pytest.mark.parametrize("kind", ["redis", "ours"])
def test_keys_of_a_writable_replica_expire(members, kind):
    master, replica = members(kind), members(kind, replica_read_only="no")
    replica.follow(master)
    for i in range(3):
        assert replica.call("SET", f"own{i}", "1", "PX", "100") == "OK"
    replica.call("PERSIST", "own2")
    wait_until(lambda: replica.call("DBSIZE") == 1, 20, "they are deleted")
    assert replica.call("GET", "own2") == b"1"


@pytest.mark.parametrize("kinds", [("ours", "ours"), ("redis", "ours")], ids="-".join)
def test_a_command_that_fails_at_the_replica_is_told(members, kinds):
    master, replica = (members(kind) for kind in kinds)
    replica.follow(master)
    master.call("DEBUG", "REPLICATE", "no-such-command")
    master.call("SET", "k", "v")
    assert_same(master, replica)
    assert replica.info("unexpected_error_replies", "stats") == "1"
    assert "no-such-command" in replica.server.process.log()


def test_who_takes_nothing_of_its_snapshot_is_dropped(members):
    """It would hold up all who need one."""
    master, replica = members("ours", repl_timeout="2", rdbcompression="no"), members("ours")
    for i in range(40):
        master.call("SET", f"k{i}", "x" * 1000000)
    with master.server.client() as hanging:
        hanging.set_option(socket.SO_RCVBUF, 4096)
        for words in (("REPLCONF", "capa", "eof"), ("PSYNC", "?", "-1")):
            hanging.send(encode(*words))
        wait_until(lambda: master.info("rdb_bgsave_in_progress", "persistence") == "1", 10, "its snapshot is on its way")
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_until(lambda: replica.info("master_link_status") == "up", 30, "the other has its own")
    assert replica.call("DBSIZE") == 40


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_a_replica_gets_no_answers(members, kind):
    """They would be a part of the stream: who asks for one is cut off, and writes nothing."""
    master = members(kind)
    for words in (("PING",), ("SET", "k", "v"), ("GET", "k"), ("NOSUCH",)):
        with master.server.client() as replica:
            replica.send(encode("PSYNC", "?", "-1"))
            wait_until(lambda: master.info("connected_slaves") == "1", 10, "it is a replica")
            replica.send(encode(*words))
            heard = replica.receive_until_closed()
            assert b"PONG" not in heard and b"-ERR" not in heard, words
        wait_until(lambda: master.info("connected_slaves") == "0", 10, "it is gone")
    assert master.call("GET", "k") is None


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_a_snapshot_that_nobody_waits_for_is_given_up(members, diskless):
    """It would hold up the next one."""
    master = members("ours", rdb_key_save_delay="1000000", repl_diskless_sync=diskless)
    replicas = [members("ours"), members("ours")]
    for i in range(10):
        master.call("SET", f"k{i}", "v")
    for replica in replicas:
        replica.call("REPLICAOF", "127.0.0.1", master.port)
    in_progress = lambda: master.info("rdb_bgsave_in_progress", "persistence")  # noqa: E731
    wait_until(lambda: in_progress() == "1" and all("wait_bgsave" in (master.info(name) or "")
                                                    for name in ("slave0", "slave1")), 10, "one is taken for both")
    replicas[0].call("REPLICAOF", "NO", "ONE")
    wait_until(lambda: master.info("connected_slaves") == "1", 10, "one has gone")
    wait_until(lambda: in_progress() == "1", 5, "for the other it goes on, or begins anew")
    replicas[1].call("REPLICAOF", "NO", "ONE")
    wait_until(lambda: in_progress() == "0", 2, "it is given up")
    master.call("CONFIG", "SET", "rdb-key-save-delay", "0")
    replicas[0].follow(master)
    assert replicas[0].call("DBSIZE") == 10


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_scripts_of_a_replica_that_shows_no_old_data(members, kind):
    replica = members(kind)
    replica.call("SET", "k", "v")
    assert replica.call("FUNCTION", "LOAD", """#!lua name=lib
        redis.register_function{function_name='plain', callback=function() return 1 end, flags={'no-writes'}}
        redis.register_function{function_name='stale', callback=function() return 1 end,
                                flags={'no-writes', 'allow-stale'}}
        redis.register_function{function_name='reads', callback=function() return redis.call('GET', 'k') end,
                                flags={'no-writes', 'allow-stale'}}
        redis.register_function('writes', function() return 1 end)""") == b"lib"
    replica.call("CONFIG", "SET", "replica-serve-stale-data", "no")
    replica.call("REPLICAOF", "127.0.0.1", "1")
    assert str(replica.call("FCALL", "plain", 0)).startswith("MASTERDOWN Link with MASTER is down")
    assert replica.call("FCALL", "stale", 0) == 1
    assert "on a stale replica" in str(replica.call("FCALL", "reads", 0))
    assert str(replica.call("EVAL", "return 1", 0)).startswith("MASTERDOWN Link with MASTER is down")
    replica.call("CONFIG", "SET", "replica-serve-stale-data", "yes")
    assert str(replica.call("FCALL", "writes", 0)) == "READONLY You can't write against a read only replica."
    assert replica.call("FCALL", "reads", 0) == b"v"


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_scripts_say_who_repeats_what_they_change(members, kind):
    master, replica = members(kind, appendonly="yes"), members("ours")
    replica.follow(master)
    script = "redis.call('SET', KEYS[1], '1')"
    for audience, key in (("AOF", 2), ("NONE", 3), ("REPLICA", 4), ("ALL", 5)):
        script += f"; redis.set_repl(redis.REPL_{audience}); redis.call('SET', KEYS[{key}], '{key}')"
    assert master.call("EVAL", script, 5, *"abcde") is None
    assert master.call("EVAL", "redis.set_repl(redis.REPL_NONE); return redis.call('SET', KEYS[1], '1')", 1, "f") == "OK"
    assert master.call("SET", "g", "1") == "OK"
    wait_until(lambda: replica.call("GET", "g") == b"1", 10, "it has the last one")
    assert replica.call("MGET", *"abcdef") == [b"1", None, None, b"4", b"5", None]
    assert master.call("MGET", *"abcdef") == [b"1", b"2", b"3", b"4", b"5", b"1"]
    assert master.call("DEBUG", "LOADAOF") == "OK"
    assert master.call("MGET", *"abcdef") == [b"1", b"2", None, None, b"5", None]

# SPDX-License-Identifier: Apache-2.0
"""What a shard keeps on the disk: files of others, files for others, and what survives its death."""
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time

import pytest
import redis

from child_process import ChildProcess
from data_description import describe
from deadline import SLOWNESS, wait_until
from free_ports import free_port
from raw_client import ConnectionClosed, ErrorReply, RawClient, encode
from real_cluster import RedisNode
from server_program import program

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "persistence")
KILLS = int(os.environ.get("SLOTWAY_KILLS", "2"))  # at each fsync policy


class Shard:
    """A shard that keeps its folder when it is stopped or killed."""

    def __init__(self, *options, directory=None):
        self.directory = directory or tempfile.mkdtemp(prefix="slotway-persistence-")
        self.options, self.process, self.port = options, None, free_port()

    def start(self, *more):
        command = [program("slotway-shard"), "--port", self.port, "--bind", "127.0.0.1", "--dir",
                   self.directory, "--enable-debug-command", "yes", *self.options, *more]
        self.process = ChildProcess(command, os.path.join(self.directory, "log"))
        return self

    def up(self, *more):
        self.start(*more)
        wait_until(self.answers, 20, "the shard answers")
        return self

    def answers(self):
        assert self.process.is_running(), self.process.log_tail()
        try:
            return self.call("PING") == "PONG"
        except OSError:
            return False

    def call(self, *arguments):
        with RawClient(self.port) as client:
            reply = client.call(*arguments)
        return reply.decode() if isinstance(reply, bytes) else reply

    def info(self, name):
        return re.search(rf"^{name}:(.*)\r$", self.call("INFO", "persistence"), re.M).group(1)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def describe(self):
        client = redis.Redis(port=self.port)
        client.response_callbacks.clear()
        described = describe(client.execute_command)
        client.close()
        return described


@pytest.fixture
def shard():
    made = []

    def make(*options, **more):
        made.append(Shard(*options, **more))
        return made[-1]
    yield make
    for each in made:
        if each.process is not None:
            each.process.kill()
        shutil.rmtree(each.directory, ignore_errors=True)


def expected(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        described = json.load(file)
    described.pop("__functions__")
    return described


# Redis 7.0 names some encodings otherwise, and prints more digits of a score.
def as_of_today(described):
    for value in described.values():
        if value["type"] in ("hash", "set"):
            value["value"] = sorted(value["value"])
        if value["type"] == "zset":
            value["value"] = [[name, float(score)] for name, score in value["value"]]
        value.pop("encoding")
    return described


def assert_described(shard, name):
    got, wanted = shard.describe(), expected(name)
    if name.startswith("valkey"):  # its encodings are those of Redis 7.2, as ours are
        assert {key: value["encoding"] for key, value in got.items()} == {
            key: value["encoding"] for key, value in wanted.items()}
    assert as_of_today(got) == as_of_today(wanted)
    assert "mylib" in str(shard.call("FUNCTION", "LIST"))


@pytest.mark.parametrize("name", ["redis-7.0.15", "valkey-8"])
def test_files_of_others_are_loaded(shard, name):
    one = shard()
    shutil.copy(os.path.join(DATA, name + ".rdb"), one.path("dump.rdb"))
    one.up()
    assert_described(one, name + ".expected.json")
    assert one.info("rdb_last_load_keys_loaded") == str(len(expected(name + ".expected.json")))


@pytest.mark.parametrize("name", ["redis-7.0.15", "valkey-8"])
def test_logs_of_others_are_loaded(shard, name):
    one = shard("--appendonly", "yes")
    with tarfile.open(os.path.join(DATA, name + ".appendonlydir.tar")) as tar:
        tar.extractall(one.directory, filter="data") if hasattr(tarfile, "data_filter") else \
            tar.extractall(one.directory)
    [manifest] = glob.glob(one.path("*", "*.manifest"))
    one.up("--appenddirname", os.path.basename(os.path.dirname(manifest)),
           "--appendfilename", os.path.basename(manifest)[:-len(".manifest")])
    assert_described(one, name + ".aof.expected.json")


def fill(shard):
    with RawClient(shard.port) as client:
        for i in range(200):
            client.call("SET", f"s{i}", "v" * i)
            client.call("HSET", "h", f"f{i}", i)
            client.call("ZADD", "z", i / 3, f"m{i}")
            client.call("SADD", "set", f"m{i}")
            client.call("RPUSH", "l", "e" * (i % 50))
            client.call("XADD", "x", f"{i + 1}-1", "f", i)
        client.call("XGROUP", "CREATE", "x", "g", "0")
        client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", "5", "STREAMS", "x", ">")
        client.call("SADD", "small", "a", "b")
        client.call("SET", "ttl", "v", "PXAT", "4102444800123")
        client.call("SELECT", "5")
        client.call("SET", "elsewhere", "v")


def digest_in_redis(shard, *settings):
    node = RedisNode(shard.directory, free_port(), cluster=False,
                     settings=[("enable-debug-command", "yes"), *settings]).start()
    try:
        assert node.wait_until_up(), node.process.log_tail()
        wait_until(lambda: not isinstance(node.call("DBSIZE"), ErrorReply), 20, "it is loaded")
        return node.call("DEBUG", "DIGEST")
    finally:
        node.kill()


def test_redis_reads_what_is_saved(shard):
    one = shard("--rdb-version", "10").up()
    fill(one)
    digest = one.call("DEBUG", "DIGEST")
    assert one.call("SAVE") == "OK"
    checked = subprocess.run(["redis-check-rdb", one.path("dump.rdb")], capture_output=True, text=True,
                             timeout=20 * SLOWNESS)
    assert "RDB looks OK" in checked.stdout, checked.stdout
    assert one.call("DEBUG", "RELOAD") == "OK"
    assert one.call("DEBUG", "DIGEST") == digest
    one.process.stop()
    assert digest_in_redis(one) == digest
    assert one.up("--rdb-version", "11").call("DEBUG", "DIGEST") == digest
    assert one.call("DEBUG", "RELOAD") == "OK"
    assert one.call("DEBUG", "DIGEST") == digest


def test_redis_goes_on_in_our_log_and_we_in_its(shard):
    one = shard("--appendonly", "yes", "--rdb-version", "10").up()
    fill(one)
    with RawClient(one.port) as client:
        for request in (["SPOP", "set", "3"], ["EXPIRE", "h", "1000"], ["INCRBYFLOAT", "f", "1.5"],
                        ["MULTI"], ["SET", "m", "1"], ["LPOP", "l"], ["EXEC"],
                        ["EVAL", "return redis.call('incr', KEYS[1])", "1", "n"]):
            client.call(*request)
    digest = one.call("DEBUG", "DIGEST")
    assert one.call("DEBUG", "LOADAOF") == "OK"
    assert one.call("DEBUG", "DIGEST") == digest
    one.process.stop()
    checked = subprocess.run(["redis-check-aof", one.path("appendonlydir", "appendonly.aof.manifest")],
                             capture_output=True, text=True, timeout=20 * SLOWNESS)
    assert "All AOF files and manifest are valid" in checked.stdout, checked.stdout
    assert digest_in_redis(one, ("appendonly", "yes")) == digest
    assert one.up().call("DEBUG", "DIGEST") == digest


@pytest.mark.parametrize("is_on", [True, False])
def test_bases_may_be_commands(shard, is_on):
    one = shard("--aof-use-rdb-preamble", "no", "--aof-timestamp-enabled", "yes")
    one.up("--appendonly", "yes" if is_on else "no")
    fill(one)
    fill_what_commands_hardly_say(one)
    if is_on:
        assert one.call("BGREWRITEAOF") == "Background append only file rewriting started"
    else:
        assert one.call("CONFIG", "SET", "appendonly", "yes") == "OK"
    wait_until(lambda: one.info("aof_rewrite_in_progress") == "0", 20, "the log has its base")
    one.call("SET", "behind", "1")
    digest, described = one.call("DEBUG", "DIGEST"), one.describe()
    base, = glob.glob(one.path("appendonlydir", "*.base.aof"))
    with open(base, "rb") as file:
        assert file.read(4) == b"#TS:"
    one.process.stop()
    checked = subprocess.run(["redis-check-aof", one.path("appendonlydir", "appendonly.aof.manifest")],
                             capture_output=True, text=True, timeout=20 * SLOWNESS)
    assert "All AOF files and manifest are valid" in checked.stdout, checked.stdout
    one.up("--appendonly", "yes")
    assert (one.call("DEBUG", "DIGEST"), one.describe()) == (digest, described)
    assert len(one.call("FUNCTION", "LIST")) == 1
    one.process.stop()
    assert digest_in_redis(one, ("appendonly", "yes")) == digest


@pytest.mark.parametrize("begins", [("BGREWRITEAOF",), ("CONFIG", "SET", "appendonly", "yes")], ids=lambda words: words[0])
def test_rewrites_in_the_middle_of_a_transaction(shard, begins):
    """They begin when it is over: what it has changed is to be in the base or behind it, not in both."""
    one = shard("--appendonly", "yes" if begins[0] == "BGREWRITEAOF" else "no").up()
    with RawClient(one.port) as client:
        replies = client.pipeline([("MULTI",), ("INCR", "x"), begins, ("INCR", "x"), ("EXEC",)])
    assert replies[-1][2] == 2
    done = {"aof_rewrite_in_progress": "0", "aof_rewrite_scheduled": "0", "aof_rewrites": "1", "aof_enabled": "1"}
    wait_until(lambda: {name: one.info(name) for name in done} == done, 20, "it is rewritten")
    assert one.call("DEBUG", "LOADAOF") == "OK"
    assert one.call("GET", "x") == "2"
    if begins[0] == "BGREWRITEAOF":
        assert replies[-1][1] == "Background append only file rewriting scheduled"


def fill_what_commands_hardly_say(shard):
    with RawClient(shard.port) as client:
        for i in range(300):  # more than one command takes, in every form that a value has
            client.call("RPUSH", "numbers", i * i)
            client.call("SADD", "integers", i)
            client.call("HSET", "large", f"f{i}", "v" * 100)
        client.call("ZADD", "infinite", "inf", "a", "-inf", "b", "0.1", "c")
        client.call("XADD", "emptied", "7-7", "f", "v")
        client.call("XDEL", "emptied", "7-7")
        client.call("XGROUP", "CREATE", "never", "g", "$", "MKSTREAM")
        client.call("XGROUP", "CREATECONSUMER", "never", "g", "idle")
        client.call("SET", "number", "123")
        client.call("SET", "b\r\ninary", b"\x00\xff\r\n")
        client.call("HSET", "due-late", "f", "v")
        client.call("PEXPIREAT", "due-late", "4102444800999")
        client.call("FUNCTION", "LOAD", "#!lua name=f\nredis.register_function('f', function() end)")


def test_rewrites(shard):
    one = shard("--appendonly", "yes", "--auto-aof-rewrite-min-size", "20000").up()
    fill(one)
    wait_until(lambda: int(one.info("aof_rewrites")) >= 1 and one.info("aof_rewrite_in_progress") == "0",
               20, "the log is rewritten by itself")
    assert one.call("BGREWRITEAOF") == "Background append only file rewriting started"
    one.call("SET", "meanwhile", "1")
    wait_until(lambda: one.info("aof_rewrite_in_progress") == "0", 20, "the log is rewritten")
    assert one.info("aof_last_bgrewrite_status") == "ok"
    assert len(glob.glob(one.path("appendonlydir", "*"))) == 3
    digest = one.call("DEBUG", "DIGEST")
    assert one.call("CONFIG", "SET", "appendonly", "no") == "OK"
    assert one.call("DEBUG", "LOADAOF") == "OK"
    assert one.call("DEBUG", "DIGEST") == digest
    one.call("SET", "not-in-the-log", "1")
    assert one.call("CONFIG", "SET", "appendonly", "yes") == "OK"
    wait_until(lambda: one.info("aof_rewrite_in_progress") == "0", 20, "the log is on again")
    digest = one.call("DEBUG", "DIGEST")
    one.process.kill()
    assert one.up().call("DEBUG", "DIGEST") == digest


def test_what_was_rewritten_is_kept_while_asked_for(shard):
    one = shard("--appendonly", "yes", "--aof-disable-auto-gc", "yes").up()
    files = lambda: len(glob.glob(one.path("appendonlydir", "*.aof"))) + len(glob.glob(one.path("appendonlydir", "*.rdb")))
    for count in (4, 6):
        one.call("INCR", "n")
        one.call("BGREWRITEAOF")
        wait_until(lambda: one.info("aof_rewrite_in_progress") == "0", 20, "the log is rewritten")
        assert files() == count
    assert one.call("CONFIG", "SET", "aof-disable-auto-gc", "no") == "OK"
    wait_until(lambda: files() == 2, 20, "it goes")
    one.process.kill()
    assert one.up().call("GET", "n") == "2"


def test_snapshots_in_the_background(shard):
    one = shard("--save", "1 10").up()
    one.call("DEBUG", "POPULATE", "200000")
    assert one.call("BGSAVE") == "Background saving started"
    assert one.call("BGSAVE") == "ERR Background save already in progress"
    assert one.call("SAVE") == "ERR Background save already in progress"
    for i in range(5):
        one.call("DEL", f"key:{i}")
    wait_until(lambda: one.info("rdb_bgsave_in_progress") == "0", 20, "it is saved")
    assert one.info("rdb_last_bgsave_status") == "ok"
    one.process.kill()
    assert one.up().call("DBSIZE") == 200000  # as they were when it began
    # What is flushed need not be saved any more; that nothing is left is.
    assert one.call("BGSAVE") == "Background saving started"
    assert one.call("FLUSHALL") == "OK"
    wait_until(lambda: one.info("rdb_bgsave_in_progress") == "0", 20, "it is given up")
    assert one.info("rdb_last_bgsave_status") == "ok"
    wait_until(lambda: int(one.info("rdb_saves")) >= 2 and one.info("rdb_bgsave_in_progress") == "0", 20,
               "what is left is saved")
    one.process.kill()
    assert one.up().call("DBSIZE") == 0
    before = one.call("LASTSAVE")
    for i in range(11):
        one.call("SET", f"k{i}", "v")
    wait_until(lambda: one.call("LASTSAVE") > before, 20, "the save point is noticed")
    one.call("SET", "last", "v")
    one.process.stop()
    assert one.process.exit_code == 0
    assert one.up().call("GET", "last") == "v"  # SIGTERM saves where there are save points


def test_shutdown_and_a_disk_that_fails(shard):
    one = shard("--save", "3600 100000").up()
    one.call("SET", "k", "v")
    os.mkdir(one.path("dump.rdb"))  # nothing can take the place of a directory
    one.call("BGSAVE")
    wait_until(lambda: one.info("rdb_last_bgsave_status") == "err", 20, "it fails")
    assert one.call("SET", "k", "w").startswith("MISCONF Redis is configured to save RDB snapshots")
    assert one.call("GET", "k") == "v"
    assert one.call("SHUTDOWN") == "ERR Errors trying to SHUTDOWN. Check logs."
    os.rmdir(one.path("dump.rdb"))
    assert one.call("SAVE") == "OK"
    assert one.call("SET", "k", "w") == "OK"
    assert one.call("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."
    with pytest.raises((ConnectionClosed, OSError)):
        one.call("SHUTDOWN", "NOSAVE")
    one.process.wait()
    assert one.up().call("GET", "k") == "v"


def test_what_is_wrong_is_said_and_nothing_begins(shard):
    one = shard()
    with open(os.path.join(DATA, "valkey-8.rdb"), "rb") as file:
        whole = file.read()
    for bytes_there, text in ((whole[:-20], "the file ends too early"),
                              (whole[:-1] + b"x", "the checksum does not match")):
        with open(one.path("dump.rdb"), "wb") as file:
            file.write(bytes_there)
        one.start()
        assert one.process.wait() == 1
        assert text in one.process.log()


def test_clients_hear_that_it_is_loading(shard):
    one = shard().up()
    one.call("DEBUG", "POPULATE", "1500000", "k", "60")
    one.call("SAVE")
    one.process.kill()
    one.start()
    heard, deadline = set(), time.monotonic() + 20 * SLOWNESS
    while time.monotonic() < deadline:
        try:
            reply = str(one.call("GET", "k:1"))
        except OSError:
            continue
        heard.add(reply[:50])
        if not reply.startswith("LOADING"):
            break
        text = one.call("INFO", "persistence")
        assert ("loading:1" in text) == ("loading_total_bytes:" in text)
    assert "LOADING Redis is loading the dataset in memory" in heard
    assert one.call("DBSIZE") == 1500000


class Writer(threading.Thread):
    """Counts a key up; remembers what was acknowledged and what was sent."""

    def __init__(self, port, name):
        super().__init__()
        self.port, self.name_of_key, self.sent, self.acknowledged, self.at = port, name, 0, 0, {}

    def run(self):
        try:
            with RawClient(self.port) as client:
                while True:
                    self.sent += 1
                    if client.call("SET", self.name_of_key, self.sent) != "OK":
                        return
                    self.acknowledged = self.sent
                    self.at[self.sent] = time.monotonic()
        except (OSError, ConnectionClosed):
            pass


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_a_sudden_death_under_load(shard, policy):
    one = shard("--appendonly", "yes", "--appendfsync", policy).up()
    for _ in range(KILLS):
        one.call("FLUSHALL")
        writers = [Writer(one.port, f"k{i}") for i in range(4)]
        for writer in writers:
            writer.start()
        time.sleep(random.uniform(0.05, 0.4))  # poll: it dies at any time
        if random.random() < 0.5:
            one.call("BGREWRITEAOF")
            time.sleep(random.uniform(0, 0.05))  # poll: it dies at any time
        died_at = time.monotonic()
        one.process.signal(signal.SIGKILL)
        for writer in writers:
            writer.join()
        one.process.wait()
        one.up()
        for writer in writers:
            held = int(one.call("GET", writer.name_of_key) or 0)
            # The process died, the machine did not: what was written to the file is there. While the
            # disk is busy `everysec` keeps what comes for up to two seconds, as Redis does.
            late_s = 2.1 if policy == "everysec" else -1
            safe = max((number for number, at in writer.at.items() if at < died_at - late_s), default=0)
            assert safe <= held <= writer.sent, (policy, writer.name_of_key)


@pytest.mark.parametrize("command", [program("slotway-shard"), "redis-server"])
def test_a_time_in_the_past_is_no_deletion_in_a_log(tmp_path, command):
    """What follows EXPIREAT in the log changed the key that there was."""
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    (folder / "appendonly.aof.1.incr.aof").write_bytes(
        encode("RPUSH", "list", "a") + encode("EXPIREAT", "list", 1000) + encode("RPUSH", "list", "b"))
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    port = free_port()
    process = ChildProcess([command, "--port", port, "--dir", tmp_path, "--appendonly", "yes"],
                           tmp_path / "log")
    try:
        wait_until(lambda: "Ready to accept" in process.log(), 20, "it is loaded")
        with RawClient(port) as client:
            assert client.call("LLEN", "list") == 0
    finally:
        process.stop()

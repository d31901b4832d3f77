# SPDX-License-Identifier: Apache-2.0
"""A hostile client's catalogue. Nothing gets in: what is refused gets to no shard, which MONITOR and the
count of calls show there. And nothing falls over: somebody else is served all the while."""
import os
import random
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from child_process import MEMORY_IS_MEASURED
from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from proxy_process import ProxyProcess, admin_text
from raw_client import ConnectionClosed, RawClient, encode
from real_cluster import RealCluster
from refusals import Told, Watch
from tls_files import Authority

NO_KEY = "NOPERM this user has no permissions to access one of the keys used as arguments"
USERS = ["alice on >p +@all ~app:* &app:*",
         "writer on >p +@read +@write +@connection +@transaction +@scripting +@pubsub ~* &*",
         "boss on >p +@all ~* &*"]
# What nobody but the administrator may touch. Its name must not be seen by any shard.
HUSH = "hush"
SEED = int(os.environ.get("SLOTWAY_SEED", random.SystemRandom().getrandbits(32)))
STALL_MAX_S = 2 * SLOWNESS


class Bystander(threading.Thread):
    """Somebody who is served meanwhile: one request after the other."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self._client = proxy.client()
        self._is_over = threading.Event()
        self.count, self.slowest_s, self.error = 0, 0, None

    def run(self):
        try:
            while not self._is_over.is_set():
                began = time.monotonic()
                assert self._client.call("SET", f"by:{self.count % 50}", self.count) == "OK"
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.count += 1
                time.sleep(0.002)  # poll: its own pace
        except (OSError, ConnectionClosed, AssertionError) as error:
            self.error = error

    def stop(self):
        wait_until(lambda: self.count > 0 or self.error, 10, "it was served at all")
        self._is_over.set()
        self.join(20)
        self._client.close()
        assert self.error is None, self.error
        assert self.slowest_s < STALL_MAX_S, f"a request took {self.slowest_s} s"


@pytest.fixture(scope="module")
def cluster():
    cluster = RealCluster(masters=3)
    for number in range(10):
        node = cluster.master_of(f"{HUSH}:{number}")
        node.call("SET", f"{HUSH}:{number}", "secret")
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def shared_proxy(cluster):
    proxy = ProxyProcess(cluster.seeds(), settings={"auth": {"users": USERS}})
    yield proxy
    proxy.stop()


@pytest.fixture(autouse=True)
def watch(cluster):
    """What any proxy of the test has refused is at no shard."""
    watch = Watch(cluster.nodes, HUSH)
    yield watch
    watch.assert_unseen()


@pytest.fixture
def proxy(shared_proxy, watch):  # pylint: disable=unused-argument
    bystander = Bystander(shared_proxy)
    bystander.start()
    yield shared_proxy
    bystander.stop()
    shared_proxy.assert_up()


def admin_of(proxy):
    return Told(proxy.port, password=proxy.password)


def log_in(proxy, user, **options):
    protocol = options.pop("protocol", None)
    client = Told(proxy.port, **options)
    assert client.call("AUTH", user, "p") == "OK"
    if protocol is not None:
        client.call("HELLO", protocol)
    return client


def count(proxy, name):
    text = admin_text(proxy.admin_port, "/metrics")
    return int(float(re.search(rf"^{name} (\S+)$", text, re.M).group(1)))


def is_refused(reply):
    return isinstance(reply, str) and reply.startswith(("NOPERM", "ERR BY option", "ERR GET option"))


# --- keys, by wherever they stand

H = f"{HUSH}:1"
BY_POSITION = [
    f"GET {H}", f"SET {H} v", f"GETEX {H} PERSIST", f"MGET app:1 app:2 {H}", f"MSET app:1 v {H} v",
    f"MSETNX {{app:1}} v {H} v", f"DEL app:1 {H}", f"UNLINK {H}", f"EXISTS app:1 {H}", f"TOUCH {H}",
    f"RENAME app:1 {H}", f"RENAME {H} app:1", f"RENAMENX {H} app:1", f"COPY {H} app:1",
    f"COPY app:1 {H} REPLACE", f"BITOP NOT app:1 {H}", f"BITOP AND {H} app:1", f"BITFIELD {H} GET u8 0",
    f"LCS app:1 {H}", f"SMOVE {H} app:1 m", f"LMOVE {H} app:1 LEFT LEFT", f"RPOPLPUSH app:1 {H}",
    f"BLMOVE {H} app:1 LEFT LEFT 0", f"BRPOPLPUSH app:1 {H} 0", f"BLPOP app:1 {H} 0",
    f"LMPOP 2 app:1 {H} LEFT", f"BLMPOP 0 2 app:1 {H} LEFT", f"ZMPOP 1 {H} MIN", f"BZMPOP 0 1 {H} MIN",
    f"BZPOPMIN app:1 {H} 0", f"SINTERSTORE app:1 app:2 {H}", f"SINTERSTORE {H} app:2",
    f"SINTERCARD 2 app:1 {H}", f"SDIFF app:1 {H}", f"ZUNIONSTORE app:1 2 app:2 {H}",
    f"ZUNIONSTORE {H} 1 app:1", f"ZRANGESTORE app:1 {H} 0 -1", f"ZINTER 2 app:1 {H}",
    f"GEOSEARCHSTORE app:1 {H} FROMLONLAT 0 0 BYRADIUS 1 m",
    f"GEORADIUS app:1 0 0 1 m STORE {H}", f"GEORADIUS app:1 0 0 1 m STOREDIST {H}",
    f"PFCOUNT app:1 {H}", f"PFMERGE app:1 {H}", f"PFMERGE {H} app:1", f"SORT app:1 STORE {H}",
    f"SORT {H}", f"SORT_RO {H}", f"XREAD STREAMS app:1 {H} 0 0", f"XREAD COUNT 1 BLOCK 0 STREAMS {H} $",
    f"XREADGROUP GROUP g c STREAMS {H} >", f"XADD {H} * f v", f"XINFO STREAM {H}",
    f"XGROUP CREATE {H} g 0 MKSTREAM", f"OBJECT ENCODING {H}", f"OBJECT FREQ {H}", f"MEMORY USAGE {H}",
    f"DUMP {H}", f"RESTORE {H} 0 x", f"MIGRATE 127.0.0.1 1 {H} 0 1",
    f"EXPIRE {H} 1", f"TTL {H}", f"TYPE {H}", f"WATCH {H}", f"SETRANGE {H} 0 x", f"APPEND {H} x",
    f"HRANDFIELD {H}", f"HSCAN {H} 0", f"SSCAN {H} 0", f"ZSCAN {H} 0", f"GETDEL {H}", f"SUBSTR {H} 0 1",
    f"EVAL return 1 {H}", f"EVAL return'x' 1 {H}", f"EVAL_RO return'x' 1 {H}", f"FCALL f 1 {H}",
    f"FCALL_RO f 1 {H}", f"EVALSHA {'0' * 40} 1 {H}", f"EVALSHA {'0' * 40} 2 app:1 {H}",
    # Words that are no keywords where they stand, and numbers that only look like some.
    f"XREADGROUP GROUP STREAMS STREAMS STREAMS {H} >", f"XREADGROUP COUNT 1 GROUP g STREAMS STREAMS {H} >",
    f"XREAD BLOCK 1 STREAMS STREAMS {H} 0 0", f"SORT app:1 BY STORE STORE {H}", f"SORT app:1 GET STORE STORE {H}",
    f"SORT app:1 STORE app:2 STORE {H}", f"GEORADIUS app:1 0 0 1 m STORE {H} STORE app:2",
    f"GEORADIUSBYMEMBER app:1 STORE 1 m STOREDIST {H}", f"EVAL return'x' 01 {H}", f"FCALL f +1 {H}",
    f"EVAL_RO return'x' 1x {H}", f"LMPOP 01 {H} LEFT", f"ZUNION +1 {H}", f"SINTERCARD 1.0 {H}",
]


@pytest.mark.parametrize("protocol", [2, 3])
def test_no_position_of_a_key_is_overlooked(proxy, protocol):
    alice = log_in(proxy, "alice")
    alice.call("HELLO", protocol)
    passed = []
    for line in BY_POSITION:
        reply = alice.call(*line.split())
        # What is not a number of keys is no key either.
        if not is_refused(reply) and not str(reply).startswith(("ERR value is not", "ERR Number")):
            passed.append((line, reply))
    assert not passed
    # The same in one pipeline, and with odd letters.
    replies = alice.pipeline([line.swapcase().replace(HUSH.upper(), HUSH).split()
                              for line in BY_POSITION if "{" not in line and "return" not in line])
    assert not [reply for reply in replies if isinstance(reply, (bytes, list))]


def test_inline_commands_and_broken_ones(proxy):
    for line in BY_POSITION:
        if "return" in line or "{" in line:
            continue
        with log_in(proxy, "alice") as alice:
            alice.send(line.encode() + b"\r\n")
            assert is_refused(alice.reply()), line
    with log_in(proxy, "alice") as alice:
        alice.send(f'get "{HUSH}:\\x31"\r\nget \'{HUSH}:1\'\r\n   GET   {HUSH}:1   \n'.encode())
        assert [alice.reply() for _ in range(3)] == [NO_KEY] * 3
        # Lengths that lie: what is a key is what is between them.
        alice.send(b"*2\r\n$3\r\nGET\r\n$6\r\n" + H.encode() + b"\r\n" + encode("PING"))
        assert alice.reply() == NO_KEY
        assert alice.reply() == "PONG"
        alice.send(b"*3\r\n$3\r\nGET\r\n$5\r\napp:1\r\n$6\r\n" + H.encode() + b"\r\n")
        assert alice.reply().startswith("ERR wrong number of arguments")


def test_who_wants_no_replies(proxy):
    with log_in(proxy, "alice") as alice:
        alice.send(encode("CLIENT", "REPLY", "OFF") + encode("SET", H, "v") + encode("AUTH", "boss", "wrong")
                   + encode("DEL", H) + encode("CLIENT", "REPLY", "ON") + encode("ACL", "WHOAMI")
                   + encode("CLIENT", "REPLY", "SKIP") + encode("SET", H, "v") + encode("GET", H))
        assert [alice.reply() for _ in range(3)] == ["OK", b"alice", NO_KEY]


def test_patterns_of_sort(proxy):
    alice = log_in(proxy, "alice")
    for words in (["BY", f"{HUSH}:*"], ["GET", f"{HUSH}:*"], ["BY", "nosort", "GET", "#", "GET",
                  f"{HUSH}:*->f"], ["LIMIT", "0", "1", "GET", f"{HUSH}:*", "STORE", "app:2"]):
        for name in ("SORT", "SORT_RO"):
            assert not isinstance(alice.call(name, "app:list", *words), (list, int)), words


# --- scripts

def test_scripts(proxy):
    alice, admin = log_in(proxy, "alice"), admin_of(proxy)
    tries = [f"return redis.call('GET', '{HUSH}:1')", f"return redis.pcall('GET', '{HUSH}:1')",
             f"return redis.call('MGET', KEYS[1], '{HUSH}:1')", "return redis.call('GET', ARGV[1])",
             f"redis.setresp(3) return redis.call('GET', '{HUSH}:1')",
             f"return loadstring('return redis.call(\"GET\", \"{HUSH}:1\")')()"]
    tag = next(f"app:{{{n}}}" for n in range(100000)
               if proxy_slot(admin, f"app:{{{n}}}") == proxy_slot(admin, H))
    for protocol in (2, 3):
        alice.call("HELLO", protocol)
        for text in tries:
            reply = alice.call("EVAL", text, 1, tag, H)
            assert isinstance(reply, str) and "secret" not in reply, (text, reply)
        digest = admin.call("SCRIPT", "LOAD", tries[3])
        assert isinstance(alice.call("EVALSHA", digest, 1, tag, H), str)
    # None of them in a transaction, which runs as somebody else.
    alice.call("MULTI")
    assert alice.call("EVAL", tries[0], 1, tag).startswith("NOPERM")
    assert alice.call("EXEC").startswith("EXECABORT")
    # And it is written down.
    assert any(entry_of(entry)[b"context"] == b"lua" and entry_of(entry)[b"username"] == b"alice"
               for entry in admin.call("ACL", "LOG"))


def proxy_slot(client, key):
    return client.call("CLUSTER", "KEYSLOT", key)


def entry_of(entry):
    return dict(entry) if isinstance(entry[0], tuple) else dict(zip(entry[::2], entry[1::2]))


# --- transactions

def test_transactions(proxy):
    alice, boss = log_in(proxy, "alice"), log_in(proxy, "boss")
    assert alice.call("MULTI") == "OK"
    for line in BY_POSITION:
        reply = alice.call(*line.split())
        assert reply != "QUEUED", line
    assert alice.call("EXEC").startswith("EXECABORT")
    # To become somebody else in between does not help, whoever one was.
    assert alice.call("MULTI") == "OK"
    assert alice.call("AUTH", "boss", "wrong") == "QUEUED"
    assert alice.call("GET", H) == NO_KEY
    assert alice.call("EXEC").startswith("EXECABORT")
    assert alice.call("DISCARD") == "ERR DISCARD without MULTI"
    assert alice.call("ACL", "WHOAMI") == b"alice"
    # Nor is anything left over for whom one becomes.
    assert boss.call("MULTI") == "OK"
    assert boss.call("SET", "by:boss", "v") == "QUEUED"
    assert boss.call("RESET") == "RESET"
    assert boss.call("AUTH", "alice", "p") == "OK"
    assert boss.call("EXEC") == "ERR EXEC without MULTI"


def test_an_auth_within_a_transaction_is_no_way_in(proxy):
    alice = log_in(proxy, "alice")
    assert alice.call("MULTI") == "OK"
    assert alice.call("AUTH", "boss", "p") == "QUEUED"
    assert alice.call("GET", H) == NO_KEY  # it is not boss yet
    assert alice.call("EXEC").startswith("EXECABORT")
    assert alice.call("ACL", "WHOAMI") == b"alice"
    assert alice.call("MULTI") == "OK"
    assert alice.call("SET", "app:1", "v") == "QUEUED"
    assert alice.call("AUTH", "boss", "wrong") == "QUEUED"
    assert alice.call("EXEC")[1].startswith("WRONGPASS")
    assert alice.call("ACL", "WHOAMI") == b"alice"
    assert alice.call("GET", H) == NO_KEY
    # Who steps down has stepped down.
    with log_in(proxy, "boss") as boss:
        assert boss.call("MULTI") == "OK"
        for line in ("SET {app:}1 v", "AUTH alice p", f"SET {{app:}}{HUSH} v", "SET app:{app:} v",
                     f"PUBLISH {HUSH} m", f"EVAL return'x' 1 {{app:}}{HUSH}",
                     "EVAL return'x' 1 app:{app:}", "ACL WHOAMI"):
            assert boss.call(*line.split(" ")) == "QUEUED", line
        replies = boss.call("EXEC")
        assert [replies[n] for n in (0, 1, 3, 7)] == ["OK", "OK", "OK", b"alice"]
        assert all(is_refused(replies[n]) for n in (2, 4, 5, 6)), replies
        assert boss.call("GET", H) == NO_KEY


# --- commands

DANGEROUS = ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "KEYS *", "SHUTDOWN", "SHUTDOWN NOSAVE",
             "DEBUG SLEEP 1", "CONFIG SET maxmemory 1", "CONFIG GET *", "SWAPDB 0 1", "MONITOR",
             "ACL SETUSER writer +@all", "ACL LIST", "ACL GETUSER boss", "CLIENT KILL TYPE normal",
             "CLIENT LIST", "CLIENT PAUSE 1000", "REPLICAOF NO ONE", "CLUSTER RESET", "CLUSTER FAILOVER",
             "FUNCTION FLUSH", "SAVE", "BGSAVE", "MODULE LOAD x", "SLOWLOG GET", "LATENCY RESET",
             "FAILOVER", "MIGRATE 127.0.0.1 1 k 0 1", "PSYNC ? -1", "REPLCONF ACK 1"]


def test_who_may_write_may_not_flush(proxy):
    writer, admin = log_in(proxy, "writer"), admin_of(proxy)
    for line in DANGEROUS:
        reply = writer.call(*line.split())
        assert isinstance(reply, str) and reply.startswith(("NOPERM", "ERR unknown", "ERR Slotway")), (
            line, reply)
    assert writer.call("FLUSHALL") == (
        "NOPERM this user has no permissions to run the 'flushall' command: it is one of "
        "limits.dangerous_commands, which rules have to name")
    # Nor by a script, a transaction, or an inline command.
    for text in ("return redis.call('FLUSHALL')", "return redis.call('KEYS', '*')",
                 "return redis.pcall('CONFIG', 'GET', '*')"):
        reply = writer.call("EVAL", text, 1, "k")
        assert isinstance(reply, str) and reply != "OK", (text, reply)
    assert writer.call("MULTI") == "OK"
    assert writer.call("FLUSHALL").startswith("NOPERM")
    assert writer.call("EXEC").startswith("EXECABORT")
    writer.send(b"flushall\r\n")
    assert writer.reply().startswith("NOPERM")
    # Who is named may, and so may who has everything.
    assert admin.call("ACL", "SETUSER", "writer", "+keys") == "OK"
    assert isinstance(writer.call("KEYS", "by:*"), list)
    assert writer.call("FLUSHALL").startswith("NOPERM")
    assert admin.call("ACL", "SETUSER", "writer", "-keys", "+@read") == "OK"
    assert writer.call("KEYS", "by:*").startswith("NOPERM")
    assert b"+@read" in dict_of(admin.call("ACL", "GETUSER", "writer"))[b"commands"]
    assert isinstance(admin.call("KEYS", "by:*"), list)
    assert isinstance(admin.call("CONFIG", "GET", "maxmemory"), list)
    assert isinstance(log_in(proxy, "boss").call("KEYS", "by:*"), list)


def dict_of(pairs):
    return dict(zip(pairs[::2], pairs[1::2]))


def test_denied_to_everybody(cluster):
    proxy = ProxyProcess(cluster.seeds(), password=None, settings={
        "limits": {"denied_commands": ["debug", "config|set", "@scripting"]}})
    try:
        with Told(proxy.port) as client:
            assert client.call("DEBUG", "JMAP") == (
                "NOPERM this user has no permissions to run the 'debug' command: it is one of "
                "limits.denied_commands")
            assert client.call("CONFIG", "SET", "maxmemory", "0").startswith("NOPERM")
            assert client.call("EVAL", "return 2", 0).startswith("NOPERM")
            assert client.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"0"]
            assert isinstance(client.call("KEYS", "by:*"), list)
            proxy.write_config({"limits": {"denied_commands": ["nosuch"]}})
            proxy.reload("reload refused: limits.denied_commands: no command or category 'nosuch'")
            proxy.write_config({"limits": {"denied_commands": []}})
            proxy.reload("reload: changed: limits")
            assert client.call("EVAL", "return 1", 0) == 1
    finally:
        proxy.stop()


def test_commands_of_modules_and_unknown_ones(proxy):
    alice, writer = log_in(proxy, "alice"), log_in(proxy, "writer")
    for name in ("JSON.GET", "FT.SEARCH", "BF.ADD", "nosuch", "get\0", "GET ", "g" * 1000, "acl|setuser",
                 "config|set", "client|kill"):
        for client in (alice, writer):
            assert client.call(name, H).startswith("ERR unknown command"), name


@pytest.mark.parametrize("protocol", [2, 3])
def test_channels(proxy, protocol):
    alice, admin = log_in(proxy, "alice", protocol=protocol), admin_of(proxy)
    for line in (f"SUBSCRIBE {HUSH}", "PSUBSCRIBE *", "PSUBSCRIBE app*", f"PSUBSCRIBE app:* {HUSH}*",
                 "PSUBSCRIBE [a]pp:*", f"SSUBSCRIBE {HUSH}", f"PUBLISH {HUSH} m", f"SPUBLISH {HUSH} m"):
        assert alice.call(*line.split()) == (
            "NOPERM this user has no permissions to access one of the channels used as arguments"), line
    assert alice.call("PSUBSCRIBE", "app:*")[0] == b"psubscribe"
    with admin_of(proxy) as publisher:
        publisher.call("PUBLISH", "other", "m")
        publisher.call("PUBLISH", "app:x", "seen")
    assert alice.reply()[-1] == b"seen"
    assert admin.call("PUBSUB", "NUMPAT") == 1
    # Who listens gets no further than who does not.
    assert is_refused(alice.call("GET", H)) or protocol == 2
    assert alice.call("PSUBSCRIBE", f"{HUSH}*").startswith("NOPERM")
    assert alice.call("RESET") == "RESET"
    assert admin.call("PUBSUB", "NUMPAT") == 0


def test_forged_cursors(proxy):
    """Any number is an answer or an error, and never somebody else's position."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    alice = log_in(proxy, "alice")
    cursors = [0, 1, 2**63, 2**64 - 1, 2**64, -1, "x", "", "1" * 40] + [
        chance.getrandbits(64) for _ in range(300)]
    for cursor in cursors:
        reply = alice.call("SCAN", cursor, "MATCH", "app:*", "COUNT", 10)
        assert isinstance(reply, list) or reply.startswith("ERR"), (cursor, reply)
        if isinstance(reply, list):
            assert all(key.startswith(b"app:") for key in reply[1])
    with log_in(proxy, "writer") as writer:
        assert isinstance(writer.call("SCAN", 2**64 - 1), (list, str))


# --- before and around the login

def test_huge_things_before_a_login(proxy):
    before = proxy.resident_kb()
    for begin in (b"*1000000\r\n", b"*2\r\n$4\r\nAUTH\r\n$1000000000\r\n", b"*-1000000000000\r\n",
                  b"*2\r\n$4\r\nAUTH\r\n$16384\r\n" + b"x" * 16000, b"*" + b"1" * 70_000, b"a" * 70_000,
                  b"*10\r\n" + b"$16384\r\n" + b"y" * 16000, encode("GET", "x" * 20000)):
        clients = [RawClient(proxy.port) for _ in range(50)]
        for client in clients:
            try:
                client.send(begin)
            except OSError:
                pass
        for client in clients:
            client.close()
    with Told(proxy.port) as client:
        assert client.call("GET", H) == "NOAUTH Authentication required."
        assert client.call("HELLO", "3") .startswith("NOAUTH")
        assert client.call("MULTI") == "NOAUTH Authentication required."
        assert client.call("AUTH", "alice", "x" * 10000).startswith("WRONGPASS")
        client.send(encode("GET", H) * 1000)
        assert [client.reply() for _ in range(1000)] == ["NOAUTH Authentication required."] * 1000
    if MEMORY_IS_MEASURED:
        assert proxy.resident_kb() - before < 64 * 1024


def test_who_does_not_read(proxy):
    """They are held back, and in the end cut; nobody waits for them."""
    with admin_of(proxy) as admin:
        admin.call("SET", "by:large", "x" * 1_000_000)
    before = proxy.resident_kb()
    clients = [log_in(proxy, "writer") for _ in range(20)]
    for client in clients:
        client.set_option(socket.SO_RCVBUF, 4096)
        client.send(encode("GET", "by:large") * 500)
    time.sleep(1)  # poll: nothing tells that the sockets' buffers are full
    if MEMORY_IS_MEASURED:
        assert proxy.resident_kb() - before < 300 * 1024
    for client in clients:
        client.close()


def test_half_open_tls(cluster, tmp_path):
    files = Authority(str(tmp_path))
    server = files.issue("server")
    (port,) = free_ports(1)
    proxy = ProxyProcess(cluster.seeds(), settings={"auth": {"users": USERS}})
    try:
        proxy.write_config({"listeners": proxy.config["listeners"] + [
            {"address": "127.0.0.1", "port": port, "tls": {
                "enabled": True, **server.setting(), "handshake_timeout_ms": 2000}}]})
        proxy.reload("reload: changed: listeners")
        bystander = Bystander(proxy)
        bystander.start()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = files.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        began = time.monotonic()
        sockets = []
        for number in range(1000):
            sockets.append(socket.create_connection(("127.0.0.1", port)))
            sockets[-1].sendall((b"", hello[:100], hello, b"GET / HTTP/1.1\r\n\r\n")[number % 4])
        with files.context().wrap_socket(socket.create_connection(("127.0.0.1", port), 10),
                                         server_hostname="localhost") as client:
            client.sendall(encode("GET", H))
            assert client.recv(100) == b"-NOAUTH Authentication required.\r\n"
            client.sendall(encode("AUTH", "alice", "p") + encode("GET", H))
            assert client.recv(100) == b"+OK\r\n-" + NO_KEY.encode() + b"\r\n"
        wait_until(lambda: count(proxy, "slotway_tls_handshake_failures_total") == 1000, 15,
                   "all have been turned away")
        bystander.stop()
        lines = [line for line in proxy.process.log().splitlines() if "turned away" in line]
        seconds = time.monotonic() - began
        assert 0 < len(lines) <= 2 * (seconds + 2), lines  # one a second of each worker
        assert "127.0.0.1:" in lines[0]
        for sock in sockets:
            sock.close()
    finally:
        proxy.stop()


# --- crowds

def crowd_of(port, count_each, processes=2, said=b""):
    """Processes that connect from 64 addresses each; they end with their standard input."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile_crowd.py")
    return [subprocess.Popen(
        [sys.executable, "-B", script, str(port), str(count_each), str(1 + 64 * number), "64", said.hex()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for number in range(processes)]


def end_crowd(crowd):
    still_open = 0
    for process in crowd:
        rest, _ = process.communicate(timeout=60 * SLOWNESS)
        still_open += int(rest.split()[-1])
    return still_open


@pytest.mark.parametrize("said", [b"", encode("GET", H)], ids=["silent", "asking"])
def test_twenty_thousand_connections(cluster, said):
    """From 128 addresses, and none of them says who it is: who does is let in, at once."""
    proxy = ProxyProcess(cluster.seeds(), settings={
        "auth": {"users": USERS},
        "limits": {"clients_max": 12000, "unauthenticated_max": 6000, "private_connections_max": 100,
                   "authenticate_timeout_ms": "10s"}})
    bystander = Bystander(proxy)
    bystander.start()
    crowd = crowd_of(proxy.port, 10_000, said=said)
    try:
        came_in = 0
        while any(process.poll() is None and not has_said(process) for process in crowd):
            with log_in(proxy, "boss") as boss:
                assert boss.call("PING") == "PONG"
                came_in += 1
            time.sleep(0.02)  # poll: the crowd grows
        assert came_in > 3
        wait_until(lambda: count(proxy, "slotway_clients_accepted_total") > 20_000, 20, "all were accepted")
        assert count(proxy, "slotway_unauthenticated_clients") <= 6000
        assert count(proxy, "slotway_clients_rejected_total") == 0
        with log_in(proxy, "boss") as boss:
            assert boss.call("SET", "by:boss", "v") == "OK"
        bystander.stop()
        assert end_crowd(crowd) <= 6000
        assert proxy.process.log().count("\n") < 200
    finally:
        for process in crowd:
            process.kill()
        proxy.stop()


def has_said(process):
    """Whether its first line has come: it has all its connections."""
    return bool(select.select([process.stdout], [], [], 0)[0])


def test_one_address_does_not_take_all_room(cluster):
    proxy = ProxyProcess(cluster.seeds(), settings={
        "auth": {"users": USERS}, "limits": {"clients_per_address_max": 500}})
    crowd, own = [], []
    try:
        crowd = crowd_of(proxy.port, 2000, said=encode("GET", H))
        wait_until(lambda: all(has_said(process) for process in crowd), 20, "they have come")
        assert count(proxy, "slotway_clients_rejected_total") == 0  # 32 of each address
        with pytest.raises((ConnectionClosed, ConnectionError)):
            for _ in range(600):
                own.append(Told(proxy.port))
                if own[-1].call("GET", H) != "NOAUTH Authentication required.":
                    raise ConnectionRefusedError
        assert 400 < len(own) <= 501
    finally:
        for client in own:
            client.close()
        for process in crowd:
            process.kill()
        proxy.stop()


def test_more_connections_than_the_system_lets_it_have(cluster):
    """Those who are in are served; when some have gone, others come in."""
    proxy = ProxyProcess(cluster.seeds(), settings={"auth": {"users": USERS}},
                         prefix=("prlimit", "--nofile=300:300"))
    crowd = []
    try:
        known = log_in(proxy, "boss")
        crowd = crowd_of(proxy.port, 300, said=encode("GET", H))
        wait_until(lambda: all(has_said(process) for process in crowd), 30, "they have come")
        for number in range(50):
            assert known.call("SET", f"by:{number}", "v") == "OK"
        end_crowd(crowd)

        def is_let_in():
            try:
                with log_in(proxy, "boss") as client:
                    return client.call("PING") == "PONG"
            except (OSError, ConnectionClosed):
                return False
        wait_until(is_let_in, 20, "there is room again")
    finally:
        for process in crowd:
            process.kill()
        proxy.stop()

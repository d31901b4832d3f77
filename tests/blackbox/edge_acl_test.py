# SPDX-License-Identifier: Apache-2.0
"""Users at the proxy: what differs from one server (shard_acl_test.py has what does not), the ways
around their rules, and that a refused command never gets to a shard."""
import json
import os
import signal
import stat
import subprocess
import threading

import pytest

from deadline import wait_until
from proxy_process import ProxyProcess
from raw_client import RawClient
from real_cluster import RealCluster, RealRedis
from server_program import PASSWORD, program

NO_KEY = "NOPERM this user has no permissions to access one of the keys used as arguments"
NO_CHANNEL = "NOPERM this user has no permissions to access one of the channels used as arguments"
NO_QUEUED_SCRIPTS = ("NOPERM this user has no permissions to run scripts in a transaction: its rules "
                     "cannot be held inside of them")
USERS = ["alice on >p +@all ~app:* &app:*", "reader on >p +@read ~*", "boss on >p +@all ~* &*"]


@pytest.fixture(scope="module")
def cluster():
    cluster = RealCluster(masters=3)
    yield cluster
    cluster.stop()


@pytest.fixture
def proxies(cluster):
    made = []

    def make(**settings):
        made.append(ProxyProcess(cluster.seeds(), settings=settings))
        return made[-1]
    yield make
    for proxy in made:
        proxy.stop()
    for node in cluster.nodes:  # where the proxies have kept what was changed of the users
        node.call("FUNCTION", "FLUSH")


@pytest.fixture
def proxy(proxies):
    return proxies(auth={"users": USERS})


def log_in(proxy, user, **options):
    client = proxy.client(**options)
    assert client.call("AUTH", user, "p") == "OK"
    return client


def test_users_of_the_settings_and_their_reload(proxies):
    proxy = proxies(auth={"users": USERS})
    admin, alice, reader = proxy.client(), log_in(proxy, "alice"), log_in(proxy, "reader")
    assert admin.call("ACL", "USERS") == [b"alice", b"boss", b"default", b"reader"]
    assert admin.call("ACL", "SETUSER", "made", "on", "nopass", "+get") == "OK"
    assert alice.call("SET", "app:1", "v") == "OK"
    proxy.write_config({"auth": {"users": ["alice on >q +@read ~app:*"]}})
    proxy.process.signal(signal.SIGHUP)
    wait_until(lambda: admin.call("ACL", "USERS") == [b"alice", b"default", b"made"], 10,
               "the users are the new ones")
    assert reader.is_closed()
    assert alice.call("SET", "app:1", "w").startswith("NOPERM this user has no permissions to run")
    assert alice.call("GET", "app:1") == b"v"
    assert proxy.client().call("AUTH", "alice", "p").startswith("WRONGPASS")
    assert proxy.client().call("AUTH", "alice", "q") == "OK"


@pytest.mark.parametrize("auth, reason", [
    ({"users": ["alice on +nosuch"]}, "Unknown command or category name in ACL"),
    ({"acl_file": "/nosuch.acl"}, "No such file or directory"),
    ({"users": ["a on"], "acl_file": "x"}, "users and acl_file cannot both be set")])
def test_a_start_with_wrong_users_fails(cluster, tmp_path, auth, reason):
    file = tmp_path / "proxy.yaml"
    file.write_text(json.dumps({"backend": {"seeds": cluster.seeds()}, "auth": auth,
                                "listeners": [{"address": "127.0.0.1", "port": 0}],
                                "admin": {"port": 0}}))
    done = subprocess.run([program("slotway"), "--config", str(file)],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode != 0
    assert reason in done.stdout + done.stderr


def test_the_acl_file(proxies, tmp_path):
    path = tmp_path / "users.acl"
    path.write_text(f"user alice on nopass ~a* +@all\n\nuser default on >{PASSWORD} ~* &* +@all\n")
    proxy = proxies(auth={"acl_file": str(path)})
    admin, alice = proxy.client(), proxy.client()
    assert alice.call("AUTH", "alice", "any") == "OK"
    assert alice.call("SET", "b", "v") == NO_KEY
    assert admin.call("ACL", "SETUSER", "carol", "on", "nopass", "+@read", "~c*") == "OK"
    assert admin.call("ACL", "SAVE") == "OK"
    assert "user carol on nopass ~c* resetchannels -@all +@read" in path.read_text().splitlines()
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o022 == 0
    path.write_text("user alice on wrong\n")
    assert admin.call("ACL", "LOAD").startswith(f"ERR {path}:1: ")
    assert not alice.is_closed()
    path.write_text("user bob on nopass ~b* +@all\n")
    assert admin.call("ACL", "LOAD") == "OK"
    assert admin.call("ACL", "USERS") == [b"bob", b"default"]
    assert alice.is_closed()


def test_a_change_holds_for_all_workers_when_it_is_answered(proxy):
    admin = proxy.client()
    clients = [log_in(proxy, "alice") for _ in range(8)]
    for number in range(50):
        rule = "+get" if number % 2 else "-get"
        assert admin.call("ACL", "SETUSER", "alice", rule) == "OK"
        for client in clients:
            reply = client.call("GET", "app:k")
            assert (reply is None) == bool(number % 2), (number, reply)


def test_changes_at_once_are_all_made(proxy):
    def change(prefix):
        client = proxy.client()
        for number in range(50):
            assert client.call("ACL", "SETUSER", f"{prefix}{number}", "on", "+get") == "OK"
            if number % 2:
                assert client.call("ACL", "DELUSER", f"{prefix}{number}") == 1
    threads = [threading.Thread(target=change, args=(prefix,)) for prefix in "uvwx"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = set(proxy.client().call("ACL", "USERS"))
    assert names == {b"default", b"alice", b"boss", b"reader"} | {
        f"{prefix}{number}".encode() for prefix in "uvwx" for number in range(0, 50, 2)}


def test_a_refused_command_never_gets_to_a_shard(cluster, proxy):
    monitors = [node.client() for node in cluster.nodes]
    for monitor in monitors:
        assert monitor.call("MONITOR") == "OK"
    alice, reader = log_in(proxy, "alice"), log_in(proxy, "reader")
    for words in (["SET", "secret:1", "v"], ["MSET", "app:1", "v", "secret:2", "v"],
                  ["RENAME", "app:1", "secret:3"], ["EVAL", "return 1", "1", "secret:4"],
                  ["SORT", "app:l", "BY", "secret:5*"], ["PUBLISH", "secret:6", "m"],
                  ["ZUNIONSTORE", "app:z", "1", "secret:7"], ["XREADGROUP", "GROUP", "g", "c",
                                                            "STREAMS", "secret:8", ">"]):
        assert alice.call(*words).startswith(("NOPERM", "ERR BY option")), words
    assert reader.call("SET", "secret:9", "v").startswith("NOPERM")
    for node in cluster.nodes:
        node.call("PUBLISH", "end", "of it")
    for monitor in monitors:
        lines = []
        while not lines or b"end" not in lines[-1].encode():
            lines.append(str(monitor.reply()))
        assert not any("secret" in line for line in lines), lines


def test_ways_around(proxy):
    admin, alice = proxy.client(), log_in(proxy, "alice")
    admin.call("SET", "secret", "s")
    # By the position of a key.
    for words in (["MGET", "app:1", "secret"], ["BITOP", "NOT", "app:1", "secret"],
                  ["COPY", "secret", "app:1"], ["SMOVE", "secret", "app:1", "m"],
                  ["LMPOP", "2", "app:1", "secret", "LEFT"], ["GEOSEARCHSTORE", "app:1", "secret",
                   "FROMLONLAT", "0", "0", "BYRADIUS", "1", "m"], ["OBJECT", "ENCODING", "secret"],
                  ["MEMORY", "USAGE", "secret"], ["DUMP", "secret"]):
        assert alice.call(*words) == NO_KEY, words
    # By the keys of a script, and both protocols.
    alice.call("HELLO", "3")
    assert alice.call("EVAL", "return 1", "1", "secret") == NO_KEY
    assert alice.call("FCALL", "f", "1", "secret") == NO_KEY
    assert alice.call("GET", "secret") == NO_KEY
    # By a transaction.
    assert alice.call("MULTI") == "OK"
    assert alice.call("SET", "app:1", "v") == "QUEUED"
    assert alice.call("GET", "secret") == NO_KEY
    assert alice.call("EXEC").startswith("EXECABORT")
    assert alice.call("MULTI") == "OK"
    assert alice.call("EVAL", "return 1", "0") == NO_QUEUED_SCRIPTS
    assert alice.call("EXEC").startswith("EXECABORT")
    assert alice.call("WATCH", "secret") == NO_KEY
    # What is queued when the rules change does not run.
    assert alice.call("MULTI") == "OK"
    assert alice.call("SET", "app:1", "v") == "QUEUED"
    assert admin.call("ACL", "SETUSER", "alice", "-set") == "OK"
    assert alice.call("EXEC")[0].startswith("NOPERM ACLs rules changed")
    assert admin.call("ACL", "SETUSER", "alice", "+set") == "OK"
    # But what changes of others does not concern it.
    assert alice.call("MULTI") == "OK"
    assert alice.call("SET", "app:1", "v") == "QUEUED"
    assert admin.call("ACL", "SETUSER", "reader", "+ping") == "OK"
    assert alice.call("EXEC") == ["OK"]
    # As an inline command, and with a cursor of one's own.
    alice.send(b"get secret\r\n")
    assert alice.reply() == NO_KEY
    assert alice.call("SCAN", "18446744073709551615") is not None
    # By listening to what one may not.
    assert alice.call("PSUBSCRIBE", "app*") == NO_CHANNEL
    assert alice.call("SSUBSCRIBE", "secret") == NO_CHANNEL
    # By RESET, and by failing to become another.
    assert alice.call("AUTH", "boss", "wrong").startswith("WRONGPASS")
    assert alice.call("GET", "secret") == NO_KEY
    assert alice.call("RESET") == "RESET"
    assert alice.call("GET", "secret") == "NOAUTH Authentication required."


# Who begins, what is queued, and what an administrator does before EXEC.
TRANSACTIONS = [
    ("boss", ["SET {t}foo v", "AUTH alice p", "GET {t}foo", "GET app:{t}1", "ACL WHOAMI", "AUTH alice wrong",
              "SET {t}foo w", "PUBLISH other m", "AUTH boss p", "GET {t}foo", "ACL WHOAMI"], None),
    ("alice", ["SET app:{t}1 v", "AUTH boss p", "SET app:{t}2 v", "ACL WHOAMI"], None),
    ("alice", ["AUTH boss p", "SET {t}foo v"], None),
    ("boss", ["SET {t}foo v", "HELLO 3 AUTH shy p", "SET {t}foo v", "SET app:{t}1 v", "GET app:{t}1",
              "HELLO 2"], None),
    ("boss", ["HELLO 2 AUTH alice wrong", "HELLO 4 AUTH alice p", "AUTH alice", "AUTH nobody p", "ACL WHOAMI",
              "GET {t}foo"], None),
    ("boss", ["AUTH alice p", "MGET app:{t}1 {t}foo", "SET app:{t}1 w", "GET app:{t}1"], None),
    ("boss", ["AUTH alice p", "GET {t}foo"], None),
    ("boss", ["AUTH alice", "PING", "AUTH alice p x"], None),
    ("alice", ["SET app:{t}1 v", "GET app:{t}1"], "ACL SETUSER alice -set"),
    ("alice", ["SET app:{t}1 v", "GET app:{t}1", "PING"], "ACL SETUSER alice +set resetkeys ~new:*"),
    ("alice", ["SET new:{t}1 v", "GET new:{t}1"], "ACL SETUSER alice +@all"),
    ("alice", ["GET new:{t}1", "PUBLISH app:x m", "CLIENT GETNAME"],
     "ACL SETUSER alice resetchannels -client|getname"),
    ("boss", ["SET {t}foo v", "PING"], "ACL SETUSER boss -set"),
]


def test_transactions_in_which_rights_change_are_as_in_redis(cluster, proxies):
    proxy = proxies(limits={"dangerous_commands": []})
    oracle = RealRedis(password=PASSWORD)  # as the proxy has
    try:
        with proxy.client() as admin, oracle.client() as administrator:
            for line in USERS + ["shy on >p +@all -@write ~app:* resetchannels"]:
                for one in (admin, administrator):
                    assert one.call("ACL", "SETUSER", *line.split()) == "OK"
                    one.call("ACL", "LOG", "RESET")
            for user, lines, meanwhile in TRANSACTIONS:
                told = [run_transaction(one, boss, user, lines, meanwhile)
                        for one, boss in ((proxy, admin), (oracle, administrator))]
                assert told[0] == told[1], (user, lines)
            told = [[summary(entry) for entry in boss.call("ACL", "LOG", 100)] for boss in (admin, administrator)]
            assert sorted(told[0]) == sorted(told[1])
            # When watched keys were touched, nobody becomes anybody.
            for one in (proxy, oracle):
                with one.client() as client, one.client() as other:
                    assert client.call("WATCH", "{t}w") == "OK"
                    assert client.call("MULTI") == "OK"
                    assert client.call("AUTH", "alice", "p") == "QUEUED"
                    assert client.call("GET", "{t}w") == "QUEUED"
                    assert other.call("SET", "{t}w", "v") == "OK"
                    assert client.call("EXEC") is None
                    assert client.call("ACL", "WHOAMI") == b"default"
                    # Nothing of it may run on the shard, and yet it is asked whether keys were touched.
                    for is_touched in (True, False):
                        assert client.call("WATCH", "{t}w") == "OK"
                        assert client.call("MULTI") == "OK"
                        assert client.call("AUTH", "alice", "p") == "QUEUED"
                        assert client.call("GET", "{t}w") == "QUEUED"
                        if is_touched:
                            assert other.call("SET", "{t}w", "w") == "OK"
                        told = client.call("EXEC")
                        assert told is None if is_touched else told[1].startswith("NOPERM"), told
    finally:
        oracle.stop()


def run_transaction(server, admin, user, lines, meanwhile):
    with server.client() as client:
        assert client.call("AUTH", user, "p") == "OK"
        replies = [client.call("MULTI")] + [client.call(*line.split()) for line in lines]
        if meanwhile:
            assert admin.call(*meanwhile.split()) == "OK"
        outcome = client.call("EXEC")
        if isinstance(outcome, list):
            outcome = ["hello" if b"proto" in str(reply).encode() else reply for reply in outcome]
        return replies, outcome, client.call("ACL", "WHOAMI")


def summary(entry):
    fields = dict(zip(entry[::2], entry[1::2]))
    return tuple(fields[name.encode()] for name in ("reason", "context", "object", "username", "count"))


def test_who_waits_may_lose_the_right_to(proxy):
    admin, alice = proxy.client(), log_in(proxy, "alice")
    alice.send(b"*3\r\n$5\r\nBLPOP\r\n$5\r\napp:l\r\n$1\r\n0\r\n")
    wait_until(lambda: b"cmd=blpop" in admin.call("CLIENT", "LIST"), 5, "it waits")
    wait_until(lambda: b"blocked_clients:1" in admin.call("INFO", "clients"), 5, "it waits")
    assert admin.call("ACL", "SETUSER", "alice", "resetkeys") == "OK"
    assert alice.reply() == NO_KEY
    assert admin.call("RPUSH", "app:l", "v") == 1
    assert admin.call("LPOP", "app:l") == b"v"


def test_the_default_user_may_be_off(proxies):
    proxy = proxies(auth={"users": ["default off", "boss on >p +@all ~* &*"]})
    with RawClient(proxy.port) as client:
        assert client.call("GET", "k") == "NOAUTH Authentication required."
        assert client.call("AUTH", PASSWORD).startswith("WRONGPASS")
        assert client.call("AUTH", "boss", "p") == "OK"
        assert client.call("GET", "k") is None
        with RawClient(proxy.port) as waiting:
            assert waiting.call("PING") == "NOAUTH Authentication required."
            assert client.call("ACL", "SETUSER", "default", "on", "nopass", "+ping") == "OK"
            assert waiting.call("PING") == "PONG"
            assert waiting.call("GET", "k").startswith("NOPERM")


def test_what_is_written_down(proxies, tmp_path):
    path = tmp_path / "audit.json"
    proxy = proxies(auth={"users": USERS}, audit={"file": str(path)})
    admin, alice = proxy.client(), log_in(proxy, "alice")
    assert alice.call("AUTH", "alice", "wrongpw").startswith("WRONGPASS")
    assert alice.call("GET", "secret") == NO_KEY
    assert alice.call("GET", "app:nothing") is None
    assert alice.call("EVAL", "return 1", "1", "secret") == NO_KEY
    assert admin.call("ACL", "SETUSER", "carol", "on", ">topsecret", "+get", "~키*") == "OK"
    admin.call("CONFIG", "SET", "maxmemory-policy", "noeviction", "slowlog-max-len", "777")
    admin.call("CLIENT", "KILL", "USER", "carol")
    proxy.write_config({"idle_timeout_ms": 100000})
    proxy.reload("reload: changed: idle_timeout_ms")
    proxy.write_config({"auth": {"users": ["alice on +nosuch"]}})
    proxy.reload("reload refused")
    text = path.read_text(encoding="utf-8")
    assert "topsecret" not in text and "wrongpw" not in text and "777" not in text
    events = [json.loads(line) for line in text.splitlines()]
    assert all(event["time"] for event in events)
    seen = [{name: value for name, value in event.items()
             if name not in ("time", "client", "client_id", "error")} for event in events]
    assert seen == [
        {"event": "login", "user": "default"},
        {"event": "login", "user": "default"},
        {"event": "login", "user": "alice"},
        {"event": "login_refused", "user": "alice"},
        {"event": "denied", "user": "alice", "reason": "key", "object": "secret"},
        {"event": "denied", "user": "alice", "reason": "key", "object": "secret"},
        {"event": "command", "user": "default", "command": "acl|setuser",
         "words": "SETUSER carol on >*** +get ~키*"},
        {"event": "command", "user": "default", "command": "config|set",
         "words": "SET maxmemory-policy *** slowlog-max-len ***"},
        {"event": "command", "user": "default", "command": "client|kill", "words": "KILL USER carol"},
        {"event": "reload", "settings": "idle_timeout_ms"},
        {"event": "reload_failed"}], seen
    assert "nosuch" in events[-1]["error"]
    assert events[2]["client"] == f"127.0.0.1:{alice.local_port()}"

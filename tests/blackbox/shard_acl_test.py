# SPDX-License-Identifier: Apache-2.0
"""Users and their rules, at slotway-shard, at slotway before a cluster, and at a redis-server, which
holds the expectations against itself: logins, refusals, connections that end, the ACL file, and the
settings."""
import hashlib
import os
import stat
import subprocess

import pytest

from both_servers import clients  # noqa: F401
from deadline import wait_until
from proxy_process import ProxyProcess
from raw_client import ErrorReply
from real_cluster import RealCluster, RealRedis
from server_program import program
from shard_process import ShardProcess

HASH = hashlib.sha256(b"p").hexdigest()
NO_KEY = "NOPERM this user has no permissions to access one of the keys used as arguments"
NO_CHANNEL = "NOPERM this user has no permissions to access one of the channels used as arguments"
WRONG = "WRONGPASS invalid username-password pair or user is disabled."


@pytest.fixture(scope="module", params=["slotway-shard", "redis-server", "slotway"])
def server(request):
    if request.param == "slotway":
        cluster = RealCluster(masters=3)
        running = ProxyProcess(cluster.seeds(), password=None)
    else:
        cluster = None
        running = RealRedis() if request.param == "redis-server" else ShardProcess(password=None)
    running.name = request.param
    yield running
    running.stop()
    if cluster:
        cluster.stop()


@pytest.fixture
def not_the_proxy(server):
    """For what the proxy does in another way; the file's end says how."""
    if server.name == "slotway":
        pytest.skip("the proxy has no such setting, or does it differently")


def no_command(name):
    return f"NOPERM this user has no permissions to run the '{name}' command"


def log_in(clients, *rules, name="alice", **options):
    admin = clients()
    assert admin.call("ACL", "SETUSER", name, "reset", "on", ">p", *rules) == "OK"
    client = clients(**options)
    assert client.call("AUTH", name, "p") == "OK"
    return admin, client


def entry(admin, index=0):
    fields = admin.call("ACL", "LOG")[index]
    return dict(zip(fields[::2], fields[1::2]))


def test_logins(clients):
    client = clients()
    assert client.call("ACL", "WHOAMI") == b"default"
    assert client.call("AUTH", "p").startswith("ERR AUTH <password> called without any password")
    assert client.call("ACL", "SETUSER", "alice", "reset", "on", ">p", ">q", "+@all") == "OK"
    assert client.call("AUTH", "alice", "x") == WRONG
    assert client.call("AUTH", "nobody", "p") == WRONG
    assert client.call("AUTH", "a", "b", "c") == "ERR syntax error"
    for password in "pq":
        assert client.call("AUTH", "alice", password) == "OK"
        assert client.call("ACL", "WHOAMI") == b"alice"
    assert client.call("HELLO", "3", "AUTH", "alice", "x") == WRONG
    assert dict(client.call("HELLO", "3", "AUTH", "alice", "p"))[b"proto"] == 3
    assert b"user=alice" in client.call("CLIENT", "INFO")
    assert client.call("RESET") == "RESET"
    assert client.call("ACL", "WHOAMI") == b"default"
    client.call("ACL", "SETUSER", "alice", "off")
    assert client.call("AUTH", "alice", "p") == WRONG


def test_a_password_for_everybody(clients, not_the_proxy):
    admin = clients()
    assert admin.call("CONFIG", "SET", "requirepass", "p") == "OK"
    try:
        client = clients()
        assert client.call("GET", "k") == "NOAUTH Authentication required."
        assert client.call("HELLO", "3").startswith("NOAUTH HELLO must be called")
        assert client.call("AUTH", "x") == WRONG
        assert client.call("AUTH", "p") == "OK"
        assert client.call("GET", "k") is None
        lines = admin.call("ACL", "LIST")
        assert f"user default on #{HASH} ~* &* +@all".encode() in lines
    finally:
        assert admin.call("CONFIG", "SET", "requirepass", "") == "OK"
    assert b"user default on nopass ~* &* +@all" in admin.call("ACL", "LIST")


def test_what_users_look_like(clients):
    admin = clients()
    admin.call("ACL", "SETUSER", "u", "reset", "on", ">p", "~a", "%R~b", "&c", "+get", "(+set ~d)")
    want = [b"flags", [b"on", b"sanitize-payload"], b"passwords", [HASH.encode()],
            b"commands", b"-@all +get", b"keys", b"~a %R~b", b"channels", b"&c",
            b"selectors", [[b"commands", b"-@all +set", b"keys", b"~d", b"channels", b""]]]
    assert admin.call("ACL", "GETUSER", "u") == want
    assert (f"user u on sanitize-payload #{HASH} ~a %R~b resetchannels &c -@all +get "
            "(~d resetchannels -@all +set)").encode() in admin.call("ACL", "LIST")
    assert admin.call("ACL", "GETUSER", "nosuch") is None
    assert b"u" in admin.call("ACL", "USERS")
    assert admin.call("ACL", "SETUSER", "a b") == (
        "ERR Usernames can't contain spaces or null characters")
    assert admin.call("ACL", "SETUSER", "u", "+get", "nosuch") == (
        "ERR Error in ACL SETUSER modifier 'nosuch': Syntax error")
    assert admin.call("ACL", "SETUSER", "u", "(+get") == (
        "ERR Unmatched parenthesis in acl selector starting at '(+get'.")
    assert admin.call("HELLO", "3") is not None
    shown = dict(admin.call("ACL", "GETUSER", "u"))
    assert shown[b"selectors"] == [[(b"commands", b"-@all +set"), (b"keys", b"~d"),
                                    (b"channels", b"")]]
    assert admin.raw_call("ACL", "GETUSER", "u").startswith(b"%6\r\n$5\r\nflags\r\n~2\r\n")


def test_small_commands(clients):
    client = clients()
    assert client.call("ACL", "CAT")[:3] == [b"keyspace", b"read", b"write"]
    assert {b"get", b"object|freq"} <= set(client.call("ACL", "CAT", "READ"))
    assert b"config|set" in client.call("ACL", "CAT", "admin")
    assert client.call("ACL", "CAT", "nosuch") == "ERR Unknown category 'nosuch'"
    assert client.call("ACL", "CAT", "a", "b") == (
        "ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.")
    assert len(client.call("ACL", "GENPASS")) == 64
    assert len(client.call("ACL", "GENPASS", "5")) == 2
    assert client.call("ACL", "GENPASS") != client.call("ACL", "GENPASS")
    for bits in ("0", "-1", "4097"):
        assert "positive number up to 4096" in client.call("ACL", "GENPASS", bits)
    assert client.call("ACL", "GENPASS", "x") == "ERR value is not an integer or out of range"
    assert client.call("ACL", "LOG", "x") == "ERR value is not an integer or out of range"
    assert client.call("ACL", "LOG", "-1") == []
    assert client.call("ACL", "LOAD").startswith("ERR This Redis instance is not configured to use")
    assert client.call("ACL", "SAVE").startswith("ERR This Redis instance is not configured to use")
    assert client.call("ACL", "DRYRUN", "nosuch", "get", "k") == "ERR User 'nosuch' not found"
    assert client.call("ACL", "DRYRUN", "default", "nosuch") == "ERR Command 'nosuch' not found"
    assert client.call("ACL", "DRYRUN", "default", "config", "x") == "ERR Command 'config' not found"
    assert client.call("ACL", "DRYRUN", "default", "get") == (
        "ERR wrong number of arguments for 'get' command")
    assert client.call("ACL", "DRYRUN", "default", "get", "k") == "OK"
    assert isinstance(client.call("ACL", "HELP"), list)


def test_refusals_and_their_log(clients):
    admin, client = log_in(clients, "+@all", "-@admin", "~a*", "&c*")
    admin.call("ACL", "LOG", "RESET")
    assert client.call("SET", "a", "1") == "OK"
    assert client.call("SET", "b", "1") == NO_KEY
    assert client.call("MGET", "a", "a1", "b") == NO_KEY
    assert client.call("CONFIG", "GET", "x") == no_command("config|get")
    assert client.call("PUBLISH", "x", "m") == NO_CHANNEL
    assert client.call("SUBSCRIBE", "c1", "x") == NO_CHANNEL
    assert client.call("PSUBSCRIBE", "c1") == NO_CHANNEL
    log = admin.call("ACL", "LOG")
    fields = [dict(zip(e[::2], e[1::2])) for e in log]
    assert [(f[b"reason"], f[b"object"], f[b"count"]) for f in fields] == [
        (b"channel", b"c1", 1), (b"channel", b"x", 2), (b"command", b"config|get", 1),
        (b"key", b"b", 2)]
    assert all(f[b"context"] == b"toplevel" and f[b"username"] == b"alice" for f in fields)
    assert b"user=alice" in fields[0][b"client-info"]
    client.call("MULTI")
    client.call("GET", "b")
    assert client.call("EXEC").startswith("EXECABORT")
    assert entry(admin)[b"context"] == b"multi"
    client.call("AUTH", "alice", "wrong")
    shown = entry(admin)
    assert (shown[b"reason"], shown[b"object"], shown[b"username"]) == (b"auth", b"AUTH", b"alice")
    assert b"wrong" not in shown[b"client-info"]


def test_at_most_so_many_entries(clients, not_the_proxy):
    admin, client = log_in(clients, "+get")
    admin.call("CONFIG", "SET", "acllog-max-len", "3")
    for number in range(10):
        client.call("GET", number)
    assert len(admin.call("ACL", "LOG")) == 3
    admin.call("CONFIG", "SET", "acllog-max-len", "128")


def test_scripts(clients, not_the_proxy):
    admin, client = log_in(clients, "+@all", "-incr", "~a*", "&c*")
    for command, text in (("'incr', 'a'", "can't run this command or subcommand"),
                          ("'get', 'b'", "can't access at least one of the keys mentioned in the "
                                         "command arguments"),
                          ("'publish', 'x', 'm'", "can't publish to the channel mentioned in the "
                                                  "command")):
        reply = client.call("EVAL", f"return redis.call({command})", 0)
        assert reply.startswith("ERR The user executing the script " + text), reply
        assert entry(admin)[b"context"] == b"lua"
    assert client.call("EVAL", "return redis.call('get', 'a')", 0) is None
    check = "return redis.acl_check_cmd(unpack(ARGV)) and 1 or 0"
    assert client.call("EVAL", check, 0, "get", "a") == 1
    assert client.call("EVAL", check, 0, "get", "b") == 0
    assert client.call("EVAL", check, 0, "incr", "a") == 0
    assert "Invalid command passed" in client.call("EVAL", check, 0, "nosuch")
    assert client.call("EVAL", "return redis.call('get', KEYS[1])", 1, "b") == NO_KEY


def test_connections_of_a_removed_user_end(clients):
    admin, client = log_in(clients, "+@all")
    assert admin.call("ACL", "DELUSER", "alice", "nosuch") == 1
    wait_until(client.is_closed, 5, "the connection is closed")
    _, client = log_in(clients, "+@all")
    assert client.call("ACL", "DELUSER", "alice") == 1
    assert client.is_closed()


def test_listeners_that_lose_their_channel_end(clients):
    admin, listener = log_in(clients, "+@all", "&c1", "&p*")
    listener.call("SUBSCRIBE", "c1")
    listener.call("PSUBSCRIBE", "p*")
    admin.call("ACL", "SETUSER", "alice", "&more")
    assert admin.call("PUBLISH", "c1", "m") == 1
    admin.call("ACL", "SETUSER", "alice", "resetchannels", "&p*")
    assert admin.call("PUBLISH", "c1", "m") == 0
    assert b"user=alice" not in admin.call("CLIENT", "LIST")


def test_kill_by_user(clients):
    admin, client = log_in(clients, "+@all")
    assert admin.call("CLIENT", "KILL", "USER", "nosuch") == "ERR No such user 'nosuch'"
    assert admin.call("CLIENT", "KILL", "USER", "alice") == 1
    assert client.is_closed()


def test_secrets_are_not_shown(clients, not_the_proxy):
    admin = clients()
    admin.call("CONFIG", "SET", "slowlog-log-slower-than", "0")
    admin.call("SLOWLOG", "RESET")
    admin.call("ACL", "SETUSER", "alice", ">topsecret", "on")
    admin.call("AUTH", "alice", "topsecret1")
    assert b"topsecret" not in admin.raw_call("SLOWLOG", "GET", "10")
    admin.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")


# ---- slotway-shard alone ----

@pytest.fixture
def folder(tmp_path):
    return tmp_path


def started(folder, *options):
    return ShardProcess(password=None, options=["--dir", str(folder), *options])


def test_the_acl_file(folder):
    path = folder / "users.acl"
    path.write_text(f"user alice on #{HASH} ~a* +@all\nuser bob on nopass +get ~*\n\n")
    shard = started(folder, "--aclfile", "users.acl")
    try:
        admin, alice = shard.client(), shard.client()
        assert alice.call("AUTH", "alice", "p") == "OK"
        assert alice.call("SET", "b", "v") == NO_KEY
        assert admin.call("ACL", "SETUSER", "carol", "on", "nopass", "+@read", "~c*") == "OK"
        assert admin.call("ACL", "SAVE") == "OK"
        assert path.read_text().splitlines() == [
            f"user alice on #{HASH} ~a* resetchannels +@all",
            "user bob on nopass ~* resetchannels -@all +get",
            "user carol on nopass ~c* resetchannels -@all +@read",
            "user default on nopass ~* &* +@all"]
        path.write_text("user alice on wrong +nosuch\n")
        assert admin.call("ACL", "LOAD") == (
            "ERR users.acl:1: Syntax error. users.acl:1: Error in applying operation '+nosuch': "
            "Unknown command or category name in ACL. WARNING: ACL errors detected, no change to "
            "the previously active ACL rules was performed")
        assert len(admin.call("ACL", "USERS")) == 4
        assert not alice.is_closed()
        path.write_text(f"user alice on #{HASH} ~b* +@all\n")
        assert admin.call("ACL", "LOAD") == "OK"
        assert admin.call("ACL", "USERS") == [b"alice", b"default"]
        assert alice.is_closed()
        assert not admin.is_closed()
        path.unlink()
        assert admin.call("ACL", "LOAD") == (
            "ERR Error loading ACLs, opening file 'users.acl': No such file or directory")
        assert admin.call("ACL", "SAVE") == "OK"
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
    finally:
        shard.stop()


def test_users_in_the_settings(folder):
    settings = folder / "shard.yaml"
    settings.write_text("requirepass: p\nuser:\n  - alice on >p ~a* +@all (+get ~b)\n  - bob off\n")
    shard = ShardProcess(password="p", file=settings, options=["--dir", str(folder)])
    try:
        admin = shard.client()
        assert admin.call("ACL", "USERS") == [b"alice", b"bob", b"default"]
        admin.call("ACL", "SETUSER", "carol", "on", "+get")
        assert admin.call("CONFIG", "REWRITE") == "OK"
    finally:
        shard.stop()
    text = settings.read_text()
    assert f'  - "alice on #{HASH} ~a* resetchannels +@all (~b resetchannels -@all +get)"' in text
    assert '  - "carol on resetchannels -@all +get"' in text
    assert "default" not in text
    shard = ShardProcess(password="p", file=settings, options=["--dir", str(folder)])
    try:
        assert shard.call("ACL", "USERS") == [b"alice", b"bob", b"carol", b"default"]
    finally:
        shard.stop()


@pytest.mark.parametrize("options, reason", [
    (["--user", "alice on +nosuch"], "Unknown command or category name in ACL"),
    (["--user", "alice on", "--user", "alice off"], "Duplicate user"),
    (["--aclfile", "nosuch.acl"], "No such file or directory"),
    (["--aclfile", "x", "--user", "a on"], "aclfile and user cannot both be set")])
def test_a_start_with_wrong_users_fails(folder, options, reason):
    done = subprocess.run([program("slotway-shard"), "--port", "1", "--dir", str(folder), *options],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode != 0
    assert reason in done.stdout + done.stderr


def test_a_request_that_waits_is_checked_again(folder):
    shard = started(folder)
    try:
        admin, waiter = shard.client(), shard.client()
        admin.call("ACL", "SETUSER", "alice", "on", "nopass", "+@all", "~*")
        waiter.call("AUTH", "alice", "")
        waiter.send(b"*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\n")
        wait_until(lambda: b"cmd=blpop" in admin.call("CLIENT", "LIST"), 5, "it waits")
        admin.call("ACL", "SETUSER", "alice", "resetkeys")
        admin.call("RPUSH", "l", "v")
        reply = waiter.reply()
        assert isinstance(reply, ErrorReply) and reply == NO_KEY
        assert admin.call("LRANGE", "l", 0, -1) == [b"v"]
        assert waiter.call("PING") == "PONG"
    finally:
        shard.stop()

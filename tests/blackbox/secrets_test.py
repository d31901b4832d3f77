# SPDX-License-Identifier: Apache-2.0
"""Passwords: they rotate by their files, without a signal and without a lost request, and they are
nowhere to be read."""
import hashlib
import os
import threading
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess, admin_text
from raw_client import RawClient
from real_cluster import RealCluster
from replica_set import MASTER_NAME, ReplicaSet, Sentinels

WRONG = "WRONGPASS"


class Secret:
    """A mounted Kubernetes Secret: files are links into a folder that is swapped as a whole."""

    def __init__(self, folder, **values):
        self._folder, self._version = str(folder), 0
        os.makedirs(self._folder)
        self.put(**values)
        for name in values:
            os.symlink(os.path.join("..data", name), self.path(name))

    def path(self, name):
        return os.path.join(self._folder, name)

    def put(self, **values):
        self._version += 1
        version = f"..version{self._version}"
        os.makedirs(os.path.join(self._folder, version))
        for name, value in values.items():
            with open(os.path.join(self._folder, version, name), "w", encoding="utf-8") as file:
                file.write(value)
        os.symlink(version, self.path("..new"))
        os.replace(self.path("..new"), self.path("..data"))


@pytest.fixture
def cluster():
    cluster = RealCluster(masters=3)
    yield cluster
    cluster.stop()


@pytest.fixture
def start(cluster):
    made = []

    def start(**settings):
        made.append(ProxyProcess(cluster.seeds(), password=None, settings=settings))
        return made[-1]
    yield start
    for proxy in made:
        proxy.stop()


def log_in(proxy, password, user="default"):
    with RawClient(proxy.port) as client:
        return client.call("AUTH", user, password)


def test_the_file_of_the_default_user(start, tmp_path):
    secret = Secret(tmp_path / "secret", password="first\n")
    proxy = start(auth={"password_file": secret.path("password"), "password_window_ms": "3s"})
    known = RawClient(proxy.port, password="first")
    secret.put(password="second\n")
    wait_until(lambda: log_in(proxy, "second") == "OK", 5, "the new one is accepted")
    assert log_in(proxy, "first") == "OK"  # for a while yet
    began = time.monotonic()
    wait_until(lambda: log_in(proxy, "first").startswith(WRONG), 10, "the window ends")
    assert 1 < time.monotonic() - began < 5 * SLOWNESS
    assert log_in(proxy, "second") == "OK"
    assert known.call("PING") == "PONG"
    # A second line is accepted as long as it is there.
    secret.put(password="third\nsecond\n")
    wait_until(lambda: log_in(proxy, "third") == "OK", 5, "the new one is accepted")
    proxy.write_config({"auth": {"password_window_ms": 0}})
    proxy.reload("reload: changed: auth")
    assert log_in(proxy, "second") == "OK"
    secret.put(password="third\n")
    wait_until(lambda: log_in(proxy, "second").startswith(WRONG), 5, "it is refused at once")
    # What cannot be read changes nothing.
    secret.put(password="a\nb\nc\n")
    wait_until(lambda: "holds more than two lines" in proxy.process.log(), 5, "the log says it")
    assert log_in(proxy, "third") == "OK"
    known.close()


def test_passwords_of_users_in_the_settings(start):
    proxy = start(auth={"users": ["alice on >first ~* +@all", "bob on >b ~* +@all"],
                        "password_window_ms": "60s"})
    alice = RawClient(proxy.port)
    assert alice.call("AUTH", "alice", "first") == "OK"
    assert alice.call("MULTI") == "OK"
    assert alice.call("SET", "k", "v") == "QUEUED"
    proxy.write_config({"auth": {"users": ["alice on >second ~* +@all"]}})
    proxy.reload("reload: changed: auth")
    assert log_in(proxy, "first", "alice") == log_in(proxy, "second", "alice") == "OK"
    assert log_in(proxy, "b", "bob").startswith(WRONG)  # who has gone has gone
    assert alice.call("EXEC") == ["OK"]  # its rules are the same
    with RawClient(proxy.port) as admin:
        shown = str(admin.call("ACL", "LIST"))
        assert hashlib.sha256(b"second").hexdigest() in shown
        assert hashlib.sha256(b"first").hexdigest() not in shown
        # A command ends it: that is how one shuts somebody out.
        assert admin.call("ACL", "SETUSER", "alice", "resetpass", ">third") == "OK"
    assert log_in(proxy, "third", "alice") == "OK"
    assert log_in(proxy, "first", "alice").startswith(WRONG)
    alice.close()


def set_password(node, old, new):
    with RawClient(node.port, password=old) as client:
        assert client.call("CONFIG", "SET", "requirepass", new) == "OK"
        client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@pytest.mark.parametrize("file_first", [True, False], ids=["file-first", "shards-first"])
def test_the_password_of_the_backend_rotates_under_load(cluster, start, tmp_path, file_first):
    for node in cluster.nodes:
        set_password(node, None, "first")
    secret = Secret(tmp_path / "secret", password="first")
    proxy = start(backend={"password_file": secret.path("password"), "password_window_ms": "30s"})
    is_over, problems, counts = threading.Event(), [], [0, 0]

    def read(number):
        with RawClient(proxy.port) as client:
            while not is_over.is_set():
                for reply in client.pipeline([("GET", f"k:{n}") for n in range(20)]):
                    if reply is not None:
                        problems.append(reply)
                counts[number] += 20
    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(2):
        old, new = ("first", "second") if turn == 0 else ("second", "third")
        if file_first:
            secret.put(password=new)
            time.sleep(2.2)  # poll: the file is looked at once a second
        for node in cluster.nodes:
            set_password(node, old, new)
            time.sleep(0.3)  # poll: connections are opened to shards that know one or the other
        if not file_first:
            secret.put(password=new)
        before = list(counts)
        wait_until(lambda: all(count > then + 200 for count, then in zip(counts, before)), 15,
                   f"all are served: {problems[:3]}")
    with RawClient(proxy.port) as client:
        assert client.call("BLPOP", "none", 0.01) is None
        assert client.call("ACL", "SETUSER", "made", "on") == "OK"
        with RawClient(proxy.port) as listener:
            assert listener.call("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
    is_over.set()
    for thread in threads:
        thread.join()
    for node in cluster.nodes:
        set_password(node, "third", "")
    assert not problems, problems[:5]


def test_config_set_requirepass(cluster, start):
    """As Redis does it, but for all proxies; and the shards' own passwords are nobody's business."""
    one, other = start(), start()
    with RawClient(one.port) as admin:
        assert admin.call("CONFIG", "SET", "requirepass", "chosen") == "OK"
        assert admin.call("PING") == "PONG"
        assert log_in(one, "chosen") == "OK"
        assert log_in(one, "other").startswith(WRONG)
        with RawClient(one.port) as client:
            assert client.call("PING") == "NOAUTH Authentication required."
        wait_until(lambda: log_in(other, "no").startswith(WRONG), 5, "it holds at the other proxy")
        assert log_in(other, "chosen") == "OK"
        assert cluster.nodes[0].call("PING") == "PONG"  # not the shards'
        assert admin.call("CONFIG", "SET", "maxmemory-policy", "noeviction", "requirepass",
                          "x").startswith("ERR CONFIG SET failed (possibly related to argument 'requirep")
        assert admin.call("CONFIG", "SET", "requirepass", "") == "OK"
        with RawClient(one.port) as client:
            assert client.call("PING") == "PONG"
        assert admin.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru") == "OK"
        assert admin.call("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"allkeys-lru"]
        assert admin.call("CONFIG", "SET", "maxmemory-policy", "noeviction") == "OK"


def test_the_length_of_the_acl_log(cluster, start):
    """It is the proxy's own, as its log is: neither the shards nor other proxies know of it."""
    name = "acllog-max-len"
    proxy, other = (start(auth={"users": ["alice on >p ~a* +@all"]}) for _ in range(2))
    with RawClient(proxy.port) as admin, RawClient(proxy.port) as alice:
        assert alice.call("AUTH", "alice", "p") == "OK"
        assert admin.call("CONFIG", "SET", name, "3") == "OK"
        assert admin.call("CONFIG", "GET", name) == [name.encode(), b"3"]
        assert admin.call("CONFIG", "GET", "acllog*") == [name.encode(), b"3"]
        assert other.call("CONFIG", "GET", name) == [name.encode(), b"128"]
        assert all(node.call("CONFIG", "GET", name)[1] == b"128" for node in cluster.nodes)
        for number in range(6):
            alice.call("GET", f"b{number}")
        assert len(admin.call("ACL", "LOG")) == 3
        # Beside what the shards are told, in a transaction, and for RESP3.
        assert admin.call("CONFIG", "SET", "slowlog-max-len", "77", "ACLLOG-MAX-LEN", "2") == "OK"
        assert all(node.call("CONFIG", "GET", "slowlog-max-len")[1] == b"77" for node in cluster.nodes)
        admin.call("HELLO", "3")
        assert sorted(admin.call("CONFIG", "GET", name, "slowlog-max-len")) == [
            (name.encode(), b"2"), (b"slowlog-max-len", b"77")]
        admin.call("HELLO", "2")
        assert admin.pipeline([("MULTI",), ("CONFIG", "SET", name, "1"), ("CONFIG", "GET", name), ("EXEC",)])[-1] == [
            "OK", [name.encode(), b"1"]]
        with cluster.nodes[0].client() as redis:
            for value in ("no", "-1", "", "1.5"):
                assert admin.call("CONFIG", "SET", name, value) == redis.call("CONFIG", "SET", name, value)
            for words in ((name, "1", name, "2"), (name,), (name, "1", "x")):
                assert admin.call("CONFIG", "SET", *words) == redis.call("CONFIG", "SET", *words)
        assert admin.call("CONFIG", "GET", name) == [name.encode(), b"1"]
        alice.call("GET", "b")
        assert len(admin.call("ACL", "LOG")) == 1
        assert admin.call("CONFIG", "SET", name, "0") == "OK"
        alice.call("GET", "b")
        assert admin.call("ACL", "LOG") == []


def test_the_password_of_sentinels_rotates(tmp_path):
    """Before they know it, and afterwards."""
    replica_set = ReplicaSet(replicas=1)
    sentinels = proxy = None
    secret = Secret(tmp_path / "secret", password="first")
    try:
        sentinels = Sentinels(replica_set, count=1, password="first")
        proxy = ProxyProcess(sentinels.seeds(), settings={"backend": {
            "kind": "sentinel", "password_window_ms": "60s",
            "sentinel": {"master_name": MASTER_NAME, "password_file": secret.path("password")}}})
        secret.put(password="second")
        wait_until(lambda: "password files have changed" in proxy.process.log(), 5, "it is taken over")
        assert_failover_is_followed(proxy, replica_set, sentinels, "a")
        assert sentinels.call(0, "ACL", "SETUSER", "default", "resetpass", ">second") == "OK"
        sentinels.password = "second"
        assert_failover_is_followed(proxy, replica_set, sentinels, "b")
        secret.put(password="third\nsecond")
        wait_until(lambda: proxy.process.log().count("password files have changed") == 2, 5, "it is taken over")
        assert_failover_is_followed(proxy, replica_set, sentinels, "c")
    finally:
        for one in (proxy, sentinels, replica_set):
            if one is not None:
                one.stop()


def assert_failover_is_followed(proxy, replica_set, sentinels, value):
    for kind in ("normal", "pubsub"):
        sentinels.call(0, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    before = sentinels.master_port()
    wait_until(lambda: sentinels.call(0, "SENTINEL", "FAILOVER", MASTER_NAME) == "OK", 20, "it can begin")
    wait_until(lambda: sentinels.master_port() != before, 20, "another one is master")
    master = replica_set.node_of_port(sentinels.master_port())
    wait_until(lambda: proxy.call("SET", "k", value) == "OK" and master.call("GET", "k") == value.encode(), 20,
               "the proxy knows it")
    replica_set.wait_until_in_step()


# --- nowhere to be read

SECRETS = {name: f"Zq7{name}xK" for name in (
    "ofclients", "ofclientsbefore", "ofalice", "ofbob", "ofshards", "guessed", "guessedhello", "chosen",
    "inarequest")}


def test_secrets_are_nowhere(cluster, start, tmp_path):
    for node in cluster.nodes:
        set_password(node, None, SECRETS["ofshards"])
    secret = Secret(tmp_path / "secret", clients=f"{SECRETS['ofclients']}\n{SECRETS['ofclientsbefore']}\n",
                    shards=SECRETS["ofshards"])
    audit = tmp_path / "audit.json"
    proxy = start(
        auth={"password_file": secret.path("clients"), "users": [f"alice on >{SECRETS['ofalice']} ~a* +@all"]},
        backend={"password_file": secret.path("shards")}, audit={"file": str(audit)},
        log={"level": "debug"})
    shown = []
    with RawClient(proxy.port, password=SECRETS["ofclients"]) as admin, RawClient(proxy.port) as other, \
            RawClient(proxy.port, password=SECRETS["ofclients"]) as monitor:
        assert monitor.call("MONITOR") == "OK"
        shown += [other.call("AUTH", SECRETS["guessed"]),
                  other.call("HELLO", "3", "AUTH", "alice", SECRETS["guessedhello"]),
                  other.call("AUTH", "alice", SECRETS["ofalice"]),
                  other.call("GET", "not:allowed"), other.call("EVAL", "return redis.call('GET', 'b')", 1, "a"),
                  admin.call("ACL", "SETUSER", "bob", "on", f">{SECRETS['ofbob']}", "~b*", "+@all"),
                  admin.call("AUTH", "bob", SECRETS["guessed"], "too", "many"),
                  admin.call("CONFIG", "SET", "requirepass", SECRETS["chosen"], "maxmemory", "0"),
                  admin.call("CONFIG", "SET", "masterauth", SECRETS["ofshards"]),
                  admin.call("MIGRATE", "127.0.0.1", "1", "k", "0", "1", "AUTH", SECRETS["inarequest"])]
        for words in (["INFO", "everything"], ["CONFIG", "GET", "*"], ["CONFIG", "GET", "requirepass"],
                      ["CONFIG", "GET", "*pass*", "masterauth"], ["ACL", "LOG"], ["ACL", "LIST"],
                      ["ACL", "GETUSER", "alice"], ["CLIENT", "LIST"], ["SLOWLOG", "GET", "128"],
                      ["COMMAND", "DOCS", "auth"], ["FUNCTION", "LIST", "WITHCODE"], ["LATENCY", "DOCTOR"],
                      ["MEMORY", "DOCTOR"], ["DEBUG", "JMAP"]):
            shown.append(admin.call(*words))
        admin.call("HELLO", "3")
        shown.append(admin.call("CONFIG", "GET", "*"))
        admin.call("MULTI")
        admin.call("CONFIG", "GET", "requirepass")
        shown.append(admin.call("EXEC"))
        admin.call("ECHO", "end of it")
        line = ""
        while "end of it" not in line:
            line = str(monitor.reply())
            shown.append(line)
    # Changes, good and bad.
    secret.put(clients=f"{SECRETS['ofclientsbefore']}\n{SECRETS['ofclients']}\n", shards=SECRETS["ofshards"])
    wait_until(lambda: "password files have changed" in proxy.process.log(), 5, "it is taken over")
    proxy.write_config({"auth": {"users": [f"alice on >{SECRETS['ofalice']} +nosuch"]}})
    proxy.reload("reload refused")
    proxy.write_config({"auth": {"users": [f"alice on >{SECRETS['ofbob']} ~* +@all"]}})
    proxy.reload("reload: changed: auth")
    # A shard that refuses it.
    set_password(cluster.nodes[0], SECRETS["ofshards"], "another")
    wait_until(lambda: admin_text(proxy.admin_port, "/readyz") != "ready\n", 10, "a master is lost")
    shown += [admin_text(proxy.admin_port, path) for path in ("/metrics", "/readyz", "/healthz", "/")]
    set_password(cluster.nodes[0], "another", SECRETS["ofshards"])
    for file in ("cmdline", "environ"):
        with open(f"/proc/{proxy.process.pid}/{file}", "rb") as process_file:
            shown.append(process_file.read())
    shown += [audit.read_text(encoding="utf-8"), proxy.process.log()]
    found = {name for name, value in SECRETS.items() for text in shown if value in str(text)}
    assert not found
    for node in cluster.nodes:
        set_password(node, SECRETS["ofshards"], "")

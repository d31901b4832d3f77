# SPDX-License-Identifier: Apache-2.0
"""One truth for many proxies: what is changed of the users through one holds on all of them, whoever
restarts, and clients do not get at where it is kept."""
import os
import random
import threading
import time

import pytest

from bus_nodes import answers, form, nodes  # noqa: F401 (a fixture)
from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import ConnectionClosed, RawClient, encode
from real_cluster import RealCluster, RealRedis

SEED = int(os.environ.get("SLOTWAY_SEED", random.SystemRandom().getrandbits(32)))
SECONDS = float(os.environ.get("SLOTWAY_SHARED_USERS_SECONDS", "6"))
RECORDS = ("FUNCTION", "LIST", "LIBRARYNAME", "slotway_users_*")
RESERVED = "ERR Libraries whose names begin with slotway_users_ belong to the proxies"
USERS = ["alice on >p +@all ~*", "counted on nopass +get"]
LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
DURABLE = {"redis": {"appendonly": "yes", "appendfsync": "always"},
           "slotway": ["--appendonly", "yes", "--appendfsync", "always"]}


@pytest.fixture(params=["redis", "slotway"])
def masters(request, nodes):  # noqa: F811
    """Three masters that keep their data."""
    if request.param == "redis":
        cluster = RealCluster(masters=3, settings=DURABLE["redis"])
        yield cluster.nodes
        cluster.stop()
        return
    made = nodes(ours=3, settings=DURABLE["slotway"])
    form(made)
    yield made


@pytest.fixture
def start_proxy():
    made = []

    def start(backends, **settings):
        made.append(ProxyProcess([f"127.0.0.1:{node.port}" for node in backends],
                                 settings=settings or {"auth": {"users": USERS}}))
        return made[-1]
    yield start
    for proxy in made:
        proxy.stop()


def start_again(node):
    if hasattr(node, "start_again"):
        node.start_again()
    else:
        node.start()
    wait_until(lambda: answers(node), 20, f"{node.port} answers")


def users_of(proxy):
    return proxy.call("ACL", "LIST")


def wait_until_agreed(proxies, within_s=1.0):
    wait_until(lambda: len({tuple(users_of(proxy)) for proxy in proxies}) == 1, within_s,
               "the proxies agree")
    return users_of(proxies[0])


def test_a_change_through_one_holds_on_all_within_a_second(masters, start_proxy):
    proxies = [start_proxy(masters) for _ in range(3)]
    listener = proxies[2].client()
    assert listener.call("AUTH", "alice", "p") == "OK"
    for number in range(20):
        changed, *others = random.sample(proxies, 3)
        assert changed.call("ACL", "SETUSER", "bob", "on", f">{number}", f"~{number}") == "OK"
        wait_until_agreed(proxies)
        with others[0].client() as client:
            assert client.call("AUTH", "bob", number) == "OK"
    assert proxies[0].call("ACL", "DELUSER", "bob", "alice", "nobody") == 2
    assert wait_until_agreed(proxies) == users_of(proxies[0])
    assert b"alice" not in proxies[1].call("ACL", "USERS")
    wait_until(listener.is_closed, 2, "who has lost its user is cut off everywhere")
    # All start anew.
    for proxy in proxies:
        proxy.stop()
    before_all = start_proxy(masters)
    assert before_all.call("ACL", "USERS") == [b"counted", b"default"]


def test_no_change_is_lost_while_everything_restarts(masters, start_proxy):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    proxies = [start_proxy(masters) for _ in range(3)]
    confirmed, problems, is_over = [set() for _ in range(6)], [], threading.Event()

    def change(number):
        own = random.Random(SEED + number)
        client, count, losses = None, 0, 0
        while not is_over.is_set():
            name, count = f"~{number}.{count}", count + 1
            try:
                client = client or proxies[own.randrange(3)].client()
                if own.random() < 0.2:
                    # Users of one's own, which come and go. A removal without an answer may yet happen.
                    user = f"u{number}.{losses}"
                    if client.call("ACL", "SETUSER", user, "on") == "OK":
                        if client.call("ACL", "DELUSER", user) == 0:
                            problems.append(f"{user} was made and was not there")
                elif client.call("ACL", "SETUSER", "counted", name) == "OK":
                    confirmed[number].add(name.encode())
            except (OSError, EOFError, ConnectionClosed, AssertionError):
                client, losses = None, losses + 1  # it restarts: whether the change was made is not known
                time.sleep(0.05)  # poll: a listening socket is the only sign

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS * SLOWNESS
    while time.monotonic() < deadline:
        time.sleep(chance.uniform(0.3, 0.8))  # poll: the pace of the restarts
        if chance.random() < 0.5:
            place = chance.randrange(3)
            old = proxies[place]
            old.process.kill() if chance.random() < 0.5 else old.process.stop()
            proxies[place] = ProxyProcess([f"127.0.0.1:{node.port}" for node in masters],
                                          settings={"auth": {"users": USERS}}, port=old.port)
            old.stop()
        else:
            node = chance.choice(masters)
            node.process.kill() if chance.random() < 0.5 else node.process.stop()
            start_again(node)
    is_over.set()
    for thread in threads:
        thread.join()
    try:
        wait_until(lambda: all(proxy.is_ready() for proxy in proxies), 20, "the proxies are ready")
        wait_until_agreed(proxies, 1.0)
        patterns = set(dict_of(proxies[0].call("ACL", "GETUSER", "counted"))[b"keys"].split())
    finally:
        for proxy in proxies:
            proxy.stop()
    total = set().union(*confirmed)
    print(f"{len(total)} changes of one user confirmed")
    assert not problems
    assert len(total) > 50
    assert total <= patterns, sorted(total - patterns)[:20]


def dict_of(pairs):
    return dict(zip(pairs[::2], pairs[1::2]))


def test_masters_that_lose_their_data_get_the_users_again(start_proxy):
    cluster = RealCluster(masters=3)
    try:
        proxies = [start_proxy(cluster.nodes) for _ in range(2)]
        assert proxies[0].call("ACL", "SETUSER", "bob", "on", ">p", "~b*") == "OK"
        wait_until_agreed(proxies)
        for node in cluster.nodes:  # nothing is saved
            node.kill()
            start_again(node)
        wait_until(lambda: all(len(node.call(*RECORDS)) == 1 for node in cluster.nodes), 5,
                   "every master has the users")
        assert b"bob" in start_proxy(cluster.nodes).call("ACL", "USERS")
    finally:
        cluster.stop()


def test_a_user_that_was_removed_never_gets_in_at_a_start(masters, start_proxy):
    assert start_proxy(masters).call("ACL", "DELUSER", "alice") == 1
    tries = 0
    for _ in range(5):
        proxy = ProxyProcess([f"127.0.0.1:{node.port}" for node in masters], wait_ready=False,
                             settings={"auth": {"users": USERS}})
        try:
            is_up = False
            while not is_up:
                try:
                    is_up = proxy.is_ready()
                    with RawClient(proxy.port) as client:
                        client.send(encode("AUTH", "alice", "p") + encode("SET", "k", "v"))
                        tries += 1
                        client.reply()
                        assert client.reply() != "OK"
                except (OSError, EOFError, ConnectionClosed):
                    pass  # not listening yet, or cut off
        finally:
            proxy.stop()
    assert tries > 5


def test_clients_see_nothing_of_it(masters, start_proxy):
    proxy = start_proxy(masters)
    admin = proxy.client()
    assert admin.call("FUNCTION", "LOAD", LIBRARY) == b"lib"
    before = {name: admin.call("FUNCTION", *name.split()) for name in
              ("LIST", "LIST WITHCODE", "STATS", "DUMP")}
    assert admin.call("ACL", "SETUSER", "bob", "on", "~b*") == "OK"
    name = masters[0].call(*RECORDS)[0][1]
    assert name.startswith(b"slotway_users_")
    function = dict_of(dict_of(masters[0].call(*RECORDS)[0])[b"functions"][0])[b"name"]
    record = dict_of(masters[0].call(*RECORDS, "WITHCODE")[0])[b"library_code"]
    for words in ("LIST", "LIST WITHCODE", "STATS"):
        assert admin.call("FUNCTION", *words.split()) == before[words], words
        with proxy.client(protocol=3) as client:
            assert b"slotway" not in repr(client.call("FUNCTION", *words.split())).encode()
    assert admin.call(*RECORDS) == []
    assert admin.call("FUNCTION", "DELETE", name) == "ERR Library not found"
    assert admin.call("FUNCTION", "LOAD", record) == RESERVED
    assert admin.call("FUNCTION", "LOAD", "REPLACE", record) == RESERVED
    quoted = b'#!lua "name=\\x73lotway_users_9"\nredis.register_function("g", function() end)'
    assert admin.call("FUNCTION", "LOAD", quoted) == RESERVED
    assert admin.call("FCALL", function, 0) is None  # says nothing to anybody
    # Transactions and scripts are no way around.
    assert admin.call("MULTI") == "OK"
    assert admin.call("FUNCTION", "DELETE", name) == "QUEUED"
    assert admin.call("EXEC") == ["ERR Library not found"]
    assert "not allowed from script" in admin.call(
        "EVAL", "return redis.call('FUNCTION', 'LIST')", 0)
    # What is dumped can be loaded; what has a record cannot.
    dump = admin.call("FUNCTION", "DUMP")
    with_record = masters[0].call("FUNCTION", "DUMP")
    assert b"slotway" not in dump
    for policy in ("APPEND", "REPLACE", "FLUSH"):
        assert admin.call("FUNCTION", "RESTORE", with_record, policy) == RESERVED
    assert admin.call("FUNCTION", "RESTORE", dump[:-1] + b"?") == (
        "ERR DUMP payload version or checksum are wrong")
    assert admin.call("FUNCTION", "RESTORE", dump, "FLUSH") == "OK"
    assert admin.call("FUNCTION", "LIST") == before["LIST"]
    assert all(len(node.call(*RECORDS)) == 1 for node in masters)
    assert admin.call("FUNCTION", "FLUSH") == "OK"
    assert admin.call("FUNCTION", "LIST") == []
    assert admin.call("FUNCTION", "FLUSH", "wrong").startswith("ERR FUNCTION FLUSH only supports")
    for node in masters:
        assert node.call(*RECORDS) == masters[0].call(*RECORDS)
        assert len(node.call("FUNCTION", "LIST")) == 1
    assert b"bob" in start_proxy(masters).call("ACL", "USERS")


def test_the_slow_log_does_not_show_it(masters, start_proxy):
    for node in masters:
        assert node.call("CONFIG", "SET", "slowlog-log-slower-than", "0") == "OK"
    admin = start_proxy(masters).client()
    assert admin.call("ACL", "SETUSER", "bob", "on", ">p") == "OK"
    wait_until(lambda: all(node.call(*RECORDS) for node in masters), 5, "all masters have it")
    of_nodes = [entry[3] for node in masters for entry in node.call("SLOWLOG", "GET", "-1")]
    assert [b"FUNCTION", b"LOAD"] in [words[:2] for words in of_nodes]
    shown = [entry[3] for entry in admin.call("SLOWLOG", "GET", "-1")]
    loads = [words for words in shown if words[:2] == [b"FUNCTION", b"LOAD"]]
    assert loads and all(words[2:] == [b"(redacted)"] for words in loads), loads


def test_one_master_without_slots_keeps_them_as_well(start_proxy):
    redis = RealRedis()
    try:
        settings = {"backend": {"kind": "master-replica"}, "auth": {"users": USERS}}
        proxies = [start_proxy([redis.node], **settings) for _ in range(2)]
        assert proxies[0].call("ACL", "SETUSER", "bob", "on") == "OK"
        assert b"bob" in wait_until_agreed(proxies)[1]
        client = proxies[0].client()
        assert client.call("MULTI") == "OK"
        for words in (("FLUSH",), ("LIST",)):
            assert client.call("FUNCTION", *words) == "QUEUED"
        assert client.call("EXEC") == ["OK", []]
        assert len(redis.node.call(*RECORDS)) == 1
    finally:
        redis.stop()


def test_a_backend_that_may_not_keep_them(start_proxy):
    redis = RealRedis()
    try:
        redis.node.call("ACL", "SETUSER", "proxy", "on", ">p", "~*", "&*", "+@all", "-function")
        settings = {"auth": {"users": USERS},
                    "backend": {"kind": "master-replica", "username": "proxy", "password": "p"}}
        proxies = [start_proxy([redis.node], **settings) for _ in range(2)]
        assert proxies[0].call("ACL", "SETUSER", "bob", "on") == "OK"
        assert b"bob" in proxies[0].call("ACL", "USERS")
        assert "changes of users hold on this proxy only" in proxies[0].process.log()
        assert b"bob" not in proxies[1].call("ACL", "USERS")
        # As soon as it may, it does.
        redis.node.call("ACL", "SETUSER", "proxy", "+function")
        wait_until(lambda: b"bob" in proxies[1].call("ACL", "USERS"), 25, "the other one knows him")
    finally:
        redis.stop()


def test_settings_that_change_a_user_come_after_what_was_said_of_him(masters, start_proxy):
    proxies = [start_proxy(masters) for _ in range(2)]
    assert proxies[0].call("ACL", "SETUSER", "alice", "off") == "OK"
    wait_until_agreed(proxies)
    for proxy in proxies:
        proxy.write_config({"auth": {"users": ["alice on >q +@all ~new*", USERS[1]]}})
        proxy.reload("reload: changed: auth")
    with proxies[1].client() as client:
        assert client.call("AUTH", "alice", "q") == "OK"
    assert wait_until_agreed(proxies)

# SPDX-License-Identifier: Apache-2.0
"""Scripts and functions of users who may not do everything: they run, and the rules hold inside."""
import threading

import pytest

from bus_nodes import form, nodes  # noqa: F401 (a fixture)
from proxy_process import ProxyProcess
from real_cluster import RealCluster, RealRedis

USERS = ["app on >p +@all ~app:* &app:*", "reader on >p +@read +@scripting +@connection ~*",
         "shy on >p +@all -@scripting ~*"]
GET = "return redis.call('GET', KEYS[1])"
GET_OTHER = "return redis.call('GET', ARGV[1])"
SET = "return redis.call('SET', KEYS[1], ARGV[1])"
LIBRARY = """#!lua name=lib
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function{function_name='take', flags={'no-writes'},
                        callback=function(keys, args) return redis.call('GET', args[1]) end}
"""


@pytest.fixture(params=["redis", "slotway"])
def masters(request, nodes):  # noqa: F811
    if request.param == "redis":
        cluster = RealCluster(masters=3)
        yield cluster.nodes
        cluster.stop()
        return
    made = nodes(ours=3)
    form(made)
    yield made


@pytest.fixture
def proxy(masters):
    proxy = ProxyProcess([f"127.0.0.1:{node.port}" for node in masters],
                         settings={"auth": {"users": USERS}})
    yield proxy
    proxy.stop()


def log_in(proxy, user, **options):
    client = proxy.client(**options)
    assert client.call("AUTH", user, "p") == "OK"
    return client


def is_refusal(reply):
    """Redis 7.0 and 7.2 say it in different words."""
    return isinstance(reply, str) and ("NOPERM" in reply or "permission" in reply or
                                       "can't access at least one of the keys" in reply or
                                       "can't run this command" in reply)


def test_the_rules_hold_inside_of_scripts(proxy):
    admin, app = proxy.client(), log_in(proxy, "app")
    assert admin.call("SET", "{app:}secret", "s") == "OK"
    assert admin.call("SET", "secret{app:}", "s") == "OK"
    for version in (2, 3):
        app.call("HELLO", version)
        assert app.call("EVAL", SET, 1, "app:1", "v") == "OK"
        assert app.call("EVAL", GET, 1, "app:1") == b"v"
        assert is_refusal(app.call("EVAL", GET_OTHER, 1, "app:{app:}", "secret{app:}"))
        assert app.call("EVAL_RO", GET, 1, "app:1") == b"v"
        assert app.call("EVAL", "return ARGV[1]", 0, "x") == b"x"
    assert app.call("EVAL", "return {KEYS[1], KEYS[2]}", 2, "app:1", "app:2").startswith("CROSSSLOT")
    reader = log_in(proxy, "reader")
    assert reader.call("EVAL", GET, 1, "app:1") == b"v"
    assert is_refusal(reader.call("EVAL", SET, 1, "app:1", "w"))
    assert app.call("EVAL", GET, 1, "app:1") == b"v"
    shy = log_in(proxy, "shy")
    assert shy.call("EVAL", GET, 1, "app:1").startswith("NOPERM")
    assert admin.call("EVAL", GET_OTHER, 1, "{app:}", "secret{app:}") == b"s"


PUBLISH = "return redis.call('PUBLISH', ARGV[1], 'm')"


def test_the_log_names_what_scripts_were_refused(proxy):
    admin, app, reader = proxy.client(), log_in(proxy, "app"), log_in(proxy, "reader")
    for version in (2, 3):
        app.call("HELLO", version)
        admin.call("ACL", "LOG", "RESET")
        assert is_refusal(app.call("EVAL", GET_OTHER, 1, "app:{app:}", f"secret{{app:}}{version}"))
        assert is_refusal(reader.call("EVAL", SET, 1, "app:1", "w"))
        assert app.call("EVAL", PUBLISH, 1, "app:1", "other").startswith("ERR The user executing the script")
        entries = [dict(zip(entry[::2], entry[1::2])) for entry in admin.call("ACL", "LOG")]
        told = [tuple(entry[name.encode()] for name in ("context", "username", "reason", "object", "count"))
                for entry in entries]
        assert told == [(b"lua", b"app", b"channel", b"other", 1), (b"lua", b"reader", b"command", b"set", 1),
                        (b"lua", b"app", b"key", f"secret{{app:}}{version}".encode(), 1)]


def test_scripts_by_their_digests_and_functions(proxy):
    admin, app = proxy.client(), log_in(proxy, "app")
    digest = admin.call("SCRIPT", "LOAD", SET).decode()
    assert app.call("EVALSHA", digest, 1, "app:1", "v") == "OK"
    assert app.call("EVALSHA", "0" * 40, 1, "app:1").startswith("NOSCRIPT")
    assert app.call("EVAL", "return 'of app'", 0) == b"of app"
    assert admin.call("EVALSHA", "c7dca4e2c9cc4ad1d8d8da4d3cd2d2a7b5a25e2c", 0).startswith("NOSCRIPT")
    assert admin.call("FUNCTION", "LOAD", LIBRARY) == b"lib"
    assert app.call("FCALL", "put", 1, "app:2", "w") == "OK"
    assert app.call("FCALL_RO", "take", 1, "app:2", "app:2") == b"w"
    assert is_refusal(app.call("FCALL_RO", "take", 1, "app:{app:}", "secret{app:}"))


def test_nothing_overtakes_and_nothing_is_mixed_up(proxy):
    app = log_in(proxy, "app")
    commands = []
    for number in range(200):
        commands += [("SET", "app:k", number), ("EVAL", GET, 1, "app:k"), ("GET", "app:k")]
    replies = app.pipeline(commands)
    for number in range(200):
        assert replies[3 * number:3 * number + 3] == ["OK", b"%d" % number, b"%d" % number]


def test_many_users_at_once(proxy):
    admin = proxy.client()
    for number in range(8):
        assert admin.call("ACL", "SETUSER", f"u{number}", "on", ">p", "+@all", f"~{{x}}{number}:*") == "OK"
    problems = []

    def work(number):
        client = log_in(proxy, f"u{number}")
        for turn in range(40):
            if client.call("EVAL", SET, 1, f"{{x}}{number}:k", turn) != "OK":
                problems.append("refused")
            other = f"{{x}}{(number + 1) % 8}:k"
            if not is_refusal(client.call("EVAL", GET_OTHER, 1, f"{{x}}{number}:k", other)):
                problems.append("let through")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_new_rules_hold_for_the_next_script(proxy):
    admin, app = proxy.client(), log_in(proxy, "app")
    assert app.call("EVAL", SET, 1, "app:1", "v") == "OK"
    assert admin.call("ACL", "SETUSER", "app", "-set") == "OK"
    assert is_refusal(app.call("EVAL", SET, 1, "app:1", "v"))
    assert admin.call("ACL", "SETUSER", "app", "+set", "resetkeys", "~other:*") == "OK"
    assert is_refusal(app.call("EVAL", SET, 1, "app:1", "v"))
    assert app.call("EVAL", SET, 1, "other:1", "v") == "OK"
    assert app.call("MULTI") == "OK"
    assert app.call("EVAL", "return 1", 0).startswith("NOPERM")
    assert app.call("EXEC").startswith("EXECABORT")


# What gives a client connections of another kind, or of its own.
WAYS = [["CLIENT TRACKING ON"], ["CLIENT TRACKING ON BCAST PREFIX app:"],
        ["CLIENT TRACKING ON OPTIN", "CLIENT CACHING YES"], ["WATCH app:{app:}"],
        ["CLIENT TRACKING ON", "WATCH app:{app:}"], ["READONLY"], ["ASKING"], ["CLIENT NO-TOUCH ON"],
        ["MULTI", "GET app:{app:}", "EXEC"], ["BLPOP app:none 0.01"], ["SUBSCRIBE app:channel"]]
TRIES = [("EVAL", GET_OTHER, 1, "app:{app:}", "secret{app:}"), ("EVAL", GET_OTHER, 0, "secret{app:}"),
         ("EVAL_RO", GET_OTHER, 1, "app:{app:}", "secret{app:}"),
         ("FCALL", "take", 1, "app:{app:}", "secret{app:}"),
         ("FCALL_RO", "take", 1, "app:{app:}", "secret{app:}")]


def refusals_of(client):
    return [is_refusal(client.call(*words)) or words for words in TRIES]


def with_a_secret(admin):
    assert admin.call("SET", "secret{app:}", "s") == "OK"
    assert admin.call("SET", "app:{app:}", "v") == "OK"
    assert admin.call("FUNCTION", "LOAD", LIBRARY) == b"lib"


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_rules_hold_whatever_a_script_is_sent_over(proxy, protocol):
    with_a_secret(proxy.client())
    for way in WAYS:
        if way[0].startswith("SUBSCRIBE") and protocol == 2:
            continue  # nothing else can be asked then
        with log_in(proxy, "app") as app:
            app.call("HELLO", protocol)
            for line in way:
                app.call(*line.split())
            assert refusals_of(app) == [True] * len(TRIES), way
            # A script without keys runs anywhere, and may be at home only elsewhere.
            assert app.call("EVAL", GET, 1, "app:{app:}") == b"v", way


def test_the_rules_hold_behind_redirects(masters, proxy):
    admin, app = proxy.client(), log_in(proxy, "app")
    with_a_secret(admin)
    slot = admin.call("CLUSTER", "KEYSLOT", "app:{app:}")
    source = next(node for node in masters if node.call("CLUSTER", "COUNTKEYSINSLOT", slot) > 0)
    target = next(node for node in masters if node is not source)
    ids = {node: node.call("CLUSTER", "MYID").decode() for node in (source, target)}
    assert target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source]) == "OK"
    assert source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target]) == "OK"
    for key in source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
        assert source.call("MIGRATE", "127.0.0.1", target.port, key, 0, 5000) == "OK"
    keyed = [words for words in TRIES if words[2] == 1]
    for stage in ("ASK", "MOVED"):
        if stage == "MOVED":
            for node in (target, source, *masters):
                node.call("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        for words in keyed:
            assert is_refusal(app.call(*words)), (stage, words)
        assert app.call("EVAL", GET, 1, "app:{app:}") == b"v", stage


def test_a_shard_that_has_lost_such_a_user_gets_it_again(masters, proxy):
    with_a_secret(proxy.client())
    app = log_in(proxy, "app")
    for _ in range(5):
        for node in masters:
            for name in node.call("ACL", "USERS"):
                if name != b"default":
                    node.call("ACL", "DELUSER", name)
        # Connections end with it: what only reads is asked again.
        assert is_refusal(app.call("EVAL_RO", *TRIES[0][1:]))
        assert app.call("EVAL", GET, 1, "app:{app:}") == b"v"


def test_nobody_becomes_such_a_user_by_guessing(masters, proxy):
    app = log_in(proxy, "app")
    assert app.call("EVAL", "return 1", 1, "app:1") == 1
    slot = masters[0].call("CLUSTER", "KEYSLOT", "app:1")
    assert slot >= 0
    made = [name for node in masters for name in node.call("ACL", "USERS")
            if name.startswith(b"slotway-")]
    assert len(made) == 1
    with masters[0].client() as client:
        assert client.call("AUTH", made[0], "").startswith("WRONGPASS")
        assert client.call("AUTH", made[0], "p").startswith("WRONGPASS")
    assert proxy.client().call("AUTH", made[0], "p").startswith("WRONGPASS")


def test_a_backend_that_makes_no_users_says_so():
    redis = RealRedis()
    try:
        redis.node.call("ACL", "SETUSER", "proxy", "on", ">p", "~*", "&*", "+@all", "-acl")
        proxy = ProxyProcess([f"127.0.0.1:{redis.port}"], settings={
            "auth": {"users": USERS},
            "backend": {"kind": "master-replica", "username": "proxy", "password": "p"}})
        try:
            reply = log_in(proxy, "app").call("EVAL", "return 1", 0)
            assert reply.startswith("ERR the shard does not run scripts as this user: NOPERM")
        finally:
            proxy.stop()
    finally:
        redis.stop()

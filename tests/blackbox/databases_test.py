# SPDX-License-Identifier: Apache-2.0
"""Several databases, where the backend has them: one master with replicas."""
import pytest

from deadline import wait_until
from free_ports import free_port
from proxy_process import ProxyProcess
from raw_client import ErrorReply
from replica_set import ReplicaSet


@pytest.fixture(scope="module")
def replica_set():
    replica_set = ReplicaSet(replicas=1, password="backend-secret",
                             settings={"enable-debug-command": "yes"})
    yield replica_set
    replica_set.stop()


@pytest.fixture(scope="module")
def proxy(replica_set):
    proxy = ProxyProcess(replica_set.seeds(), backend_password=replica_set.password,
                         settings={"backend": {"kind": "master-replica"}})
    yield proxy
    proxy.stop()


@pytest.fixture(params=[2, 3])
def client(request, replica_set, proxy):
    assert replica_set.nodes[0].call("FLUSHALL") == "OK"
    with proxy.client(protocol=request.param) as client:
        yield client


def at_master(replica_set, database, *arguments):
    with replica_set.nodes[0].client() as direct:
        assert direct.call("SELECT", database) == "OK"
        return direct.call(*arguments)


def test_select_chooses_where_keys_are(replica_set, client):
    for database in (3, 15, 0):
        assert client.call("SELECT", database) == "OK"
        assert client.call("SET", "k", f"of {database}") == "OK"
    for database in (0, 3, 15):
        assert client.call("SELECT", database) == "OK"
        assert client.call("GET", "k") == f"of {database}".encode()
        assert at_master(replica_set, database, "GET", "k") == f"of {database}".encode()
    assert at_master(replica_set, 1, "EXISTS", "k") == 0


def test_select_in_a_pipeline(client):
    replies = client.pipeline([("SET", "k", "0"), ("SELECT", 1), ("SET", "k", "1"), ("SELECT", 2),
                               ("GET", "k"), ("SELECT", 1), ("GET", "k"), ("SELECT", 0),
                               ("GET", "k")])
    assert replies == ["OK", "OK", "OK", "OK", None, "OK", b"1", "OK", b"0"]


def test_keys_are_watched_in_the_database_of_their_time(replica_set, client):
    for database, expected in ((0, None), (1, None), (2, ["OK"])):
        assert client.pipeline([("SELECT", 0), ("WATCH", "k"), ("SELECT", 1), ("WATCH", "k"),
                                ("SELECT", 2)]) == ["OK"] * 5
        at_master(replica_set, database, "SET", "k", "x")
        assert client.pipeline([("MULTI",), ("SET", "k", f"{database}"), ("EXEC",)])[-1] == expected
    assert at_master(replica_set, 2, "GET", "k") == b"2"
    assert client.pipeline([("SELECT", 0), ("GET", "k")])[-1] == b"x"


def test_what_asks_all_shards_may_stand_anywhere_in_a_transaction(client):
    """There is but one."""
    replies = client.pipeline([("MULTI",), ("SET", "k", "v"), ("DEBUG", "SLEEP", "0"),
                               ("DBSIZE",), ("RANDOMKEY",), ("FUNCTION", "STATS"),
                               ("FUNCTION", "DUMP"), ("GET", "k"), ("EXEC",)])
    assert replies[:7] == ["OK"] + ["QUEUED"] * 6
    assert replies[7].startswith("ERR A command for all shards")  # the proxy's own, behind the rest
    replies = client.pipeline([("FLUSHDB",), ("MULTI",), ("SET", "k", "v"), ("DEBUG", "SLEEP", "0"),
                               ("DBSIZE",), ("RANDOMKEY",), ("FUNCTION", "DELETE", "none"),
                               ("GET", "k"), ("EXEC",)])
    assert replies[-1] == ["OK", "OK", 1, b"k", "ERR Library not found", b"v"]


def test_a_database_is_one_clients_own(proxy, client):
    assert client.call("SELECT", 4) == "OK"
    assert client.call("SET", "k", "4") == "OK"
    with proxy.client() as other:
        assert other.call("GET", "k") is None


def test_select_refuses_as_redis_does(replica_set, client):
    for index in ("16", "-1", "x", "", "99999999999999999999"):
        reply = client.call("SELECT", index)
        assert isinstance(reply, ErrorReply)
        assert reply == replica_set.nodes[0].call("SELECT", index), index
    assert client.call("SET", "k", "v") == "OK"


def test_reset_goes_back_to_the_first(replica_set, proxy):
    with proxy.client() as client:
        assert client.call("SELECT", 5) == "OK"
        assert client.call("RESET") == "RESET"
        assert client.call("AUTH", proxy.password) == "OK"
        assert client.call("SET", "after-reset", "v") == "OK"
    assert at_master(replica_set, 0, "GET", "after-reset") == b"v"


def test_move_and_copy(replica_set, client):
    assert client.call("SET", "k", "v") == "OK"
    assert client.call("MOVE", "k", 7) == 1
    assert client.call("MOVE", "k", 7) == 0
    assert client.call("EXISTS", "k") == 0
    assert at_master(replica_set, 7, "GET", "k") == b"v"
    assert client.call("SELECT", 7) == "OK"
    assert client.call("COPY", "k", "copied", "DB", 0) == 1
    assert client.call("COPY", "k", "another") == 1
    assert at_master(replica_set, 0, "GET", "copied") == b"v"
    assert at_master(replica_set, 7, "GET", "another") == b"v"
    for arguments in (("MOVE", "k", 16), ("MOVE", "k", 7), ("COPY", "k", "k", "DB", 16),
                      ("COPY", "k", "k")):
        assert client.call(*arguments) == at_master(replica_set, 7, *arguments), arguments


def test_swapdb(replica_set, client):
    assert client.call("SET", "k", "0") == "OK"
    assert client.call("SELECT", 1) == "OK"
    assert client.call("SET", "k", "1") == "OK"
    assert client.call("SWAPDB", 0, 1) == "OK"
    assert client.call("GET", "k") == b"0"
    assert at_master(replica_set, 0, "GET", "k") == b"1"
    for arguments in (("SWAPDB", 0, 16), ("SWAPDB", "x", 1)):
        assert client.call(*arguments) == replica_set.nodes[0].call(*arguments), arguments


def test_info_keyspace_lists_the_databases(client):
    for database in (0, 5):
        client.call("SELECT", database)
        client.call("SET", "k", "v")
    keyspace = client.call("INFO", "keyspace").decode()
    assert "db0:keys=1," in keyspace and "db5:keys=1," in keyspace, keyspace


def test_info_is_whole_where_nobody_asked_before(client):
    """No connection to that database is open yet, at first on the worker's connections, then on one's own."""
    assert client.call("SELECT", 13 if client.call("HELLO")[5] == 3 else 14) == "OK"
    assert b"tracking_total_keys:" in client.call("INFO", "stats")
    assert client.call("CLIENT", "TRACKING", "ON", "BCAST") == "OK"
    assert b"tracking_total_keys:" in client.call("INFO", "stats")


def test_flushdb_and_flushall(replica_set, client):
    for database in (0, 1, 2):
        client.call("SELECT", database)
        client.call("SET", "k", "v")
    assert client.call("SELECT", 1) == "OK"
    assert client.call("DBSIZE") == 1
    assert client.call("FLUSHDB") == "OK"
    assert [at_master(replica_set, database, "DBSIZE") for database in (0, 1, 2)] == [1, 0, 1]
    assert client.call("FLUSHALL") == "OK"
    assert [at_master(replica_set, database, "DBSIZE") for database in (0, 1, 2)] == [0, 0, 0]


def test_keyless_commands_are_about_the_chosen_one(client):
    client.call("SELECT", 2)
    client.call("MSET", "two:a", "1", "two:b", "2")
    assert sorted(client.call("KEYS", "*")) == [b"two:a", b"two:b"]
    client.call("SELECT", 3)
    assert client.call("KEYS", "*") == []
    assert client.call("DBSIZE") == 0


def test_client_info_tells_the_database(client):
    client.call("SELECT", 9)
    assert b" db=9 " in client.call("CLIENT", "INFO") + b" "


def test_reads_of_replicas_keep_the_database(replica_set):
    port = free_port()
    listener = {"address": "127.0.0.1", "port": port, "reads": "replica"}
    proxy = ProxyProcess(replica_set.seeds(), backend_password=replica_set.password, port=port,
                         settings={"listeners": [listener], "backend": {"kind": "master-replica"}})
    try:
        with proxy.client() as client:
            for database in (6, 11):
                assert client.call("SELECT", database) == "OK"
                assert client.call("SET", "k", str(database)) == "OK"
            wait_until(lambda: client.call("GET", "k") == b"11", 20, "the replica answers")
            assert client.call("SELECT", 6) == "OK"
            assert client.call("GET", "k") == b"6"
    finally:
        proxy.stop()


def test_what_goes_to_all_shards_keeps_its_place_in_a_transaction(client):
    replies = client.pipeline([
        ("MULTI",), ("SET", "a", "1"), ("CONFIG", "SET", "slowlog-max-len", "77"),
        ("SLOWLOG", "GET", "0"), ("SLOWLOG", "LEN"), ("GET", "a"), ("EXEC",)])
    assert replies[1:6] == ["QUEUED"] * 5
    assert replies[-1][:3] == ["OK", "OK", []] and replies[-1][4] == b"1"
    refused = client.pipeline([("MULTI",), ("SET", "a", "1"), ("CONFIG", "SET", "port", "1"),
                               ("DEBUG", "SEGFAULT"), ("EXEC",)])[-1]
    assert refused[0] == "OK"
    assert refused[1].endswith("the proxy would lose its shards: ask the nodes directly")
    assert refused[2].startswith("ERR This DEBUG subcommand is not available through Slotway")

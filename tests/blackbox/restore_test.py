# SPDX-License-Identifier: Apache-2.0
"""Back up and restore as docs/operations.md says: a file of each master, and commands into a new cluster."""
import glob
import os
import shutil
import subprocess

import pytest

from bus_nodes import ShardNode, answers, form
from data_description import describe
from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from proxy_process import ProxyProcess
from server_program import PASSWORD
from shard_process import ShardProcess

REDIS_CLI = "/usr/bin/redis-cli"
LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
# What the proxies have told the masters of users, and functions that another master has had as well.
HARMLESS = {"ERR Libraries whose names begin with slotway_users_ belong to the proxies",
            "ERR Library 'lib' already exists"}

pytestmark = pytest.mark.skipif(not os.path.exists(REDIS_CLI), reason="there is no redis-cli")


def redis_cli(*arguments, check=True, **options):
    return subprocess.run([REDIS_CLI, "-h", "127.0.0.1", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60 * SLOWNESS, check=check, **options).stdout


def fill(client):
    for i in range(300):
        client.call("SET", f"s:{i}", i)
    for i in range(30):
        numbers = range(i * 20 + 1)
        client.call("RPUSH", f"l:{i}", *numbers)
        client.call("SADD", f"set:{i}", *(f"m{number}" for number in numbers))
        client.call("HSET", f"h:{i}", *(word for number in numbers for word in (number, "v")))
        client.call("ZADD", f"z:{i}", *(word for number in numbers for word in (number, f"m{number}")))
        client.call("XADD", f"x:{i}", "*", "number", i)
        client.call("SET", f"t:{i}", "x", "PX", 3_600_000 + i)
    client.call("XGROUP", "CREATE", "x:1", "g", 0)
    client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", "x:1", ">")
    assert client.call("FUNCTION", "LOAD", LIBRARY) == b"lib"
    assert client.call("ACL", "SETUSER", "bob", "on", ">p", "+get", "~*") == "OK"


def described(client):
    def call(*words):
        reply = client.call(*words)
        return reply.encode() if isinstance(reply, str) else reply
    return describe(call)


@pytest.fixture
def start():
    made = []

    def one(kind, *arguments, **options):
        made.append(kind(*arguments, **options))
        return made[-1]
    yield one
    for each in made:
        each.stop()


def start_cluster(start, folder):
    """Three masters and a proxy in front of them."""
    masters = [start(ShardNode, str(folder / str(port)), port, ["--appendonly", "yes"]) for port in free_ports(3)]
    for node in masters:
        wait_until(lambda node=node: answers(node), 20, f"{node.port} answers")
    form(masters)
    return masters, start(ProxyProcess, [f"127.0.0.1:{node.port}" for node in masters])


def commands_of(rdb, folder, start):
    """The file as commands: a server on its own reads it, and writes its append-only log."""
    os.makedirs(folder)
    shutil.copy(rdb, folder / "backup.rdb")
    reader = start(ShardProcess, password=None,
                   options=["--dir", str(folder), "--dbfilename", "backup.rdb", "--aof-use-rdb-preamble", "no"])
    assert reader.call("CONFIG", "SET", "appendonly", "yes") == "OK"
    wait_until(lambda: b"aof_rewrite_in_progress:0" in reader.call("INFO", "persistence"), 30, "it is written")
    found = glob.glob(str(folder / "appendonlydir" / "*.base.aof"))
    assert len(found) == 1, found
    return found[0]


def test_files_of_all_masters_into_a_new_cluster(start, tmp_path):
    masters, proxy = start_cluster(start, tmp_path / "old")
    with proxy.client() as client:
        fill(client)
        before, users = described(client), client.call("ACL", "LIST")
    for number, node in enumerate(masters):
        redis_cli("-p", node.port, "--rdb", tmp_path / f"shard-{number}.rdb")
        node.process.kill()

    _, proxy = start_cluster(start, tmp_path / "new")
    for number in range(3):
        log = commands_of(tmp_path / f"shard-{number}.rdb", tmp_path / str(number), start)
        with open(log, "rb") as commands:
            said = redis_cli("-p", proxy.port, "-a", PASSWORD, "--no-auth-warning", "--pipe", stdin=commands,
                             check=False)
        assert "All data transferred" in said, said
        errors = {line.strip() for line in said.splitlines() if line.strip().startswith("ERR")}
        assert errors <= HARMLESS, said
    with proxy.client() as client:
        assert described(client) == before
        assert client.call("FCALL", "f", 0) == 1
        # Users are told by hand, as ACL LIST has shown them.
        for user in users:
            _, name, *rules = user.decode().split()
            if name != "default":
                assert client.call("ACL", "SETUSER", name, *rules) == "OK"
        assert client.call("ACL", "LIST") == users

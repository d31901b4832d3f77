# SPDX-License-Identifier: Apache-2.0
"""One master with replicas, kept by `slotway cluster lead`: who leads, who follows, who takes over."""
import os
import shutil
import tempfile

import pytest

from bus_nodes import answers
from child_process import ChildProcess
from cluster_tool import address, run_tool, tool_command
from deadline import wait_until
from free_ports import free_ports
from proxy_process import ProxyProcess
from raw_client import ErrorReply
from server_program import ServerProgram, program


class Server(ServerProgram):
    """Starts as a replica of nobody, as the chart's do."""

    def __init__(self, directory, port):
        os.makedirs(directory, exist_ok=True)
        self.command = [program("slotway-shard"), "--port", port, "--dir", directory, "--appendonly", "yes",
                        "--repl-diskless-sync-delay", "0", "--replicaof", "nobody.invalid 1"]
        super().__init__(self.command, directory, "127.0.0.1", port, None)

    def start_again(self):
        super().__init__(self.command, self.directory, self.host, self.port, None)

    def role(self):
        return self.call("ROLE")[0].decode()


class World:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="slotway-lead-")
        self.servers = [Server(os.path.join(self.directory, str(port)), port) for port in free_ports(4)]
        for server in self.servers:
            wait_until(lambda s=server: answers(s), 20, "a server answers")
        self.keeper = None

    def keep(self):
        command = tool_command("lead", *self.servers, "--every", 1)
        self.keeper = ChildProcess(command, os.path.join(self.directory, "keeper"))

    def masters(self):
        return [server for server in self.servers if server.process.is_running() and server.role() == "master"]

    def is_whole(self):
        masters = self.masters()
        running = [server for server in self.servers if server.process.is_running()]
        return len(masters) == 1 and all(
            server is masters[0] or server.call("ROLE")[1:4] == [b"127.0.0.1", masters[0].port, b"connected"]
            for server in running)

    def end(self):
        if self.keeper:
            self.keeper.kill()
        for server in self.servers:
            server.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def world():
    made = World()
    yield made
    made.end()


def test_nobody_is_a_master_by_himself(world):
    assert world.masters() == []
    assert isinstance(world.servers[0].call("SET", "a", 1), ErrorReply)
    said = run_tool("lead", *world.servers, "--once")
    assert f"{address(world.servers[0])} is the master" in said
    wait_until(world.is_whole, 20, "all follow it")
    assert "follows" not in run_tool("lead", *world.servers, "--once")


def test_a_replica_takes_over_and_who_comes_back_follows(world):
    world.keep()
    wait_until(world.is_whole, 20, "there is a master")
    proxy = ProxyProcess([address(server) for server in world.servers], settings={
        "backend": {"kind": "master-replica"}})
    try:
        with proxy.client() as client:
            for i in range(100):
                assert client.call("SET", f"k:{i}", i) == "OK"
            assert client.call("SELECT", 7) == "OK" and client.call("SET", "seven", 7) == "OK"
            first = world.masters()[0]
            assert first.call("WAIT", 3, 5000) == 3
            first.process.kill()
            assert client.call("SET", "during", 1) == "OK"  # held until somebody is promoted
        wait_until(lambda: len(world.masters()) == 1 and world.masters()[0] is not first, 20, "another one is")
        first.start_again()
        wait_until(lambda: answers(first) and world.is_whole(), 20, "the old one follows the new one")
        with proxy.client() as client:
            assert [client.call("GET", f"k:{i}") for i in range(100)] == [b"%d" % i for i in range(100)]
            assert client.call("SELECT", 7) == "OK"
            assert (client.call("GET", "seven"), client.call("GET", "during")) == (b"7", b"1")
    finally:
        proxy.stop()


def test_who_comes_back_empty_is_no_master(world):
    world.keep()
    wait_until(world.is_whole, 20, "there is a master")
    master = world.masters()[0]
    assert master.call("SET", "a", 1) == "OK" and master.call("WAIT", 3, 5000) == 3
    master.process.kill()
    shutil.rmtree(os.path.join(master.directory, "appendonlydir"))
    master.start_again()
    wait_until(lambda: answers(master) and world.is_whole(), 30, "somebody with data leads")
    assert world.masters()[0] is not master and master.call("GET", "a") in (b"1", None)
    wait_until(lambda: master.call("GET", "a") == b"1", 20, "it has a copy again")


def test_all_come_back_and_who_has_most_leads(world):
    world.keep()
    wait_until(world.is_whole, 20, "there is a master")
    master = world.masters()[0]
    assert master.call("SET", "a", 1) == "OK" and master.call("WAIT", 3, 5000) == 3
    for server in world.servers:
        server.process.kill()
    shutil.rmtree(os.path.join(world.servers[0].directory, "appendonlydir"))
    for server in world.servers:
        server.start_again()
    wait_until(lambda: all(answers(server) for server in world.servers) and world.is_whole(), 40, "one leads")
    assert world.masters()[0].call("GET", "a") == b"1"


def test_a_second_master_is_put_in_its_place(world):
    world.keep()
    wait_until(world.is_whole, 20, "there is a master")
    world.servers[2].call("REPLICAOF", "NO", "ONE")
    wait_until(world.is_whole, 20, "it follows again")
    assert world.masters() == [world.servers[0]]

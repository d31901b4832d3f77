# SPDX-License-Identifier: Apache-2.0
"""One redis-server with replicas, without cluster mode, and sentinels that watch them."""
import os
import shutil
import tempfile

from child_process import ChildProcess
from deadline import wait_until
from free_ports import free_port
from raw_client import ConnectionClosed, RawClient
from real_cluster import REDIS_SERVER, RedisNode, redis_cli

MASTER_NAME = "slotway-test"
DOWN_AFTER_MS = 500
_START_ATTEMPTS = 5


class ReplicaSet:
    """nodes[0] is the first master. The nodes take turns at the hosts."""

    def __init__(self, replicas=2, password=None, settings=(), hosts=("127.0.0.1",)):
        self.directory = tempfile.mkdtemp(prefix="slotway-replicas-")
        self.password, self._hosts = password, hosts
        self._settings = dict(settings)
        self.nodes = []
        try:
            for number in range(1 + replicas):
                self.nodes.append(self._start_node(number))
            self.wait_until_in_step()
        except BaseException:
            self.stop()
            raise

    def _start_node(self, number):
        settings = dict(self._settings)
        settings.update({"repl-ping-replica-period": 1, "shutdown-timeout": 0})
        if number > 0:
            settings["replicaof"] = f"{self.nodes[0].host} {self.nodes[0].port}"
        for _ in range(_START_ATTEMPTS):
            port = free_port()
            node = RedisNode(os.path.join(self.directory, str(port)), port, self.password,
                             cluster=False, settings=settings,
                             host=self._hosts[number % len(self._hosts)]).start()
            if node.wait_until_up():
                return node
        raise AssertionError("redis-server did not start:\n" + node.process.log_tail())

    def running_nodes(self):
        return [node for node in self.nodes if node.process.is_running()]

    def masters(self):
        return [node for node in self.running_nodes() if node.call("ROLE")[0] == b"master"]

    def replicas(self):
        return [node for node in self.running_nodes() if node.call("ROLE")[0] == b"slave"]

    def wait_until_in_step(self, timeout_s=30):
        """One master, and everybody else is connected to it."""
        def in_step():
            try:
                roles = [node.call("ROLE") for node in self.running_nodes()]
            except (ConnectionClosed, ConnectionError):
                return False  # sentinels end the connections of a node that they give another role
            masters = [role for role in roles if role[0] == b"master"]
            connected = [role for role in roles if role[0] == b"slave" and role[3] == b"connected"]
            return len(masters) == 1 and len(connected) == len(roles) - 1
        wait_until(in_step, timeout_s, "every replica is in step with the one master")

    def seeds(self):
        """The master is not the first."""
        return [f"{node.host}:{node.port}" for node in reversed(self.nodes)]

    def node_of_port(self, port):
        return next(node for node in self.nodes if node.port == port)

    def stop(self):
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Sentinels:
    """redis-server processes in sentinel mode around one ReplicaSet."""

    def __init__(self, replica_set, count=3, password=None):
        self.directory = tempfile.mkdtemp(prefix="slotway-sentinels-")
        self.password = password
        self._set, self._quorum = replica_set, count // 2 + 1
        self.processes, self.ports = [], []
        try:
            while len(self.ports) < count:
                self._start_one()
            self._wait_until_acquainted(count)
        except BaseException:
            self.stop()
            raise

    def _start_one(self):
        for _ in range(_START_ATTEMPTS):
            port = free_port()
            process = ChildProcess([REDIS_SERVER, self._write_config(port), "--sentinel"],
                                   os.path.join(self.directory, f"{port}.log"))
            wait_until(lambda: not process.is_running() or "PONG" in redis_cli(
                port, "PING", password=self.password), 20, "a sentinel answers")
            if process.is_running():
                self.processes.append(process)
                self.ports.append(port)
                return
        raise AssertionError("the sentinel did not start:\n" + process.log_tail())

    def _write_config(self, port):
        lines = [f"port {port}", "bind 127.0.0.1", f"dir {self.directory}", "protected-mode no",
                 f"sentinel monitor {MASTER_NAME} 127.0.0.1 {self._set.nodes[0].port} "
                 f"{self._quorum}",
                 f"sentinel down-after-milliseconds {MASTER_NAME} {DOWN_AFTER_MS}",
                 f"sentinel failover-timeout {MASTER_NAME} 4000"]
        if self._set.password:
            lines.append(f"sentinel auth-pass {MASTER_NAME} {self._set.password}")
        if self.password:
            lines += [f"requirepass {self.password}", f"sentinel sentinel-pass {self.password}"]
        path = os.path.join(self.directory, f"{port}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def call(self, number, *arguments):
        with RawClient(self.ports[number], password=self.password) as client:
            return client.call(*arguments)

    def _wait_until_acquainted(self, count):
        replicas = len(self._set.nodes) - 1
        def acquainted():
            for number in range(count):
                fields = self.call(number, "SENTINEL", "MASTER", MASTER_NAME)
                facts = dict(zip(fields[::2], fields[1::2]))
                if int(facts[b"num-other-sentinels"]) != count - 1:
                    return False
                if int(facts[b"num-slaves"]) != replicas:
                    return False
            return True
        wait_until(acquainted, 30, "the sentinels know each other and the replicas")

    def master_port(self, number=0):
        return int(self.call(number, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)[1])

    def seeds(self):
        return [f"127.0.0.1:{port}" for port in self.ports]

    def stop(self):
        for process in self.processes:
            process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

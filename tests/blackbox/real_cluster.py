# SPDX-License-Identifier: Apache-2.0
"""A Redis Cluster (or one Redis) made of Debian's redis-server, on loopback."""
import os
import shutil
import subprocess
import tempfile

from child_process import ChildProcess
from deadline import SLOWNESS, wait_until
from free_ports import free_port, free_ports
from raw_client import RawClient

REDIS_SERVER = "/usr/bin/redis-server"
REDIS_CLI = "/usr/bin/redis-cli"
_START_ATTEMPTS = 5


def redis_cli(port, *arguments, password=None, host="127.0.0.1", prefix=(), timeout_s=60,
              stdin=None):
    """Runs redis-cli and returns its output, stderr included."""
    command = [*prefix, REDIS_CLI, "-h", host, "-p", str(port), *map(str, arguments)]
    env = dict(os.environ)
    if password is not None:
        env["REDISCLI_AUTH"] = password
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                          input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                          timeout=timeout_s * SLOWNESS, check=False)
    return done.stdout.decode(errors="replace")


class RedisNode:
    """One redis-server process. After kill() or stop(), start() brings it back with its files."""

    def __init__(self, directory, port, password=None, cluster=True, node_timeout_ms=3000,
                 settings=(), host="127.0.0.1", prefix=()):
        self.directory, self.port, self.host, self.password = directory, port, host, password
        os.makedirs(directory, exist_ok=True)
        options = {"port": port, "bind": host, "dir": directory, "save": "", "appendonly": "no",
                   "repl-diskless-sync": "yes", "repl-diskless-sync-delay": 0,
                   "proto-max-bulk-len": "512mb", "protected-mode": "no"}
        if cluster:
            options.update({"cluster-enabled": "yes", "cluster-config-file": "nodes.conf",
                            "cluster-node-timeout": node_timeout_ms,
                            "cluster-port": port + 10000})
        if password:
            options.update({"requirepass": password, "masterauth": password})
        options.update(dict(settings))
        self._command = [*prefix, REDIS_SERVER]
        for name, value in options.items():
            self._command += [f"--{name}", str(value)]
        self.process = None

    def start(self):
        self.process = ChildProcess(self._command, os.path.join(self.directory, "log"))
        return self

    def wait_until_up(self):
        def answers():
            if not self.process.is_running():
                return True
            return "PONG" in redis_cli(self.port, "PING", host=self.host, password=self.password)
        wait_until(answers, 20, f"redis-server on port {self.port} answers")
        return self.process.is_running()

    def kill(self):
        self.process.kill()

    def stop(self):
        if self.process is not None:
            self.process.stop()

    def client(self, **options):
        return RawClient(self.port, self.host, password=self.password, **options)

    def call(self, *arguments):
        with self.client() as client:
            return client.call(*arguments)


class RealRedis:
    """One redis-server without cluster mode: the oracle for replies."""

    def __init__(self, password=None, settings=()):
        self.directory = tempfile.mkdtemp(prefix="slotway-redis-")
        self.password = password
        for attempt in range(_START_ATTEMPTS):
            self.port = free_port()
            self.node = RedisNode(os.path.join(self.directory, str(attempt)), self.port, password,
                                  cluster=False, settings=settings).start()
            if self.node.wait_until_up():
                return
        raise AssertionError("redis-server did not start:\n" + self.node.process.log_tail())

    def client(self, **options):
        return self.node.client(**options)

    def stop(self):
        self.node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class RealCluster:
    """masters * (1 + replicas) redis-servers that form a cluster."""

    kind = "redis"

    def __init__(self, masters=3, replicas=0, password=None, node_timeout_ms=3000, settings=()):
        self.directory = tempfile.mkdtemp(prefix="slotway-cluster-")
        self.masters, self.replicas, self.password = masters, replicas, password
        self._node_timeout_ms, self._settings = node_timeout_ms, settings
        self.nodes = []
        try:
            while len(self.nodes) < masters * (1 + replicas):
                self.nodes.append(self._start_node())
            self._form()
        except BaseException:
            self.stop()
            raise

    def _start_node(self):
        for _ in range(_START_ATTEMPTS):
            port = free_ports(1)[0]
            node = RedisNode(os.path.join(self.directory, str(port)), port, self.password,
                             node_timeout_ms=self._node_timeout_ms,
                             settings=self._settings).start()
            if node.wait_until_up():
                return node
        raise AssertionError("redis-server did not start:\n" + node.process.log_tail())

    def _form(self):
        if self.masters == 1:  # redis-cli takes three at least
            assert self.nodes[0].call("CLUSTER", "ADDSLOTSRANGE", 0, 16383) == "OK"
            return self.wait_until_ok()
        addresses = [f"127.0.0.1:{node.port}" for node in self.nodes]
        output = redis_cli(self.nodes[0].port, "--cluster", "create", *addresses,
                           "--cluster-replicas", self.replicas, "--cluster-yes",
                           password=self.password)
        assert "[OK] All 16384 slots covered" in output, output
        return self.wait_until_ok()

    def wait_until_ok(self, timeout_s=30):
        def all_ok():
            return all(self._sees_ok(node) for node in self.running_nodes())
        wait_until(all_ok, timeout_s, "every node says cluster_state:ok")

    def _sees_ok(self, node):
        info = node.call("CLUSTER", "INFO").decode()
        if "cluster_state:ok" not in info or "cluster_slots_ok:16384" not in info:
            return False
        if f"cluster_known_nodes:{len(self.nodes)}" not in info:
            return False
        role = node.call("ROLE")
        if role[0] == b"slave":
            return role[3] == b"connected"
        lines = node.call("CLUSTER", "NODES").decode().splitlines()
        replicas = sum(1 for line in lines if " slave " in line or ",slave " in line)
        return replicas == len(self.nodes) - self.masters or len(self.running_nodes()) < len(
            self.nodes)

    def running_nodes(self):
        return [node for node in self.nodes if node.process.is_running()]

    def seeds(self):
        return [f"127.0.0.1:{node.port}" for node in self.nodes]

    def node_of_port(self, port):
        return next(node for node in self.nodes if node.port == port)

    def slot_owners(self):
        """{port of master: list of (first slot, last slot)} as a running node sees it."""
        owners = {}
        for first, last, master, *_ in self.running_nodes()[0].call("CLUSTER", "SLOTS"):
            owners.setdefault(master[1], []).append((first, last))
        return owners

    def master_of(self, key):
        slot = self.running_nodes()[0].call("CLUSTER", "KEYSLOT", key)
        for port, ranges in self.slot_owners().items():
            if any(first <= slot <= last for first, last in ranges):
                return self.node_of_port(port)
        return None

    def replicas_of(self, master):
        """The running replicas of a master, as it knows them."""
        _, _, followers = master.call("ROLE")
        return [self.node_of_port(int(port)) for _, port, _ in followers]

    def stop(self):
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0
"""The reason Slotway exists: a machine that reaches one NodePort, and no pod.

Two NodePorts lead to the same Redis Cluster: one to a pod of it, as a plain Service does; one to
Slotway in a pod of its own.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from deadline import wait_until
from pod_network import PodNetwork, why_impossible
from proxy_process import PASSWORD, ProxyProcess
from real_cluster import RedisNode, redis_cli

PLAIN_PORT, SLOTWAY_PORT = 30001, 32200
PODS = 3
SESSION_SET = [(key, str(value)) for value, key in enumerate("abcdefghij", 1)]

_why = why_impossible()
pytestmark = pytest.mark.skipif(_why is not None, reason=str(_why))


class NodeAndPods:
    """A Redis Cluster of three masters in three pods, Slotway in a fourth."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="slotway-nodeport-")
        self.nodes, self.proxy, self.network = [], None, None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self.network = PodNetwork(PODS + 1, {PLAIN_PORT: (0, 6379), SLOTWAY_PORT: (PODS, 6379)})
        addresses = self.network.pod_addresses
        for number, address in enumerate(addresses[:PODS]):
            node = RedisNode(os.path.join(self.directory, str(number)), 6379, PASSWORD,
                             host=address, prefix=self.network.in_pod(number))
            self.nodes.append(node.start())
        self.wait_until("every redis-server answers", lambda: all(
            "PONG" in self.cli(address, 6379, "ping", inside=self.network.in_pod(0))
            for address in addresses[:PODS]))
        output = self.cli(addresses[0], 6379, "--cluster", "create",
                          *(f"{address}:6379" for address in addresses[:PODS]), "--cluster-yes",
                          inside=self.network.in_pod(0))
        assert "[OK] All 16384 slots covered" in output, output
        self.wait_until("the cluster is ok", lambda: all(
            "cluster_state:ok" in self.cli(address, 6379, "cluster", "info",
                                           inside=self.network.in_pod(0))
            for address in addresses[:PODS]))
        self.proxy = ProxyProcess(
            [f"{address}:6379" for address in addresses[:PODS]], backend_password=PASSWORD,
            address=addresses[PODS], port=6379, prefix=self.network.in_pod(PODS),
            wait_ready=False,
            # Translation hides from the proxy which address its clients use: it is told.
            settings={"announce": {"host": self.network.node_address, "port": SLOTWAY_PORT}})
        self.wait_until("the proxy serves", self._proxy_serves)

    def _proxy_serves(self):
        assert self.proxy.process.is_running(), self.proxy.process.log_tail()
        return "no such key" not in self.cli(
            self.network.pod_addresses[PODS], 6379, "set", "probe", "1",
            inside=self.network.in_pod(0)) and self.cli(
            self.network.pod_addresses[PODS], 6379, "get", "probe",
            inside=self.network.in_pod(0)) == "1\n"

    @staticmethod
    def wait_until(what, condition):
        wait_until(condition, 30, what)

    def cli(self, host, port, *arguments, inside, stdin=None):
        return redis_cli(port, *arguments, password=PASSWORD, host=host, prefix=inside,
                         stdin=stdin, timeout_s=30)

    def from_client(self, port, *arguments, stdin=None):
        """redis-cli on the machine outside, to a NodePort."""
        return self.cli(self.network.node_address, port, *arguments,
                        inside=self.network.in_client(), stdin=stdin)

    def redis_py(self, kind, port):
        """(exit code, output) of a session with redis-py on the machine outside."""
        session = os.path.join(os.path.dirname(os.path.abspath(__file__)), "redis_py_session.py")
        done = subprocess.run(
            [*self.network.in_client(), sys.executable, "-B", session, kind,
             self.network.node_address, str(port), PASSWORD],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        return done.returncode, done.stdout

    def stop(self):
        if self.proxy is not None:
            self.proxy.stop()
        for node in self.nodes:
            node.stop()
        if self.network is not None:
            self.network.delete()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def world():
    world = NodeAndPods()
    yield world
    world.stop()


def session_lines():
    lines = [f"set {key} {value}" for key, value in SESSION_SET]
    lines += [f"get {key}" for key, _ in SESSION_SET]
    return ("\n".join(lines) + "\n").encode()


SESSION_ANSWERS = ["OK"] * len(SESSION_SET) + [value for _, value in SESSION_SET]


def test_the_client_reaches_no_pod(world):
    for address in world.network.pod_addresses:
        output = world.cli(address, 6379, "ping", inside=world.network.in_client())
        assert "Network is unreachable" in output


def test_plain_cluster_redis_cli_gets_moved(world):
    output = world.from_client(PLAIN_PORT, stdin=session_lines())
    assert "MOVED" in output
    assert output.splitlines() != SESSION_ANSWERS


def test_plain_cluster_redis_cli_cluster_mode_is_unreachable(world):
    output = world.from_client(PLAIN_PORT, "-c", stdin=session_lines())
    assert "Network is unreachable" in output


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
def test_plain_cluster_redis_py_fails(world, kind):
    code, output = world.redis_py(kind, PLAIN_PORT)
    assert code != 0
    assert "MOVED" in output or "unreachable" in output, output


@pytest.mark.parametrize("flags", [(), ("-c",)], ids=["plain", "cluster-mode"])
def test_slotway_redis_cli(world, flags):
    output = world.from_client(SLOTWAY_PORT, *flags, stdin=session_lines())
    assert "Redirected" not in output and "MOVED" not in output
    assert output.splitlines() == SESSION_ANSWERS


@pytest.mark.parametrize("kind", ["standalone", "cluster"])
def test_slotway_redis_py(world, kind):
    code, output = world.redis_py(kind, SLOTWAY_PORT)
    assert (code, output) == (0, "ok\n")

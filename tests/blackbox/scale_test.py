# SPDX-License-Identifier: Apache-2.0
"""Many clients at once: idle, blocked, subscribed, and a busy pipeline. Nobody stalls, and the
memory they took comes back."""
import os
import resource
import selectors
import socket
import statistics
import subprocess
import threading
import time

import pytest

from child_process import MEMORY_IS_MEASURED
from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import encode
from real_cluster import RealCluster, RealRedis

IDLE, BLOCKED, SUBSCRIBERS, CHANNELS = 10_000, 2_000, 1_000, 10
BUSY_SECONDS = float(os.environ.get("SLOTWAY_SCALE_SECONDS", "8"))
STALL_MAX_S = 0.050 * SLOWNESS
# What a process may keep of a burst: allocator and pools, not clients.
KEPT_KB_MAX = 48 * 1024
KB_PER_CLIENT_MAX = 24


@pytest.fixture(scope="module", autouse=True)
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + BLOCKED + SUBSCRIBERS + 1000
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, before[1])))
    except (ValueError, OSError):
        pytest.skip(f"may not open {wanted} files")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(scope="module")
def cluster():
    running = RealCluster(masters=3, settings={"maxclients": 20000})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    running = ProxyProcess(cluster.seeds(), password=None, settings={
        "limits": {"clients_max": 14000, "private_connections_max": 3000}})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bystander():
    """A redis-server that nobody loads: its slowest answer is the machine's own noise."""
    running = RealRedis()
    yield running
    running.stop()


class Crowd:
    """Sockets to one address, in one selector; what each received is counted, not kept."""

    def __init__(self, port, count):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), 20)
            client.setblocking(False)
            self.sockets.append(client)
            self.selector.register(client, selectors.EVENT_READ)
        self.received = {client: b"" for client in self.sockets}

    def send(self, requests):
        for client, request in zip(self.sockets, requests):
            client.sendall(request)

    def read_until(self, is_done, what, timeout_s=30):
        deadline = time.monotonic() + timeout_s * SLOWNESS
        while not is_done():
            assert time.monotonic() < deadline, what
            for key, _ in self.selector.select(0.2):
                data = key.fileobj.recv(65536)
                assert data, f"hung up on: {what}"
                self.received[key.fileobj] += data

    def each_received(self, expected):
        return all(self.received[client] == expected(i) for i, client in enumerate(self.sockets))

    def forget(self):
        self.received = {client: b"" for client in self.sockets}

    def close(self):
        self.selector.close()
        for client in self.sockets:
            client.close()


class Prober(threading.Thread):
    """Asks again and again and notes how long each answer took."""

    def __init__(self, client, *command):
        super().__init__(daemon=True)
        self.client, self.command, self.is_over, self.times_s = client, command, False, []

    def run(self):
        while not self.is_over:
            began = time.perf_counter()
            self.client.call(*self.command)
            self.times_s.append(time.perf_counter() - began)
            time.sleep(0.004)  # poll: a probe has no event to wait for

    def finish(self):
        self.is_over = True
        self.join()
        self.client.close()
        return self.times_s


def busy_pipeline(port):
    return subprocess.Popen(
        ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", "20", "-P", "16", "-t",
         "get,set", "-n", "100000000", "-r", "100000", "-q"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_crowds_and_a_busy_pipeline(cluster, proxy, bystander):
    before_kb = proxy.resident_kb()
    idle = Crowd(proxy.port, IDLE)
    blocked = Crowd(proxy.port, BLOCKED)
    subscribers = Crowd(proxy.port, SUBSCRIBERS)
    everybody = [idle, blocked, subscribers]
    probers = []
    load = None
    try:
        idle.send([encode("PING")] * IDLE)
        idle.read_until(lambda: idle.each_received(lambda i: b"+PONG\r\n"), "10,000 PONGs")
        blocked.send([encode("BLPOP", f"list:{i}", 0) for i in range(BLOCKED)])
        subscribers.send([encode("SUBSCRIBE", f"news:{i % CHANNELS}") for i in range(SUBSCRIBERS)])
        subscribers.read_until(
            lambda: subscribers.each_received(
                lambda i: b"*3\r\n$9\r\nsubscribe\r\n$6\r\nnews:%d\r\n:1\r\n" % (i % CHANNELS)),
            "1,000 confirmations")
        wait_until(lambda: blocked_at(cluster) == BLOCKED, 30, "all are blocked at the shards")
        if MEMORY_IS_MEASURED:
            per_client = (proxy.resident_kb() - before_kb) / (IDLE + BLOCKED + SUBSCRIBERS)
            assert per_client < KB_PER_CLIENT_MAX, f"{per_client:.1f} kB for each client"

        load = busy_pipeline(proxy.port)
        probers = [Prober(proxy.client(), "GET", "probe"), Prober(bystander.client(), "PING")]
        for prober in probers:
            prober.start()
        wake_all(proxy, blocked, subscribers)
        time.sleep(BUSY_SECONDS)  # poll: the time that is measured
        through_proxy, noise = (prober.finish() for prober in probers)
        assert load.poll() is None, "the load ended by itself"
        report(through_proxy, noise)
        assert len(through_proxy) > 50
        assert max(through_proxy) < STALL_MAX_S + max(noise)
    finally:
        if load is not None:
            load.kill()
            load.wait()
        for crowd in everybody:
            crowd.close()
    proxy.assert_up()
    wait_until(lambda: blocked_at(cluster) == 0, 30, "nobody is blocked at the shards any longer")
    if MEMORY_IS_MEASURED:
        wait_until(lambda: proxy.resident_kb() - before_kb < KEPT_KB_MAX, 30,
                   "the memory of 13,000 clients is given back")


def wake_all(proxy, blocked, subscribers):
    """One element for each blocked client, one message for each channel; all arrive, once."""
    with proxy.client() as client:
        for first in range(0, BLOCKED, 100):
            keys = range(first, first + 100)
            replies = client.pipeline([("RPUSH", f"list:{i}", f"for:{i}") for i in keys])
            assert replies == [1] * 100
        for channel in range(CHANNELS):
            client.call("PUBLISH", f"news:{channel}", "flash")
    blocked.read_until(
        lambda: blocked.each_received(
            lambda i: encode(f"list:{i}", f"for:{i}")), "2,000 elements popped")
    subscribers.forget()
    message = encode("message", "news:0", "flash")
    subscribers.read_until(
        lambda: all(len(got) >= len(message) for got in subscribers.received.values()),
        "1,000 messages")
    assert subscribers.each_received(lambda i: encode("message", f"news:{i % CHANNELS}", "flash"))
    # Blocked again, for the rest of the test.
    blocked.send([encode("BLPOP", f"list:{i}", 0) for i in range(BLOCKED)])


def blocked_at(cluster):
    total = 0
    for node in cluster.nodes:
        for line in node.call("INFO", "clients").decode().splitlines():
            if line.startswith("blocked_clients:"):
                total += int(line.partition(":")[2])
    return total


def report(through_proxy, noise):
    for name, times_s in (("through the proxy", through_proxy), ("the machine's noise", noise)):
        print(f"{name}: {len(times_s)} probes, median {statistics.median(times_s) * 1e3:.2f} ms, "
              f"max {max(times_s) * 1e3:.1f} ms")

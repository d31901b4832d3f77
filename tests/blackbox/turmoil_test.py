# SPDX-License-Identifier: Apache-2.0
"""Clients block, watch, subscribe, monitor, pause and kill each other, and leave whenever they like,
while their shards' connections are cut and settings change: nobody waits for ever, and nothing of
it is left behind.

SLOTWAY_TURMOIL_SECONDS for longer, SLOTWAY_TURMOIL_SEED to repeat."""
import os
import random
import signal
import socket
import struct
import threading
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess, admin_text
from raw_client import ConnectionClosed, encode
from real_cluster import RealCluster

CLIENTS = 16
SECONDS = float(os.environ.get("SLOTWAY_TURMOIL_SECONDS", "20"))
DRAIN_MS = 3000
GAUGES = ("slotway_blocked_clients", "slotway_private_connections", "slotway_held_requests",
          "slotway_clients")
SCRIPT = "redis.call('INCR', KEYS[1]) return redis.call('GET', KEYS[1])"


@pytest.fixture
def cluster():
    running = RealCluster(masters=3, replicas=1, node_timeout_ms=2000)
    yield running
    running.stop()


@pytest.fixture
def proxy(cluster):
    # So few connections of their own that clients take them from each other.
    running = ProxyProcess(cluster.seeds(), settings={
        "workers": 4, "shutdown_drain_ms": DRAIN_MS, "hold": {"time_max_ms": 2000},
        "limits": {"private_connections_max": 24}})
    yield running
    running.stop()


class Turmoil(threading.Thread):
    """One client after the other, each with a random thing to do, which it may leave at any point."""

    def __init__(self, proxy, seed, is_over):
        super().__init__(daemon=True)
        self._proxy, self._rng, self._is_over = proxy, random.Random(seed), is_over
        self.error, self.done = None, {}

    def run(self):
        while not self._is_over.is_set() and self.error is None:
            act = self._rng.choice([self._block, self._transact, self._watch, self._script,
                                    self._listen, self._wait, self._gather, self._administer])
            commands = []
            try:
                with self._proxy.client(protocol=self._rng.choice([2, 3])) as client:
                    act(client, commands)
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
            except TimeoutError:
                self.error = f"no answer to {commands}"
            except (ConnectionClosed, OSError):
                pass  # it was killed
            except AssertionError as error:
                # Killed in the middle of its login, or this is no reply.
                self.error = f"{error} after {commands}"

    def _key(self):
        return f"{{{self._rng.choice('abcdefgh')}}}:{self._rng.randrange(4)}"

    def _perform(self, client, commands, script):
        """Sends all and reads the replies, some of them, or none."""
        commands += script
        one_by_one = self._rng.random() < 0.5
        stay_for = len(script) if self._rng.random() < 0.5 else self._rng.randrange(len(script) + 1)
        if not one_by_one:
            client.send(b"".join(encode(*command) for command in script))
        for command in script[:stay_for]:
            if one_by_one:
                client.send(encode(*command))
            client.reply()
        if one_by_one and stay_for < len(script):
            client.send(encode(*script[stay_for]))
        self._leave(client, is_at_once=stay_for < len(script))

    def _leave(self, client, is_at_once):
        way = self._rng.randrange(4)
        if way == 0:
            client.set_option(socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif way == 1:
            client.half_close()
            if not is_at_once:
                client.receive_until_closed()
        elif is_at_once:
            time.sleep(self._rng.random() * 0.2)  # what it asked for is under way

    def _block(self, client, commands):
        key, seconds = self._key(), self._rng.choice([0.01, 0.1, 0.5])
        call = self._rng.choice([
            ("BLPOP", f"{key}:l", seconds), ("BZPOPMIN", f"{key}:z", seconds),
            ("BLMOVE", f"{key}:l", f"{key}:m", "LEFT", "LEFT", seconds),
            ("XREAD", "BLOCK", int(seconds * 1000), "STREAMS", f"{key}:s", "$")])
        waker = self._rng.choice([("PING",), ("RPUSH", f"{key}:l", "v"), ("ZADD", f"{key}:z", 1, "m"),
                                  ("XADD", f"{key}:s", "MAXLEN", 10, "*", "f", "v")])
        if self._rng.random() < 0.2:
            # For ever: it leaves or is unblocked, killed or drained.
            commands.append(("BLPOP", "forever"))
            client.send(encode("BLPOP", f"{key}:never", 0) + encode("PING"))
            return self._leave(client, is_at_once=True)
        return self._perform(client, commands, [waker, call, ("PING",), call, waker])

    def _transact(self, client, commands):
        key = self._key()
        inside = self._rng.sample([
            ("SET", key, 1), ("GET", key), ("PING",), ("DBSIZE",), ("BLPOP", f"{key}:l", 0),
            ("PUBLISH", "turmoil", "x"), ("WAIT", 1, 10), ("EVAL", SCRIPT, 1, f"{key}:n"),
            ("CLIENT", "LIST"), ("UNWATCH",), ("EXISTS", "a", "b", "c"), ("NOSUCH",)], 5)
        end = self._rng.choice([("EXEC",), ("EXEC",), ("DISCARD",), ("RESET",)])
        self._perform(client, commands, [("MULTI",), *inside, end])

    def _watch(self, client, commands):
        key = self._key()
        self._perform(client, commands, [
            ("WATCH", key), ("WATCH", f"{key}:more"), ("GET", key), ("MULTI",), ("INCR", f"{key}:n"),
            ("DBSIZE",), ("EXEC",), ("WATCH", key), self._rng.choice([("UNWATCH",), ("PING",)])])

    def _script(self, client, commands):
        key = self._key()
        self._perform(client, commands, [
            ("EVAL", SCRIPT, 1, f"{key}:n"), ("SCRIPT", "LOAD", SCRIPT),
            ("EVALSHA", "0" * 40, 1, key), ("SCRIPT", "EXISTS", "0" * 40), ("EVAL_RO", "return 1", 0)])

    def _listen(self, client, commands):
        name = self._rng.choice("abc")
        script = [self._rng.choice([("SUBSCRIBE", name, "turmoil"), ("PSUBSCRIBE", f"{name}*", "__key*"),
                                    ("SSUBSCRIBE", name), ("MONITOR",)]) for _ in range(2)]
        script += [self._rng.choice([("UNSUBSCRIBE",), ("PUNSUBSCRIBE",), ("SUNSUBSCRIBE",), ("RESET",),
                                     ("PING",)])]
        commands += script
        client.send(b"".join(encode(*command) for command in script))
        with self._proxy.client() as publisher:
            publisher.pipeline([("PUBLISH", name, "x"), ("SPUBLISH", name, "x")])
        client.settimeout(0.1)
        try:
            while not self._is_over.is_set() and self._rng.random() < 0.95:
                client.reply()
        except TimeoutError:
            pass  # nobody says anything
        self._leave(client, is_at_once=True)

    def _wait(self, client, commands):
        self._perform(client, commands, [("SET", self._key(), 1), ("WAIT", 1, 50), ("WAIT", 3, 20),
                                         ("WAIT", 0, 0), ("INCR", f"{self._key()}:n")])

    def _gather(self, client, commands):
        keys = [self._key() for _ in range(5)]
        self._perform(client, commands, [
            ("DBSIZE",), ("SCAN", 0, "COUNT", 50), ("MGET", *keys), ("DEL", *keys), ("RANDOMKEY",),
            ("INFO",), ("PUBSUB", "CHANNELS"), ("PUBSUB", "NUMPAT"), ("EXISTS", *keys), ("KEYS", "a*")])

    def _administer(self, client, commands):
        listed = client.call("CLIENT", "LIST")
        if not isinstance(listed, bytes):
            return
        ids = [line.split(b" ", 1)[0][3:] for line in listed.splitlines()]
        victims = self._rng.sample(ids, min(3, len(ids)))
        script = [self._rng.choice([("CLIENT", "KILL", "ID", victim), ("CLIENT", "UNBLOCK", victim),
                                    ("CLIENT", "UNBLOCK", victim, "ERROR")]) for victim in victims]
        script += [self._rng.choice([("CLIENT", "PAUSE", 30, "WRITE"), ("CLIENT", "PAUSE", 20),
                                     ("CLIENT", "UNPAUSE"), ("CLIENT", "KILL", "TYPE", "pubsub")])]
        self._perform(client, commands, script)


def disturb(cluster, proxy, rng, turn):
    node = rng.choice(cluster.nodes)
    kind = rng.choice(["normal", "normal", "pubsub"])
    node.call("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    if turn % 8 == 0:
        proxy.write_config({"hold": {"time_max_ms": 2000 + turn}, "tcp": {"nodelay": turn % 16 == 0}})
        proxy.process.signal(signal.SIGHUP)


def gauges(proxy):
    lines = admin_text(proxy.admin_port, "/metrics").splitlines()
    values = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    sums = {gauge: sum(int(value) for name, value in values if name.split("{")[0] == gauge)
            for gauge in GAUGES}
    assert {name.split("{")[0] for name, _ in values} >= set(GAUGES)
    return sums


def test_turmoil(cluster, proxy):
    seed = int(os.environ.get("SLOTWAY_TURMOIL_SEED", random.SystemRandom().getrandbits(32)))
    print(f"seed {seed}")
    rng, is_over = random.Random(seed), threading.Event()
    clients = [Turmoil(proxy, seed + 1 + i, is_over) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    end, turn = time.monotonic() + SECONDS, 0
    while time.monotonic() < end and not any(client.error for client in clients):
        time.sleep(0.2)  # a disturbance now and then
        turn += 1
        proxy.assert_running()
        disturb(cluster, proxy, rng, turn)
    is_over.set()
    for client in clients:
        client.join(60 * SLOWNESS)
        assert not client.is_alive(), "a client waits for ever"
    errors = [client.error for client in clients if client.error]
    assert not errors, errors
    acts = {act for client in clients for act in client.done}
    assert len(acts) == 8, acts
    wait_until(lambda: not any(gauges(proxy).values()), 10, "nothing is left behind; see /metrics")
    proxy.assert_up()
    leave_in_the_middle(proxy)


def leave_in_the_middle(proxy):
    """SIGTERM with clients that would stay for ever."""
    clients = [proxy.client() for _ in range(12)]
    for client in clients[:4]:
        client.send(encode("BLPOP", "never", 0))
    clients[4].call("SUBSCRIBE", "never")
    clients[5].call("SSUBSCRIBE", "never")
    clients[6].call("MONITOR")
    clients[7].call("WATCH", "never")
    clients[8].pipeline([("WATCH", "never"), ("MULTI",), ("SET", "never", 1)])
    clients[9].send(encode("WAIT", 5, 0))
    wait_until(lambda: gauges(proxy)["slotway_blocked_clients"] >= 5, 10, "five are blocked")
    clients[10].call("CLIENT", "PAUSE", 3600000)
    clients[11].send(encode("SET", "never", 1))
    began = time.monotonic()
    assert proxy.stop() == 0
    assert time.monotonic() - began < DRAIN_MS / 1000 * max(1, SLOWNESS / 2) + 1
    for client in clients:
        client.close()

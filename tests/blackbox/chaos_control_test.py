# SPDX-License-Identifier: Apache-2.0
"""The control of the chaos test's pub/sub part: clients of the cluster itself, without a proxy, hear
all in peace as well, and not all in the same trouble. So the chaos test asks no more of the proxy."""
import os
import random
import threading
import time

import pytest

from chaos_faults import Faults
from chaos_history import ACKED, Operation, check_messages
from chaos_pubsub import CHANNELS
from chaos_test import SETTINGS
from deadline import wait_until
from raw_client import ConnectionClosed
from real_cluster import RealCluster

QUIET_S = 2
KIND = b"message"


@pytest.fixture
def cluster():
    cluster = RealCluster(masters=3, replicas=1, node_timeout_ms=1500, settings=SETTINGS)
    yield cluster
    cluster.stop()


class DirectListener(threading.Thread):
    """Subscribes at one node, and again whenever its connection ends."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self._node, self._is_stopping, self._client = node, False, None
        self.heard = []
        self.subscribed = threading.Event()

    def run(self):
        while not self._is_stopping:
            try:
                with self._node.client() as self._client:
                    assert self._client.call("SUBSCRIBE", *CHANNELS)[0] == b"subscribe"
                    for _ in CHANNELS[1:]:
                        self._client.reply()
                    self.subscribed.set()
                    while True:
                        self.heard.append(tuple(self._client.reply()))
            except (OSError, ConnectionClosed):
                self.subscribed.clear()
                time.sleep(0.01)  # poll: the node is another process

    def stop(self):
        self._is_stopping = True
        try:
            self._client.shutdown()
        except OSError:
            pass
        self.join(20)


def publish(node, stopping, history):
    """At a replica: the faults spare its connections."""
    with node.client() as client:
        for number in range(1 << 30):
            if stopping.wait(0.002):
                return
            channel = CHANNELS[number % len(CHANNELS)]
            message, sent = b"%s|%d" % (channel, number), time.monotonic()
            assert isinstance(client.call("PUBLISH", channel, message), int)
            history.append(Operation(message, sent, time.monotonic(), ACKED, None))


def lost_while(cluster, what):
    """What is missed of what is published while what() runs."""
    masters = [node for node in cluster.nodes if node.call("ROLE")[0] == b"master"]
    replica = cluster.replicas_of(masters[0])[0]
    listeners = [DirectListener(node) for node in masters]
    stopping, history = threading.Event(), []
    publisher = threading.Thread(target=publish, args=(replica, stopping, history))
    for listener in listeners:
        listener.start()
    for listener in listeners:
        assert listener.subscribed.wait(20)
    publisher.start()
    wait_until(lambda: len(history) > 100, 20, "messages are published")
    begin = time.monotonic()
    what()
    end = time.monotonic()
    stopping.set()
    publisher.join(20)

    def problems():
        return [problem for number, listener in enumerate(listeners) for channel in CHANNELS
                for problem in check_messages(f"listener {number}", (KIND, channel), [history],
                                              listener.heard, [(begin, end)])]
    try:
        wait_until(lambda: not problems(), 2, "all was heard")
    except AssertionError:
        pass  # they are what is asked for
    missed = problems()
    for listener in listeners:
        listener.stop()
    return missed


def test_a_cluster_without_a_proxy_loses_messages_in_trouble_only(cluster):
    seed = int(os.environ.get("SLOTWAY_CHAOS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"seed {seed}")
    faults = Faults(cluster, random.Random(seed))
    assert lost_while(cluster, lambda: time.sleep(QUIET_S)) == []  # poll: nothing is to happen
    for fault in (faults.cut_connections, faults.kill_master, faults.restart_master):
        missed = lost_while(cluster, fault)
        print(f"{fault.__name__}: {len(missed)} problems, as {missed[:1]}")
        assert missed

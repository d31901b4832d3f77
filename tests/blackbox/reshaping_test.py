# SPDX-License-Identifier: Apache-2.0
"""A cluster grows by two nodes and shrinks again while clients go on: no error, no loss.

SLOTWAY_RESHAPING_ROUNDS says how often (1)."""
import os
import random
import threading

import pytest
import redis

from bus_nodes import my_id, nodes  # noqa: F401  fixtures
from cluster_tool import address, run_tool
from cluster_tool_test import owners
from proxy_process import ProxyProcess

ROUNDS = int(os.environ.get("SLOTWAY_RESHAPING_ROUNDS", "1"))
DEFAULT_TIMEOUT_MS = 2000  # of a shard; other tests have less patience
CLIENTS = 4
KEYS_OF_EACH = 500


class Client(threading.Thread):
    """Counts up and overwrites keys of its own, and knows what each has to hold."""

    def __init__(self, proxy, number):
        super().__init__()
        self._redis = redis.Redis("127.0.0.1", proxy.port, password=proxy.password, retry_on_timeout=False,
                                  socket_timeout=60)
        self._chance = random.Random(number)
        self._number = number
        self._stopping = threading.Event()
        self.counts, self.values = {}, {}
        self.requests, self.failure = 0, None

    def run(self):
        try:
            while not self._stopping.is_set():
                self._step()
        except Exception as error:  # told by the main thread
            self.failure = f"{type(error).__name__}: {error}"

    def _step(self):
        index = self._chance.randrange(KEYS_OF_EACH)
        counter, value = f"count:{self._number}:{index}", f"value:{self._number}:{index}"
        self.counts[counter] = self.counts.get(counter, 0) + 1
        assert self._redis.incr(counter) == self.counts[counter]
        self.values[value] = b"%d" % self._chance.getrandbits(60)
        assert self._redis.set(value, self.values[value]) is True
        other = self._chance.choice(list(self.values))
        assert self._redis.get(other) == self.values[other]
        self.requests += 3

    def stop(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), "a client waits for a reply for ever"

    def check_all(self):
        for key, count in self.counts.items():
            assert int(self._redis.get(key)) == count, key
        for key, value in self.values.items():
            assert self._redis.get(key) == value, key


@pytest.mark.parametrize("kind", ["ours"] + (["theirs"] if ROUNDS > 1 else []))
def test_two_nodes_come_and_go_under_load(nodes, kind):  # noqa: F811
    members = nodes(*{"ours": (5, 0), "theirs": (0, 5)}[kind])
    old, new = members[:3], members[3:]
    for node in members:
        assert node.call("CONFIG", "SET", "cluster-node-timeout", DEFAULT_TIMEOUT_MS) == "OK"
    run_tool("create", *old)
    proxy = ProxyProcess([address(node) for node in old])
    clients = [Client(proxy, number) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(ROUNDS):
            run_tool("add", old[0], *new)
            run_tool("rebalance", old[0], timeout_s=300)
            assert sorted(owners(old).values()) == [3276, 3277, 3277, 3277, 3277]
            run_tool("remove", old[0], *new, timeout_s=300)
            assert sorted(owners(old).values()) == [5461, 5461, 5462]
    finally:
        for client in clients:
            client.stop()
    assert [client.failure for client in clients] == [None] * CLIENTS
    for client in clients:
        client.check_all()
    requests = sum(client.requests for client in clients)
    print(f"{requests} requests were answered meanwhile")
    assert requests > 1000
    assert [node.call("DBSIZE") for node in new] == [0, 0]
    assert len({my_id(node) for node in members}) == 5
    proxy.assert_up()
    proxy.stop()

# SPDX-License-Identifier: Apache-2.0
"""Commands that keep a shard busy stand in a lane of their own: nobody else's stand behind them."""
import threading
import time

import pytest

from deadline import SLOWNESS, wait_until
from proxy_process import ProxyProcess
from raw_client import ErrorReply, encode
from real_cluster import RealCluster

ENDLESS = "while true do end"
KEYS = 300_000


@pytest.fixture(scope="module")
def cluster():
    running = RealCluster(masters=3, settings={"busy-reply-threshold": 100})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy(cluster):
    running = ProxyProcess(cluster.seeds(), password=None, settings={"workers": 1})
    yield running
    running.stop()


@pytest.mark.parametrize("command", [("EVAL", ENDLESS, 1, "busy"),
                                     ("EVAL_RO", ENDLESS, 1, "busy")], ids=lambda c: c[0])
def test_a_busy_script_can_be_seen_and_stopped(proxy, command):
    """Redis says BUSY to others and obeys SCRIPT KILL, if these do not stand behind the script."""
    with proxy.client() as scripting, proxy.client() as other, proxy.client() as elsewhere:
        scripting.send(encode(*command))
        wait_until(lambda: str(other.call("GET", "busy")).startswith("BUSY"), 10, "others hear BUSY")
        assert elsewhere.call("SET", "{elsewhere}1", "x") == "OK"
        assert other.call("SCRIPT", "KILL") == "OK"
        reply = scripting.reply()
        assert isinstance(reply, ErrorReply) and "Script killed by user" in reply
        assert other.call("GET", "busy") is None


def test_the_order_of_one_client_is_kept_between_lanes(proxy):
    with proxy.client() as client:
        commands, expected = [], []
        for i in range(200):
            commands += [("SET", "lane", i), ("EVAL", "return redis.call('get', KEYS[1])", 1, "lane"),
                         ("GET", "lane"), ("SORT", "none"), ("APPEND", "lane", "x")]
            expected += ["OK", b"%d" % i, b"%d" % i, [], len(str(i)) + 1]
        assert client.pipeline(commands) == expected


def test_a_long_reply_does_not_delay_short_ones_to_others(proxy):
    with proxy.client() as client, proxy.client() as listing, proxy.client() as probing:
        for first in range(0, KEYS, 10_000):
            client.pipeline([("SET", f"key-with-a-long-name-so-that-there-is-much-to-list:{i}", "")
                             for i in range(first, first + 10_000)])
        listed = []
        reader = threading.Thread(target=lambda: listed.append(listing.call("KEYS", "*")))
        slowest = 0
        reader.start()
        while reader.is_alive():
            began = time.perf_counter()
            assert probing.call("GET", "lane") is not None
            slowest = max(slowest, time.perf_counter() - began)
        reader.join()
        assert len(listed[0]) >= KEYS
        # Each shard is busy for a while itself; the reply, tens of megabytes, is not waited for.
        assert slowest < 1.5 * SLOWNESS
        client.call("FLUSHALL")

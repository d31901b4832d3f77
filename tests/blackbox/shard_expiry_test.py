# SPDX-License-Identifier: Apache-2.0
"""Keys whose time has come and that nobody touches: slotway-shard frees them soon, and its clients
do not notice. Nothing here asks for such a key, or for anything that would look at it."""
import re
import time

import pytest

from deadline import SLOWNESS, wait_until
from raw_client import encode
from shard_process import ShardProcess
from stall_probe import StallProbe, longest_ms

MANY = 200_000
FREED_MS_MAX = 100
STALL_MS_MAX = 10
PATIENCE = 3 * SLOWNESS  # other things run on the machine


@pytest.fixture
def shard():
    running = ShardProcess(password=None)
    yield running
    running.stop()


def info(client, name):
    found = re.search(rb"(?m)^%s:(.*?)\r$" % name.encode(), client.call("INFO", "everything"))
    assert found, f"INFO has no {name}"
    return int(found.group(1))


def unix_ms():
    return time.time_ns() // 1_000_000


def fill(client, count, prefix, *options):
    batch = 1000
    for first in range(0, count, batch):
        client.send(b"".join(encode("SET", f"{prefix}{i}", "v" * 32, *options)
                             for i in range(first, min(first + batch, count))))
        for _ in range(min(batch, count - first)):
            client.reply()


def gone_after_ms(client, due_at_ms, count):
    """How long after their time all of `count` keys have expired."""
    wait_until(lambda: info(client, "expired_keys") >= count, 30, "all have expired")
    return unix_ms() - due_at_ms


def test_a_due_key_is_freed_within_100_ms(shard):
    with shard.client() as client:
        client.call("SET", "k", "v" * 1_000_000)
        used = info(client, "used_memory")
        for delay_ms in (1, 15, 16, 17, 200, 1023, 1024, 1025, 1500):
            client.call("SET", "k", "v" * 1_000_000)
            due_at_ms = unix_ms() + delay_ms
            assert client.call("PEXPIREAT", "k", due_at_ms) == 1
            # Not expired_keys: PEXPIREAT may come too late, and deletes the key itself then.
            wait_until(lambda: client.call("DBSIZE") == 0, 30, "it is gone")
            assert unix_ms() - due_at_ms <= FREED_MS_MAX * PATIENCE, delay_ms
            wait_until(lambda: info(client, "used_memory") < used - 900_000, 5, "memory is free")


def test_many_due_at_once_stall_nobody(shard):
    with shard.client() as client:
        fill(client, MANY, "kept")
        used = info(client, "used_memory")
        due_at_ms = unix_ms() + 14_000
        fill(client, MANY, "due", "PXAT", due_at_ms)
        client.call("SET", "single", "v", "PXAT", due_at_ms - 50)
        assert unix_ms() < due_at_ms - 3_000, "this machine is too slow for the test"
        calm_from_s = time.monotonic()
        probe = StallProbe(shard.port, "PING")
        try:
            # What is due before the others is not behind them, though the wheel has begun with them.
            time.sleep(max(0, (due_at_ms - 50 - unix_ms()) / 1000))  # poll: nobody may touch them
            assert gone_after_ms(client, due_at_ms - 50, 1) <= FREED_MS_MAX * PATIENCE
            due_at_s = time.monotonic() + (due_at_ms - unix_ms()) / 1000
            taken_ms = gone_after_ms(client, due_at_ms, MANY + 1)
            samples = probe.finish()
        finally:
            probe.kill()
        assert taken_ms <= FREED_MS_MAX * PATIENCE
        noise_ms = longest_ms(samples, calm_from_s, due_at_s - 1.5)
        assert longest_ms(samples, due_at_s - 1.5) <= STALL_MS_MAX + PATIENCE * noise_ms
        # Their memory is free, and what was kept is all there.
        wait_until(lambda: info(client, "used_memory") < used + 1_000_000, 5, "memory is free")
        assert client.call("DBSIZE") == MANY

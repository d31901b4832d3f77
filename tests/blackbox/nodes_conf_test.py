# SPDX-License-Identifier: Apache-2.0
"""nodes.conf on a disk that is slow, and on one that fails: who waits for it, and who is told."""
import os
import shutil
import subprocess
import threading
import time

import pytest

from bus_nodes import give_slots, info, nodes  # noqa: F401  fixtures
from deadline import SLOWNESS, wait_until
from raw_client import ConnectionClosed, ErrorReply

SYNC_S = 3


def wait_until_ok(node):
    wait_until(lambda: info(node)["cluster_state"] == "ok", 20, "the node serves")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the disk slow")
def test_a_slow_disk_holds_up_only_who_changed_the_cluster(nodes):  # noqa: F811
    node, = nodes(1)
    give_slots([node])
    wait_until_ok(node)
    delay = f"inject=fsync:delay_enter={SYNC_S * 1_000_000}"
    with subprocess.Popen(["strace", "-f", "-e", "trace=fsync", "-e", delay, "-p", str(node.process.pid)],
                          stderr=subprocess.PIPE, text=True) as strace:
        try:
            assert "attached" in strace.stderr.readline()
            threading.Thread(target=strace.stderr.read, daemon=True).start()
            check_who_waits(node)
        finally:
            strace.terminate()


def check_who_waits(node):
    answered = {}
    begun_s = time.monotonic()

    def bump():
        answered["reply"] = node.call("CLUSTER", "DELSLOTS", 7)
        answered["after_s"] = time.monotonic() - begun_s
    asking = threading.Thread(target=bump)
    asking.start()
    with node.client() as client:
        longest_s = 0
        while asking.is_alive():
            before_s = time.monotonic()
            client.call("PING")
            longest_s = max(longest_s, time.monotonic() - before_s)
    asking.join()
    assert answered["reply"] == "OK"
    assert answered["after_s"] > SYNC_S, "it was confirmed before it was on the disk"
    assert longest_s < SYNC_S / 2 * SLOWNESS


def test_a_failing_disk_is_told_and_nothing_is_confirmed(nodes):  # noqa: F811
    node, = nodes(1)
    give_slots([node])
    wait_until_ok(node)
    elsewhere = node.directory + ".gone"
    os.rename(node.directory, elsewhere)
    try:
        with node.client() as client, pytest.raises((ConnectionClosed, OSError)):
            client.call("CLUSTER", "DELSLOTS", 7)
        reply = node.call("CLUSTER", "SAVECONFIG")
        assert isinstance(reply, ErrorReply) and str(reply).startswith("ERR error saving the cluster node config: ")
        assert "No such file or directory" in str(reply)
    finally:
        os.rename(elsewhere, node.directory)
    wait_until(lambda: "nodes.conf can be written again" in node.process.log(), 10, "it is tried again")
    assert "nodes.conf cannot be written, so this node neither votes" in node.process.log()
    assert node.call("CLUSTER", "SAVECONFIG") == "OK"
    assert node.call("CLUSTER", "ADDSLOTS", 7) == "OK"
    wait_until_ok(node)

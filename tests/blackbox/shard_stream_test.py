# SPDX-License-Identifier: Apache-2.0
"""What a replica takes of its master's stream, and what it does not: nothing that the stream says may
bring it down or make something else of it, and nothing of it may be refused for want of time."""
import threading

import pytest

from deadline import wait_until
from raw_client import ErrorReply
from shard_replication_test import fixture_members  # noqa: F401  a fixture
from shard_sync_test import HISTORY, OFFSET, ScriptedMaster

EMPTY_DATA_SET = b"REDIS0009\xff" + bytes(8)
ENDLESS = "while true do end"


def request(*words):
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class StreamingMaster(ScriptedMaster):
    """Sends a stream behind an empty data set."""

    def __init__(self, *commands):
        self._stream = b"".join(request(*command) for command in commands)
        super().__init__(EMPTY_DATA_SET, False)
        self.let_go.set()

    def _send_data(self, connection):
        super()._send_data(connection)
        connection.sendall(self._stream)


@pytest.mark.parametrize("command", [
    ("REPLICAOF", "NO", "ONE"), ("REPLICAOF", "127.0.0.1", "1"), ("SYNC",), ("PSYNC", "?", "-1"),
    ("PSYNC", HISTORY, str(OFFSET), "FAILOVER"), ("SUBSCRIBE", "channel"), ("CLIENT", "TRACKING", "ON"),
    ("WATCH", "key"), ("RESET",), ("CLIENT", "REPLY", "OFF"), ("SHUTDOWN", "NOSAVE", "NOW")], ids="-".join)
def test_what_does_not_belong_there_is_left_out(members, command):
    replica = members("ours")
    master = StreamingMaster(command, ("SET", "key", "1"), ("PUBLISH", "channel", "x"), ("SET", "done", "1"))
    try:
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_until(lambda: replica.call("GET", "done") == b"1", 20, "the rest of the stream is applied")
        assert replica.info("role") == "slave"
        assert replica.info("connected_slaves") == "0"
        assert int(replica.info("unexpected_error_replies", "stats")) == 1
        # Whoever was entered somewhere on behalf of the link is not there any more.
        replica.call("REPLICAOF", "NO", "ONE")
        replica.call("SET", "key", "2")
        assert replica.call("PUBLISH", "channel", "x") == 0
    finally:
        master.stop()


def test_nor_by_a_script_of_the_stream(members):
    replica = members("ours")
    master = StreamingMaster(("EVAL", "return redis.pcall('replicaof', 'no', 'one')", "0"), ("SET", "done", "1"))
    try:
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_until(lambda: replica.call("GET", "done") == b"1", 20, "the rest of the stream is applied")
        assert replica.info("role") == "slave"
    finally:
        master.stop()


@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_the_stream_waits_for_a_script_of_a_reader(members, kind):
    master, replica = members("ours"), members(kind, busy_reply_threshold="50")
    replica.follow(master)
    reader = replica.server.client(timeout_s=60)
    answers = []
    script = threading.Thread(target=lambda: answers.append(reader.call("EVAL_RO", ENDLESS, 0)))
    script.start()
    wait_until(lambda: isinstance(replica.call("GET", "n"), ErrorReply), 20, "the script is found to be long")
    for _ in range(100):
        master.call("INCR", "n")
    assert isinstance(replica.call("GET", "n"), ErrorReply)
    assert replica.call("SCRIPT", "KILL") == "OK"
    script.join(20)
    reader.close()
    assert isinstance(answers[0], ErrorReply)
    wait_until(lambda: replica.call("GET", "n") == b"100", 20, "it has what was written meanwhile")
    assert replica.info("master_link_status") == "up"
    assert replica.info("unexpected_error_replies", "stats") == "0"

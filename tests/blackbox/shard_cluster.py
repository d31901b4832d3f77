# SPDX-License-Identifier: Apache-2.0
"""A cluster of our own shards behind one port: `slotway local`."""
import os
import re
import signal
import tempfile

from child_process import command_line, descendants
from free_ports import free_port
from server_program import PASSWORD, ServerProgram, program


class LocalCluster(ServerProgram):
    """One `slotway local`; stop() is its Ctrl-C."""

    def __init__(self, shards=3, replicas=0, password=PASSWORD, arguments=()):
        directory, port = tempfile.mkdtemp(prefix="slotway-local-"), free_port()
        super().__init__(
            [program("slotway"), "local", "--shards", shards, "--replicas", replicas,
             "--port", port, "--admin-port", free_port(), "--password", password,
             "--dir", os.path.join(directory, "data"), *arguments],
            directory, "127.0.0.1", port, password)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self, timeout_s=60):
        # It prints the endpoint once everything serves.
        self.wait_until_it(lambda: f":{self.port}" in self.process.log() and self.answers(),
                           timeout_s, "slotway local prints its endpoint")

    def answers(self):
        try:
            with self.client() as client:
                replies = client.pipeline([("GET", f"probe:{i}") for i in range(64)])
                return all(reply is None for reply in replies)
        except (OSError, AssertionError, EOFError):
            return False

    def shard_pids(self):
        return [pid for pid in descendants(self.process.pid)
                if any("slotway-shard" in part for part in command_line(pid)[:1])]

    def server_pids(self):
        return [self.process.pid, *descendants(self.process.pid)]

    def shard_ports(self):
        """The ports of the shards, from the table that `slotway local` prints."""
        found = re.findall(r"(?:master|replica) +127\.0\.0\.1:(\d+)", self.process.log())
        return sorted({int(port) for port in found})

    def interrupt(self):
        self.process.signal(signal.SIGINT)

    def stop(self):
        if self.process.is_running():
            self.interrupt()
            try:
                self.process.wait(20)
            except Exception:  # whatever hangs is killed, together with what it started
                for pid in self.server_pids():
                    os.kill(pid, signal.SIGKILL)
        return super().stop()


class ShardCluster:
    """Own shards behind a proxy, with the face of (RealCluster, ProxyProcess) together."""

    kind = "slotway"

    def __init__(self, **options):
        self.local = LocalCluster(**options)

    def stop(self):
        self.local.stop()

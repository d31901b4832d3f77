# SPDX-License-Identifier: Apache-2.0
"""A cluster of our own shards behind one port: `slotway local`."""
import os
import re
import shutil
import signal
import tempfile

from child_process import ChildProcess, command_line, descendants, resident_kb
from deadline import wait_until
from free_ports import free_port
from proxy_process import PASSWORD, program
from raw_client import RawClient


class LocalCluster:
    """One `slotway local`; stop() is its Ctrl-C."""

    def __init__(self, shards=3, replicas=0, password=PASSWORD, arguments=()):
        self.directory = tempfile.mkdtemp(prefix="slotway-local-")
        self.host, self.port, self.password = "127.0.0.1", free_port(), password
        self.process = ChildProcess(
            [program("slotway"), "local", "--shards", shards, "--replicas", replicas,
             "--port", self.port, "--admin-port", free_port(), "--password", password,
             "--dir", os.path.join(self.directory, "data"), *arguments],
            os.path.join(self.directory, "log"))
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self, timeout_s=60):
        def serves():
            assert self.process.is_running(), (
                f"slotway local ended with {self.process.exit_code}:\n{self.process.log_tail()}")
            # It prints the endpoint once everything serves.
            return f":{self.port}" in self.process.log() and self._answers()
        try:
            wait_until(serves, timeout_s, "slotway local prints its endpoint")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.process.log_tail()}") from None

    def _answers(self):
        try:
            with self.client() as client:
                replies = client.pipeline([("GET", f"probe:{i}") for i in range(64)])
                return all(reply is None for reply in replies)
        except (OSError, AssertionError, EOFError):
            return False

    def client(self, **options):
        return RawClient(self.port, self.host, password=self.password, **options)

    def shard_pids(self):
        return [pid for pid in descendants(self.process.pid)
                if any("slotway-shard" in part for part in command_line(pid)[:1])]

    def server_pids(self):
        return [self.process.pid, *descendants(self.process.pid)]

    def shard_ports(self):
        """The ports of the shards, from the table that `slotway local` prints."""
        found = re.findall(r"127\.0\.0\.1:(\d+)", self.process.log())
        return sorted({int(port) for port in found} - {self.port})

    def resident_kb(self):
        return sum(resident_kb(pid) for pid in self.server_pids())

    def assert_up(self):
        assert self.process.is_running(), (
            f"slotway local ended with {self.process.exit_code}:\n{self.process.log_tail(60)}")
        with self.client() as client:
            assert client.call("PING") == "PONG"

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
        code = self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return code


class ShardCluster:
    """Own shards behind a proxy, with the face of (RealCluster, ProxyProcess) together."""

    kind = "slotway"

    def __init__(self, **options):
        self.local = LocalCluster(**options)

    def stop(self):
        self.local.stop()

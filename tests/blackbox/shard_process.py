# SPDX-License-Identifier: Apache-2.0
"""One slotway-shard without cluster mode: our server in the place of a redis-server."""
import os
import shutil
import tempfile

from child_process import ChildProcess, resident_kb
from deadline import wait_until
from free_ports import free_port
from proxy_process import PASSWORD, program
from raw_client import RawClient


class ShardProcess:
    def __init__(self, password=PASSWORD, options=()):
        self.directory = tempfile.mkdtemp(prefix="slotway-shard-")
        self.host, self.port, self.password = "127.0.0.1", free_port(), password
        command = [program("slotway-shard"), "--port", self.port, "--bind", self.host,
                   "--dir", self.directory, *options]
        if password:
            command += ["--requirepass", password]
        self.process = ChildProcess(command, os.path.join(self.directory, "log"))
        try:
            wait_until(self._answers, 20, "slotway-shard answers")
        except AssertionError as error:
            log = self.process.log_tail()
            self.stop()
            raise AssertionError(f"{error}\n{log}") from None

    def _answers(self):
        assert self.process.is_running(), (
            f"slotway-shard ended with {self.process.exit_code}:\n{self.process.log_tail()}")
        try:
            with self.client() as client:
                return client.call("PING") == "PONG"
        except OSError:
            return False

    def client(self, **options):
        return RawClient(self.port, self.host, password=self.password, **options)

    def server_pids(self):
        return [self.process.pid]

    def resident_kb(self):
        return resident_kb(self.process.pid)

    def assert_up(self):
        assert self.process.is_running(), (
            f"slotway-shard ended with {self.process.exit_code}:\n{self.process.log_tail(60)}")
        with self.client() as client:
            assert client.call("PING") == "PONG"

    def stop(self):
        code = self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return code

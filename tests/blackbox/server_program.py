# SPDX-License-Identifier: Apache-2.0
"""What the tests ask of any server program of ours: clients, its processes, its end."""
import os
import shutil

from child_process import ChildProcess, resident_kb
from deadline import wait_until
from raw_client import RawClient

PASSWORD = "new1234"
_SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
                    ": runtime error: ")


def program(name):
    """A program of the build under test; SLOTWAY_BIN_DIR is set by CTest."""
    directory = os.environ.get("SLOTWAY_BIN_DIR", "build/release/bin")
    return os.path.abspath(os.path.join(directory, name))


def sanitizer_report(log, lines=60):
    """What a sanitizer found, or nothing."""
    found = log.splitlines()
    for i, line in enumerate(found):
        if any(mark in line for mark in _SANITIZER_MARKS):
            return "\n".join(found[i:i + lines])
    return ""


class ServerProgram:
    """Has a folder of its own, which goes with it. Subclasses wait for their program."""

    def __init__(self, command, directory, host, port, password):
        self.directory, self.host, self.port, self.password = directory, host, port, password
        self.process = ChildProcess(command, os.path.join(directory, "log"))

    def wait_until_it(self, condition, timeout_s, what):
        """Polls as wait_until() does; fails at once, with the log, when the program has ended."""
        def holds():
            self.assert_running()
            return condition()
        try:
            return wait_until(holds, timeout_s, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.process.log_tail()}") from None

    def answers(self):
        try:
            with self.client() as client:
                return client.call("PING") == "PONG"
        except OSError:
            return False

    def client(self, **options):
        return RawClient(self.port, self.host, password=self.password, **options)

    def call(self, *arguments):
        with self.client() as client:
            return client.call(*arguments)

    def server_pids(self):
        return [self.process.pid]

    def resident_kb(self):
        return sum(resident_kb(pid) for pid in self.server_pids())

    def assert_running(self):
        assert self.process.is_running(), (
            f"{os.path.basename(self.process.command[0])} ended with {self.process.exit_code}:\n"
            f"{self.process.log_tail(60)}")

    def assert_up(self):
        self.assert_running()
        with self.client() as client:
            assert client.call("PING") == "PONG"

    def stop(self):
        """Ends it as an operator does: whoever still runs has to end well."""
        was_running = self.process.is_running()
        code = self.process.stop()
        if not os.path.exists(self.directory):
            return code  # it was stopped before
        report, tail = sanitizer_report(self.process.log()), self.process.log_tail()
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not report, report
        assert code == 0 or not was_running, f"SIGTERM made it end with {code}:\n{tail}"
        return code

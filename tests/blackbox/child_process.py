# SPDX-License-Identifier: Apache-2.0
"""A server process: started with its output in a file, stopped by its id, never left behind."""
import ctypes
import os
import signal
import subprocess

from deadline import SLOWNESS

_PR_SET_PDEATHSIG = 1
# Sanitizers keep memory for themselves.
MEMORY_IS_MEASURED = not os.environ.get("SLOTWAY_SANITIZE")
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ChildProcess:
    def __init__(self, command, log_path, cwd=None, env=None):
        self.command = [str(part) for part in command]
        self.log_path = str(log_path)
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=cwd, env=env, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process.poll() is None

    @property
    def exit_code(self):
        return self._process.poll()

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout_s=20):
        return self._process.wait(timeout_s * SLOWNESS)

    def kill(self):
        if self.is_running():
            self._process.kill()
        self._process.wait()

    def stop(self, timeout_s=15):
        """SIGTERM, and SIGKILL if that does not help in time; returns the exit code."""
        if self.is_running():
            self._process.terminate()
            try:
                self._process.wait(timeout_s * SLOWNESS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])


def resident_kb(pid):
    """VmRSS of a process in kB."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def descendants(pid):
    """Process ids of all children, grandchildren and so on."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, pending = [], [pid]
    while pending:
        for child in children.get(pending.pop(), []):
            found.append(child)
            pending.append(child)
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            return cmdline.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []

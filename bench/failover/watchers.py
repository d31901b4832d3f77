# SPDX-License-Identifier: Apache-2.0
"""Clients that each do one thing after the other and note when it was answered, and how."""
import threading
import time
from collections import Counter

from raw_client import ErrorReply


class Watcher(threading.Thread):
    """Asks `command` again and again. Times are those of time.monotonic()."""

    def __init__(self, server, command):
        super().__init__(daemon=True)
        self._client = server.client(timeout_s=60)
        self._command = command
        self._stopping = threading.Event()
        self.acknowledged = 0
        self.errors = Counter()
        self._answered_s = []  # of successes, since the last Reset()

    def run(self):
        while not self._stopping.is_set():
            reply = self._client.call(*self._command)
            if isinstance(reply, ErrorReply):
                self.errors[str(reply).split()[0]] += 1
                time.sleep(0.001)  # as a client that tries again would
            else:
                self.acknowledged += 1
                self._answered_s.append(time.monotonic())
        self._client.close()

    def reset(self):
        self._answered_s = self._answered_s[-1:]
        self.errors.clear()

    def pause_s(self, since_s):
        """The longest time without a success that ended after `since_s`, counted from then or from
        the last success after it; None while there was no success since."""
        times = [since_s, *(at_s for at_s in list(self._answered_s) if at_s > since_s)]
        return max((b - a for a, b in zip(times, times[1:])), default=None)

    def stop(self):
        self._stopping.set()
        self.join(70)
        assert not self.is_alive(), "a client waits for a reply for ever"

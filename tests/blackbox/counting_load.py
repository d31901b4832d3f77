# SPDX-License-Identifier: Apache-2.0
"""Clients that count: what each INCR answers shows what ran, what was lost and what ran twice."""
import threading
import time

from raw_client import ErrorReply


class CountingLoad(threading.Thread):
    """INCRs a key of its own until stop()."""

    def __init__(self, proxy, number):
        super().__init__()
        self._client = proxy.client(timeout_s=60)
        self.key = f"count:{number}"
        self._stopping = threading.Event()
        self.acknowledged = 0     # replies
        self.latest = 0           # what the latest one said
        self.unknown = 0          # errors that say that the outcome is unknown
        self.lost = 0             # steps that the counter went back
        self.wrong = []
        self.longest_pause_s = 0.0

    def run(self):
        last, unsure = 0, 0
        try:
            while not self._stopping.is_set():
                begin = time.monotonic()
                reply = self._client.call("INCR", self.key)
                self.longest_pause_s = max(self.longest_pause_s, time.monotonic() - begin)
                if isinstance(reply, ErrorReply):
                    if not str(reply).startswith("OUTCOMEUNKNOWN"):
                        self.wrong.append(str(reply))
                    self.unknown += 1
                    unsure += 1
                    continue
                if reply > last + 1 + unsure:
                    self.wrong.append(f"{last} became {reply}, {unsure} unsure")
                if reply <= last:
                    self.lost += last + 1 - reply
                last, unsure = reply, 0
                self.latest = reply
                self.acknowledged += 1
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
        self._client.close()

    def stop(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), "a client waits for a reply for ever"

# SPDX-License-Identifier: Apache-2.0
"""Asks again and again and notes how long each answer took, in a process of its own: nothing that
the test does delays it.

As a program: stall_probe.py PORT WORD...  Prints a line for each answer, "BEGAN TOOK" in seconds of
the monotonic clock, until its standard input ends."""
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

PAUSE_S = 0.001
WARM_SAMPLES = 50


class StallProbe:
    def __init__(self, port, *command):
        # A file: nobody has to read while it runs.
        self._samples = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), str(port), *command],
            stdin=subprocess.PIPE, stdout=self._samples)

    def is_warm(self):
        """Whether it has got some answers: the server knows it."""
        return os.fstat(self._samples.fileno()).st_size > 0

    def finish(self):
        """All samples, in order: (began, took) in seconds."""
        self._process.stdin.close()
        code = self._process.wait(60)
        assert code == 0, f"the probe ended with {code}"
        self._samples.seek(0)
        return [tuple(map(float, line.split())) for line in self._samples]

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def longest_ms(samples, begin=0.0, end=float("inf")):
    """The longest of those that were under way between two times."""
    return 1e3 * max((took for began, took in samples if began + took >= begin and began < end),
                     default=0.0)


def _ask(port, words):
    request = b"*%d\r\n" % len(words)
    for word in words:
        request += b"$%d\r\n%s\r\n" % (len(word), word.encode())
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The pause is also where the end of the input is noticed.
        taken = 0
        while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            began = time.monotonic()
            client.sendall(request)
            reply = client.recv(65536)
            taken += 1
            print(f"{began:.6f} {time.monotonic() - began:.6f}", flush=taken == WARM_SAMPLES)
            if not reply or reply.startswith(b"-"):
                sys.exit(f"answered {reply!r}")


if __name__ == "__main__":
    _ask(int(sys.argv[1]), sys.argv[2:])

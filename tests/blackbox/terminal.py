# SPDX-License-Identifier: Apache-2.0
"""redis-cli in a pseudo-terminal: what a person at a keyboard sees."""
import os
import pty
import re
import select
import subprocess
import time

from deadline import SLOWNESS
from real_cluster import REDIS_CLI

_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Terminal:
    """Lines are typed one by one; each is answered once the prompt is there again."""

    def __init__(self, host, port, arguments=(), prefix=()):
        self._prompt = re.compile(
            rb"(?:^|\n)(" + re.escape(f"{host}:{port}".encode()) + rb"(?:\[\d+\])?> )$")
        self._any_prompt = re.compile(rb"(?:^|\n)([^\n> ]+:\d+(?:\[\d+\])?> )$")
        master, slave = pty.openpty()
        # TERM=dumb: the line editor then neither colours nor redraws.
        env = dict(os.environ, TERM="dumb", HOME="/nonexistent")
        self._process = subprocess.Popen(
            [*prefix, REDIS_CLI, "-h", host, "-p", str(port), *map(str, arguments)],
            stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True)
        os.close(slave)
        self._fd = master
        self.transcript = b""
        self.other_prompts = []
        self._read_answer()

    def type(self, line):
        """Returns what was printed for this line, without echo and prompt."""
        os.write(self._fd, line.encode() + b"\n")
        answer = self._read_answer()
        lines = [text for text in answer.decode(errors="replace").split("\n") if text]
        # The first line is the terminal's own echo of what was typed (after the prompt, if the
        # line editor repeats it).
        if lines and lines[0].endswith(line):
            lines = lines[1:]
        return lines

    def close(self):
        try:
            os.write(self._fd, b"exit\n")
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read_answer(self, timeout_s=15):
        seen = b""
        end = time.monotonic() + timeout_s * SLOWNESS
        while True:
            ready, _, _ = select.select([self._fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"redis-cli shows no prompt; it printed {seen!r}")
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                raise AssertionError(f"redis-cli ended; it printed {seen!r}")
            seen += chunk
            plain = _CONTROL.sub(b"", seen)
            prompt = self._prompt.search(plain) or self._any_prompt.search(plain)
            if prompt:
                self.transcript += plain
                if not self._prompt.search(plain):
                    self.other_prompts.append(prompt.group(1).decode())
                return plain[:prompt.start(1)]

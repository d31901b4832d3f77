# SPDX-License-Identifier: Apache-2.0
"""A server as a cache: GET, and SET of what was not there."""

import socket

VALUE = b"v" * 100
HIT = len(b"$100\r\n") + len(VALUE) + 2
MISS = len(b"$-1\r\n")
STORED = len(b"+OK\r\n")


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def name_of(key):
    """Not numbers in a row: slots are a cyclic code of the name, and such names share few slots."""
    return b"key:%08d" % (key * 48_271 % 99_999_989)


class CachedServer:
    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._buffer = b""

    def _take(self, count):
        while len(self._buffer) < count:
            received = self._socket.recv(1 << 16)
            if not received:
                raise ConnectionError("the server has gone")
            self._buffer += received
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def ask(self, *words):
        """One command; its reply if that is a line, a number or a text."""
        self._socket.sendall(command(*words))
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._take(1)
        if line[:1] != b"$":
            return line[1:-2]
        return self._take(int(line[1:]) + 2)[:-2]

    def info(self, name):
        for line in self.ask(b"INFO", b"everything").split(b"\r\n"):
            if line.startswith(name + b":"):
                return int(line.split(b":")[1])
        raise KeyError(name)

    def get_all(self, keys):
        """Whether each of the keys was there."""
        self._socket.sendall(b"".join(command(b"GET", name_of(key)) for key in keys))
        hits = []
        for _ in keys:
            hits.append(self._take(MISS) != b"$-1\r\n")
            if hits[-1]:
                self._take(HIT - MISS)
        return hits

    def put_all(self, keys):
        self.store_all([command(b"SET", name_of(key), VALUE) for key in keys])

    def store_all(self, requests):
        """Requests that are answered OK."""
        self._socket.sendall(b"".join(requests))
        self._take(STORED * len(requests))

    def run_all(self, requests):
        """Requests that are answered with a line each."""
        self._socket.sendall(b"".join(requests))
        lines = 0
        while lines < len(requests):
            received = self._socket.recv(1 << 16)
            if not received:
                raise ConnectionError("the server has gone")
            lines += received.count(b"\n")

    def make_room_for(self, count, policy):
        """Sets maxmemory so that about `count` keys are held while others are evicted."""
        self.ask(b"CONFIG", b"SET", b"maxmemory-policy", policy.encode())
        self._fill(0, 100)  # makes what statistics of GET and SET take
        empty = self.info(b"used_memory")
        self._fill(0, count)
        full = self.info(b"used_memory")
        for attempt in range(1, 4):
            self.ask(b"CONFIG", b"SET", b"maxmemory", b"%d" % full)
            self._fill(attempt * count, (attempt + 1) * count)
            held = int(self.ask(b"DBSIZE"))
            full += (count - held) * (full - empty) // count
        self.ask(b"CONFIG", b"SET", b"maxmemory", b"%d" % full)
        self.ask(b"FLUSHALL", b"SYNC")

    def _fill(self, begin, end):
        for first in range(begin, end, 100):
            keys = range(first, min(first + 100, end))
            self.get_all(keys)
            self.put_all(keys)

# SPDX-License-Identifier: Apache-2.0
"""Many sockets to one address; what each received is counted, and kept on demand."""
import selectors
import socket
import time

from deadline import SLOWNESS


class Crowd:
    def __init__(self, port, count, keeps=True):
        self._keeps = keeps
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(1 << 18)
        self.sockets = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), 20)
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ, len(self.sockets))
            self.sockets.append(client)
        self.forget()

    def send(self, requests):
        for client, request in zip(self.sockets, requests):
            client.sendall(request)

    def read_until(self, is_done, what, timeout_s=30):
        """`is_done` is asked whenever something has come, and now and then."""
        deadline = time.monotonic() + timeout_s * SLOWNESS
        while not is_done():
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
            for key, _ in self._selector.select(0.2):
                size = key.fileobj.recv_into(self._buffer)
                assert size > 0, f"hung up on: {what}"
                self.counts[key.data] += size
                self.total += size
                if self._keeps:
                    self.received[key.data] += self._buffer[:size]

    def each_received(self, expected):
        """Whether each has exactly what `expected` says for its number."""
        return all(got == expected(i) for i, got in enumerate(self.received))

    def forget(self):
        self.received = [bytearray() for _ in self.sockets]
        self.counts = [0] * len(self.sockets)
        self.total = 0

    def close(self):
        self._selector.close()
        for client in self.sockets:
            client.close()
        self.sockets = []

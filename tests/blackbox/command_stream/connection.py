# SPDX-License-Identifier: Apache-2.0
"""RESP as a test of two servers wants it: replies as nested (type, value) tuples, or as bytes."""
import io
import socket


def encode(args):
    out = b"*%d\r\n" % len(args)
    return out + b"".join([b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in args])


class ReplyReader:
    """Reads replies from a binary file. Nothing is lost: a null array is (b"*", None)."""

    def __init__(self, file):
        self.file = file

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind in b"+-:,#(_":
            return kind, rest
        count = int(rest)
        if count < 0:
            return kind, None
        if kind in b"$=!":
            return kind, self.file.read(count + 2)[:-2]
        if kind == b"%":
            count *= 2
        return kind, [self.read() for _ in range(count)]


def replies_in(data, count):
    """The first `count` replies of a byte string."""
    reader = ReplyReader(io.BytesIO(data))
    return [reader.read() for _ in range(count)]


class Connection(ReplyReader):
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(self.socket.makefile("rb", 1 << 16))

    def send(self, commands):
        self.socket.sendall(b"".join([encode(args) for args in commands]))

    def close(self):
        self.file.close()
        self.socket.close()

    def call(self, *args):
        self.send([[a if isinstance(a, bytes) else str(a).encode() for a in args]])
        return self.read()


class RawConnection:
    """Whole batches: everything is written at once, and the replies come back as bytes."""

    def __init__(self, port, timeout_s=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rounds = 0

    def send(self, *pieces):
        """An ECHO follows the commands in `pieces`: its reply is their end."""
        self._rounds += 1
        token = b"the end of batch %d" % self._rounds
        self._end = b"$%d\r\n%s\r\n" % (len(token), token)
        for piece in pieces[:-1]:
            self.socket.sendall(piece)
        self.socket.sendall(pieces[-1] + encode([b"ECHO", token]))

    def receive(self):
        received = bytearray()
        while not received.endswith(self._end):
            try:
                chunk = self.socket.recv(1 << 20)
            except TimeoutError:
                raise TimeoutError(f"no reply; before: {bytes(received[-300:])!r}") from None
            if not chunk:
                raise ConnectionError(f"closed by the server after {bytes(received[-300:])!r}")
            received += chunk
        del received[-len(self._end):]
        return bytes(received)

    def exchange(self, commands):
        self.send(b"".join([encode(args) for args in commands]))
        return replies_in(self.receive(), len(commands))

    def close(self):
        self.socket.close()

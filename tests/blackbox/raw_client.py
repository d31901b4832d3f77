# SPDX-License-Identifier: Apache-2.0
"""A RESP client on a bare socket: sends any bytes, returns replies byte for byte."""
import select
import socket

from deadline import SLOWNESS


def encode(*arguments):
    """One command as a RESP array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if isinstance(argument, str):
            argument = argument.encode()
        elif not isinstance(argument, (bytes, bytearray)):
            argument = str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


def bulk(value):
    if isinstance(value, str):
        value = value.encode()
    return b"$%d\r\n%s\r\n" % (len(value), value)


class ConnectionClosed(Exception):
    """The server closed the connection; .received has what came before."""

    def __init__(self, received):
        super().__init__(f"connection closed after {received[:200]!r}")
        self.received = received


class ErrorReply(str):
    """An error reply: its text, without the leading '-'."""


class RawClient:
    """Connects to host and port, unless it is given a socket that is connected."""

    def __init__(self, port, host="127.0.0.1", password=None, protocol=None, timeout_s=20,
                 connected=None):
        if connected is None:
            connected = socket.create_connection((host, port), timeout_s * SLOWNESS)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._buffer = bytearray()
        self._position = 0
        if password is not None:
            reply = self.call("AUTH", password)
            assert reply == "OK", f"AUTH: {reply!r}"
        if protocol is not None:
            reply = self.call("HELLO", protocol)
            assert not isinstance(reply, ErrorReply), f"HELLO {protocol}: {reply!r}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def local_port(self):
        return self._socket.getsockname()[1]

    def settimeout(self, timeout_s):
        self._socket.settimeout(timeout_s * SLOWNESS)

    def set_option(self, option, value):
        self._socket.setsockopt(socket.SOL_SOCKET, option, value)

    def send(self, data):
        self._socket.sendall(data)

    def shutdown(self):
        """Wakes whoever waits for a reply."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def half_close(self):
        self._socket.shutdown(socket.SHUT_WR)

    def is_silent(self, for_s):
        """Whether nothing comes within this time."""
        return self._position == len(self._buffer) and not select.select([self._socket], [], [], for_s)[0]

    def has_input(self):
        """Whether some of the next reply is there."""
        return (self._position < len(self._buffer)
                or bool(select.select([self._socket], [], [], 0)[0]))

    def is_closed(self):
        """Whether the server has ended the connection."""
        try:
            self.call("PING")
            return False
        except (ConnectionClosed, ConnectionError):
            return True

    def call(self, *arguments):
        self.send(encode(*arguments))
        return self.reply()

    def raw_call(self, *arguments):
        self.send(encode(*arguments))
        return self.raw_reply()

    def pipeline(self, commands):
        """Sends all commands in one write and returns their replies."""
        self.send(b"".join(encode(*command) for command in commands))
        return [self.reply() for _ in commands]

    def receive_exactly(self, count):
        while len(self._buffer) - self._position < count:
            self._fill()
        data = bytes(self._buffer[self._position:self._position + count])
        self._consume(count)
        return data

    def receive_until_closed(self):
        """Everything up to the end of the stream."""
        while True:
            try:
                self._fill()
            except (ConnectionClosed, ConnectionResetError):
                data = bytes(self._buffer[self._position:])
                self._buffer.clear()
                self._position = 0
                return data

    def reply(self):
        """The next reply as Python values: errors are ErrorReply, maps are lists of pairs."""
        return self._read_value()

    def raw_reply(self):
        """The bytes of the next reply."""
        out = []
        pending = 1
        while pending:
            pending -= 1
            line = self._read_line()
            out.append(line + b"\r\n")
            kind = line[:1]
            if kind in b"$=!" and line[1:] != b"-1":
                out.append(self.receive_exactly(int(line[1:]) + 2))
            elif kind in b"*~>" and line[1:] != b"-1":
                pending += int(line[1:])
            elif kind == b"%":
                pending += 2 * int(line[1:])
            elif kind == b"|":
                pending += 2 * int(line[1:]) + 1
        return b"".join(out)

    def _read_value(self):
        line = self._read_line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ErrorReply(rest.decode(errors="replace"))
        if kind in b":(":
            return int(rest)
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"_":
            return None
        if kind in b"$=":
            if rest == b"-1":
                return None
            return self.receive_exactly(int(rest) + 2)[:-2]
        if kind == b"!":
            return ErrorReply(self.receive_exactly(int(rest) + 2)[:-2].decode())
        if kind in b"*~>":
            if rest == b"-1":
                return None
            return [self._read_value() for _ in range(int(rest))]
        if kind == b"%":
            return [(self._read_value(), self._read_value()) for _ in range(int(rest))]
        if kind == b"|":
            for _ in range(2 * int(rest)):
                self._read_value()
            return self._read_value()
        raise AssertionError(f"not a RESP reply: {line!r}")

    def _read_line(self):
        start = self._position
        while True:
            end = self._buffer.find(b"\r\n", start)
            if end >= 0:
                line = bytes(self._buffer[self._position:end])
                self._consume(end + 2 - self._position)
                return line
            start = max(self._position, len(self._buffer) - 1)
            self._fill()

    def _fill(self):
        chunk = self._socket.recv(1 << 20)
        if not chunk:
            raise ConnectionClosed(bytes(self._buffer[self._position:]))
        self._buffer += chunk

    def _consume(self, count):
        self._position += count
        if self._position == len(self._buffer):
            self._buffer.clear()
            self._position = 0
        elif self._position > 1 << 16:
            del self._buffer[:self._position]
            self._position = 0

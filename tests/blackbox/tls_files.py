# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by openssl, and clients that use them."""
import os
import socket
import ssl
import subprocess

from deadline import SLOWNESS
from raw_client import RawClient

OPENSSL = "/usr/bin/openssl"


class Certificate:
    def __init__(self, directory, name):
        self.path = os.path.join(directory, name + ".crt")
        self.key = os.path.join(directory, name + ".key")
        self.pair = (self.path, self.key)

    def setting(self):
        return {"certificate_file": self.path, "key_file": self.key}


class Authority:
    """Signs what it is asked to; `path` is the file to trust."""

    def __init__(self, directory, name="ca"):
        os.makedirs(directory, exist_ok=True)
        self._directory = directory
        self._own = Certificate(directory, name)
        self.path = self._own.path
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", self._own.key,
                 "-out", self._own.path)

    def issue(self, name, common_name=None, names="DNS:localhost,IP:127.0.0.1", password=None):
        made = Certificate(self._directory, name)
        request = os.path.join(self._directory, name + ".csr")
        secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *secret,
                 "-subj", f"/CN={common_name or name}", "-addext", f"subjectAltName={names}",
                 "-keyout", made.key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self._own.path, "-CAkey", self._own.key,
                 "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", made.path)
        return made

    def context(self, certificate=None, version=None):
        """How a client that trusts this authority speaks TLS."""
        context = ssl.create_default_context(cafile=self.path)
        if certificate:
            context.load_cert_chain(*certificate.pair)
        if version:
            context.minimum_version = context.maximum_version = version
        return context


def _openssl(*arguments):
    subprocess.run([OPENSSL, *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def connect(port, context, server_name="localhost", before=b"", session=None):
    """A TLS socket; `before` is sent in plain first."""
    sock = socket.create_connection(("127.0.0.1", port), 20 * SLOWNESS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(before)
    try:
        return context.wrap_socket(sock, server_hostname=server_name, session=session)
    except BaseException:
        sock.close()
        raise


def tls_client(port, context, password=None, **options):
    return RawClient(None, password=password, connected=connect(port, context, **options))


class TlsPipe:
    """The client's end of TLS over a plain socket, which decides what is sent when."""

    def __init__(self, port, context, before=b"", server_name="localhost"):
        self.socket = socket.create_connection(("127.0.0.1", port), 20 * SLOWNESS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._before = before

    def send_pending(self, piece=None, then=b""):
        """What TLS has to say, in pieces of so many bytes."""
        data = self._before + self._outgoing.read() + then
        self._before = b""
        for at in range(0, len(data), piece or max(len(data), 1)):
            self.socket.sendall(data[at:at + (piece or len(data))])

    def begin(self):
        """The handshake, but for the sending of its last message: what follows goes with it."""
        while True:
            try:
                return self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.send_pending()
                self._incoming.write(self.socket.recv(1 << 16))

    def run(self, step, piece=None):
        """Repeats `step` until it gets what it needs."""
        while True:
            try:
                result = step()
                self.send_pending(piece)
                return result
            except ssl.SSLWantReadError:
                self.send_pending(piece)
                received = self.socket.recv(1 << 16)
                if not received:
                    raise ConnectionResetError("closed") from None
                self._incoming.write(received)

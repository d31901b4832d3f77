# SPDX-License-Identifier: Apache-2.0
"""What pods ask of a cluster beside each other: names, and how many of them there are to be."""
import http.server
import json
import socket
import socketserver
import ssl
import struct
import threading

_ANSWERED, _NO_SUCH_NAME, _A = 0x8180, 0x8183, 1


class NameServer:
    """Answers what `records` says at that moment: {name: [address]}."""

    def __init__(self, address):
        self.records = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, asker = self._socket.recvfrom(512)
            except OSError:
                return
            self._socket.sendto(self._answer(question), asker)

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        end = at + 5
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        addresses = self.records.get(".".join(labels).lower())
        shown = (addresses or []) if kind == _A else []
        flags = _NO_SUCH_NAME if addresses is None else _ANSWERED
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(shown), 0, 0)
        rows = b"".join(struct.pack(">HHHIH", 0xc00c, _A, 1, 1, 4) + socket.inet_aton(address)
                        for address in shown)
        return head + question[12:end] + rows

    def stop(self):
        self._socket.close()


class ScaleServer:
    """Of Kubernetes's API only how many pods a StatefulSet is to have, over TLS and for a token."""

    TOKEN = "a-token"

    def __init__(self, address, certificate, statefulset, replicas):
        self.replicas, self.questions = replicas, 0
        path = f"/apis/apps/v1/namespaces/redis-system/statefulsets/{statefulset}/scale"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.questions += 1
                is_known = self.headers.get("Authorization") == f"Bearer {outer.TOKEN}"
                status = 401 if not is_known else 200 if self.path == path else 404
                body = {"kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {"replicas": outer.replicas},
                        "status": {"replicas": 99}} if status == 200 else {"kind": "Status", "code": status}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self._server = Server((address, 0), Handler)
        self.host, self.port = self._server.server_address
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate.pair)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

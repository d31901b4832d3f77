# SPDX-License-Identifier: Apache-2.0
"""What a scanner of TLS servers asks, asked of a listener as it comes: by openssl's own client."""
import os
import re
import socket
import subprocess

import pytest

from deadline import SLOWNESS, wait_until
from free_ports import free_ports
from proxy_process import ProxyProcess, admin_text
from raw_client import encode
from tls_files import OPENSSL, Authority, connect

# Forward secret, and authenticated as they encrypt.
GOOD = {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-GCM-SHA256"}


def openssl(*arguments, stdin=b""):
    done = subprocess.run([OPENSSL, *arguments], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30 * SLOWNESS, check=False)
    return done.stdout.decode(errors="replace")


class Files:
    """A server's certificate of an authority between it and the one that is trusted."""

    def __init__(self, directory):
        self.root = Authority(directory)
        self.other = Authority(os.path.join(directory, "other"))
        self._directory = directory
        key, request, between = (self._path(name) for name in ("between.key", "between.csr", "between.crt"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                "/CN=between", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.root.path, "-CAkey",
                self.root.path.replace(".crt", ".key"), "-CAcreateserial", "-days", "2",
                "-copy_extensions", "copy", "-out", between)
        self.key, request, leaf = (self._path(name) for name in ("leaf.key", "leaf.csr", "leaf.crt"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                "/CN=leaf", "-addext", "subjectAltName=DNS:localhost", "-keyout", self.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", between, "-CAkey", key, "-CAcreateserial", "-days",
                "2", "-copy_extensions", "copy", "-out", leaf)
        self.chain = self._path("chain.crt")
        with open(self.chain, "w", encoding="ascii") as chain:
            for path in (leaf, between):
                with open(path, encoding="ascii") as part:
                    chain.write(part.read())

    def _path(self, name):
        return os.path.join(self._directory, name)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(str(tmp_path_factory.mktemp("tls")))


@pytest.fixture(scope="module")
def port():
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def proxy(cluster, files, port):
    proxy = ProxyProcess(cluster.seeds(), backend_password=cluster.password, settings={})
    proxy.write_config({"listeners": proxy.config["listeners"] + [
        {"address": "127.0.0.1", "port": port, "tls": {
            "enabled": True, "certificate_file": files.chain, "key_file": files.key}}]})
    proxy.reload("reload: changed: listeners")
    yield proxy
    proxy.stop()


def shake_hands(port, *arguments, stdin=b""):
    return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *arguments,
                   stdin=stdin)


def cipher_of(port, *arguments):
    """The one that was agreed upon; None: there was no agreement."""
    said = shake_hands(port, *arguments)
    agreed = re.search(r"^New, .*, Cipher is (\S+)$", said, re.M)
    return agreed.group(1) if agreed and agreed.group(1) != "(NONE)" else None


def test_old_protocols(proxy, port):
    weak = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    for version in ("-tls1", "-tls1_1"):
        assert cipher_of(port, version, *weak) is None
    assert cipher_of(port, "-tls1_2")
    assert cipher_of(port, "-tls1_3")
    # A hello of SSL 2, and one of SSL 3: there is no client for them any more.
    for hello in (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 7 + b"x" * 16,
                  b"\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00" + b"x" * 32 + b"\x00\x00\x04\x00\x0a\x00\x05\x01\x00"):
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(hello)
            answer = sock.recv(1000)
            assert answer == b"" or answer[0] == 0x15, answer  # an alert


def test_every_cipher_there_is(proxy, port):
    names = openssl("ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").strip().split(":")
    names = [name for name in names if not name.startswith("TLS_")]
    assert len(names) > 50
    agreed = {name for name in names
              if cipher_of(port, "-tls1_2", "-cipher", f"{name}:@SECLEVEL=0") is not None}
    assert agreed == GOOD
    for name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        assert cipher_of(port, "-tls1_3", "-ciphersuites", name) == name
    for name in ("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
        assert cipher_of(port, "-tls1_3", "-ciphersuites", name) is None


def test_what_a_connection_is_like(proxy, port, files):
    said = shake_hands(port, "-tls1_2", "-CAfile", files.root.path, "-verify_return_error", "-comp",
                       "-status")
    assert "Verification: OK" in said
    assert "Compression: NONE" in said
    assert "Secure Renegotiation IS supported" in said
    assert "Extended master secret: yes" in said
    # The chain is whole: whoever trusts the root alone gets to it.
    shown = shake_hands(port, "-showcerts", "-CAfile", files.root.path)
    assert shown.count("-----BEGIN CERTIFICATE-----") >= 2
    assert "depth=2" in shake_hands(port, "-CAfile", files.root.path) or "s:CN = between" in shown
    assert "Verify return code: 0 (ok)" in shown


def test_no_renegotiation_and_no_downgrade(proxy, port):
    assert "no renegotiation" in shake_hands(port, "-tls1_2", stdin=b"R\nPING\r\n")
    # A client that says it has fallen back from what this server could do better.
    assert "inappropriate fallback" in shake_hands(port, "-tls1_2", "-fallback_scsv")


def test_no_early_data(proxy, port):
    """What could be sent again by others is not taken."""
    said = shake_hands(port, "-tls1_3")
    assert "Max Early Data: 0" in said or "Early data was not sent" in said


def count(proxy, name):
    text = admin_text(proxy.admin_port, "/metrics")
    return int(float(re.search(rf"^{name} (\S+)$", text, re.M).group(1)))


def test_failures_are_counted_and_logged_now_and_then(proxy, port, files):
    failures = count(proxy, "slotway_tls_handshake_failures_total")
    lines = proxy.process.log().count("turned away")
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(b"PING\r\n")
            sock.recv(100)
    wait_until(lambda: count(proxy, "slotway_tls_handshake_failures_total") == failures + 300, 10,
               "all are counted")
    wait_until(lambda: proxy.process.log().count("turned away") > lines, 5, "the log says it")
    told = [line for line in proxy.process.log().splitlines() if "turned away" in line][lines:]
    assert len(told) < 30, told
    assert "127.0.0.1:" in told[-1]
    with connect(port, files.root.context()) as tls:
        tls.sendall(encode("PING"))
        assert tls.recv(100).startswith(b"-NOAUTH")

# SPDX-License-Identifier: Apache-2.0
"""One `slotway --config FILE` in front of a cluster."""
import http.client
import json
import os
import shutil
import tempfile

from child_process import ChildProcess, resident_kb
from deadline import wait_until
from free_ports import free_ports
from raw_client import RawClient

PASSWORD = "new1234"


def program(name):
    """A program of the build under test; SLOTWAY_BIN_DIR is set by CTest."""
    directory = os.environ.get("SLOTWAY_BIN_DIR", "build/release/bin")
    return os.path.abspath(os.path.join(directory, name))


def admin_status(port, path, host="127.0.0.1"):
    """The HTTP status of a GET on the admin port, 0 when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def admin_text(port, path, host="127.0.0.1"):
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


class ProxyProcess:
    """`settings` are merged over the defaults below, key by key."""

    def __init__(self, seeds, backend_password=None, password=PASSWORD, settings=None,
                 address="127.0.0.1", prefix=(), wait_ready=True, port=None):
        self.directory = tempfile.mkdtemp(prefix="slotway-proxy-")
        ports = free_ports(2)
        self.host, self.port, self.admin_port = address, port or ports[0], ports[1]
        self.password = password
        config = {
            "listeners": [{"address": address, "port": self.port}],
            "backend": {"seeds": list(seeds)},
            "admin": {"address": address, "port": self.admin_port},
            "workers": 2,
        }
        if backend_password:
            config["backend"]["password"] = backend_password
        if password:
            config["auth"] = {"password": password}
        for section, values in (settings or {}).items():
            if isinstance(values, dict):
                config.setdefault(section, {}).update(values)
            else:
                config[section] = values
        config_path = os.path.join(self.directory, "proxy.yaml")
        # JSON is YAML.
        with open(config_path, "w", encoding="ascii") as file:
            json.dump(config, file, indent=2)
        self.process = ChildProcess([*prefix, program("slotway"), "--config", config_path],
                                    os.path.join(self.directory, "log"))
        if wait_ready:
            try:
                self.wait_until_ready()
            except BaseException:
                self.stop()
                raise

    def wait_until_ready(self, timeout_s=20):
        def ready():
            assert self.process.is_running(), (
                f"slotway ended with {self.process.exit_code}:\n{self.process.log_tail()}")
            return self.is_ready()
        try:
            wait_until(ready, timeout_s, "/readyz of the proxy answers 200")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.process.log_tail()}") from None

    def is_ready(self):
        return admin_status(self.admin_port, "/readyz", self.host) == 200

    def client(self, **options):
        return RawClient(self.port, self.host, password=self.password, **options)

    def server_pids(self):
        return [self.process.pid]

    def resident_kb(self):
        return resident_kb(self.process.pid)

    def assert_up(self):
        assert self.process.is_running(), (
            f"slotway ended with {self.process.exit_code}:\n{self.process.log_tail(60)}")
        with self.client() as client:
            assert client.call("PING") == "PONG"

    def stop(self):
        code = self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return code

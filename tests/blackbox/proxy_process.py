# SPDX-License-Identifier: Apache-2.0
"""One `slotway --config FILE` in front of a cluster."""
import http.client
import json
import os
import signal
import tempfile

from deadline import wait_until
from free_ports import free_ports
from server_program import PASSWORD, ServerProgram, program


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


class ProxyProcess(ServerProgram):
    """`settings` are merged over the defaults below, key by key."""

    def __init__(self, seeds, backend_password=None, password=PASSWORD, settings=None,
                 address="127.0.0.1", prefix=(), wait_ready=True, port=None):
        directory = tempfile.mkdtemp(prefix="slotway-proxy-")
        ports = free_ports(2)
        port, self.admin_port = port or ports[0], ports[1]
        self.config = {
            "listeners": [{"address": address, "port": port}],
            "backend": {"seeds": list(seeds)},
            "admin": {"address": address, "port": self.admin_port},
            "workers": 2,
        }
        if backend_password:
            self.config["backend"]["password"] = backend_password
        if password:
            self.config["auth"] = {"password": password}
        self.config_path = os.path.join(directory, "proxy.yaml")
        self.write_config(settings or {})
        super().__init__([*prefix, program("slotway"), "--config", self.config_path], directory,
                         address, port, password)
        if wait_ready:
            try:
                self.wait_until_ready()
            except BaseException:
                self.stop()
                raise

    def write_config(self, settings):
        for section, values in settings.items():
            if isinstance(values, dict):
                self.config.setdefault(section, {}).update(values)
            else:
                self.config[section] = values
        # JSON is YAML.
        with open(self.config_path, "w", encoding="ascii") as file:
            json.dump(self.config, file, indent=2)

    def reload(self, expected_line):
        """SIGHUP; returns when the log has one line more that holds `expected_line`."""
        before = self.process.log().count(expected_line)
        self.process.signal(signal.SIGHUP)
        wait_until(lambda: self.process.log().count(expected_line) > before, 10,
                   f"the log says {expected_line!r}; it says\n{self.process.log_tail()}")

    def wait_until_ready(self, timeout_s=20):
        self.wait_until_it(self.is_ready, timeout_s, "/readyz of the proxy answers 200")

    def is_ready(self):
        return admin_status(self.admin_port, "/readyz", self.host) == 200

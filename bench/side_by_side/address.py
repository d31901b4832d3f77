# SPDX-License-Identifier: Apache-2.0
"""A server to compare: `name=host:port[,pid=PID[+PID...]][,auth=PASSWORD][,tls=yes]`."""


class Address:
    def __init__(self, text):
        self.name, equals, rest = text.partition("=")
        if not equals or not self.name:
            raise ValueError(f"'{text}' is not name=host:port[,pid=PID][,auth=PASSWORD][,tls=yes]")
        endpoint, *options = rest.split(",")
        self.host, colon, port = endpoint.rpartition(":")
        if not colon or not port.isdigit():
            raise ValueError(f"'{endpoint}' is not host:port")
        self.port = int(port)
        self.pids = []
        self.auth = None
        self.tls = False  # whoever answers is believed
        for option in options:
            self.take_option(option)

    def take_option(self, option):
        key, _, value = option.partition("=")
        if key == "pid" and all(pid.isdigit() for pid in value.split("+")):
            self.pids = [int(pid) for pid in value.split("+")]
        elif key == "auth" and value:
            self.auth = value
        elif option == "tls=yes":
            self.tls = True
        else:
            raise ValueError(f"'{option}' is none of pid=PID[+PID...], auth=PASSWORD, tls=yes")

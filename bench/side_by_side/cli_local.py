# SPDX-License-Identifier: Apache-2.0
"""What the scripts that start their own servers share: options, pinning, run and stop."""

import argparse
import os
import signal
import sys

from . import cli, local_servers
from .address import Address

BUILD_BIN = os.path.join(os.path.dirname(__file__), "..", "..", "build", "release", "bin")


def parser(description, program):
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--binary", default=os.path.normpath(os.path.join(BUILD_BIN, program)),
                        help="default: %(default)s")
    result.add_argument("--also", action="append", default=[], type=cli.parsed_by(Address),
                        metavar="name=host:port[,pid=PID][,auth=PASSWORD][,tls=yes]",
                        help="one more server that already runs; may be repeated")
    cli.add_load_options(result)
    return result


def run(options, start):
    """start(servers, options) -> addresses, the baseline first. Returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.load_cpus is None and local_servers.LOAD_CPU is not None:
        options.load_cpus = str(local_servers.LOAD_CPU)

    def work():
        with local_servers.LocalServers() as servers:
            addresses = start(servers, options)
            cli.compare(addresses + options.also, options)

    try:
        return cli.run_or_explain(work)
    except KeyboardInterrupt:
        return 130


def address(name, port, pid):
    return Address(f"{name}=127.0.0.1:{port},pid={pid}")

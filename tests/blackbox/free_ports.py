# SPDX-License-Identifier: Apache-2.0
"""Free loopback ports, below the range the kernel hands out to outgoing connections."""
import random
import socket

# A cluster node also needs port + 10000 for its bus: no port is another one's bus port, and both
# stay below 32768.
_FIRST, _LAST = 10100, 19999
_generator = random.SystemRandom()
_handed_out = set()


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    ports = []
    while len(ports) < count:
        port = _generator.randint(_FIRST, _LAST)
        if port in _handed_out or not _is_free(port) or not _is_free(port + 10000):
            continue
        _handed_out.add(port)
        ports.append(port)
    return ports


def free_port():
    return free_ports(1)[0]

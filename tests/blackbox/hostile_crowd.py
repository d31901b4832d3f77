# SPDX-License-Identifier: Apache-2.0
"""A process with many connections to one port, from as many addresses as it likes: 127.0.0.x.

    hostile_crowd.py PORT COUNT FIRST_ADDRESS ADDRESSES [BYTES_IN_HEX]

Says how many it has, then holds them until its standard input ends, and says how many are still open.
"""
import select
import socket
import sys


def connect(port, source):
    made = socket.socket()
    # The kernel chooses the port when it knows the destination: many more fit.
    made.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    made.bind((source, 0))
    made.settimeout(10)
    try:
        made.connect(("127.0.0.1", port))
    except OSError:
        made.close()
        return None
    made.setblocking(False)
    return made


def is_open(one):
    try:
        while one.recv(4096):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def main():
    port, count, first, addresses = map(int, sys.argv[1:5])
    said = bytes.fromhex(sys.argv[5]) if len(sys.argv) > 5 else b""
    sockets = []
    for number in range(count):
        made = connect(port, f"127.0.0.{first + number % addresses}")
        if made is None:
            continue
        if said:
            try:
                made.send(said)
            except OSError:
                pass
        sockets.append(made)
    print(len(sockets), flush=True)
    select.select([sys.stdin], [], [])
    print(sum(is_open(one) for one in sockets), flush=True)


main()

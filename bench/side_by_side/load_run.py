# SPDX-License-Identifier: Apache-2.0
"""One run of redis-benchmark against one address, and the fill before it."""

import csv
import io
import socket
import ssl
import subprocess

from . import process_cpu
from .loads import SCRIPT

FILL_BATCH = 500


class RunFailed(Exception):
    """The load could not be run, or the server answered an error."""


class Settings:
    def __init__(self, clients=50, value_bytes=32, keyspace=100_000, load_cpus=None, threads=1):
        self.clients = clients
        self.value_bytes = value_bytes
        self.keyspace = keyspace
        self.load_cpus = load_cpus
        self.threads = threads


def benchmark_command(address, load, requests, settings):
    command = ["taskset", "-c", settings.load_cpus] if settings.load_cpus else []
    command += ["redis-benchmark", "-h", address.host, "-p", str(address.port)]
    if address.auth:
        command += ["-a", address.auth]
    if address.tls:
        command += ["--tls", "--insecure"]
    if settings.threads > 1:
        command += ["--threads", str(settings.threads)]
    command += ["-c", str(settings.clients), "-n", str(requests), "-P", str(load.pipeline)]
    command += ["-r", str(settings.keyspace), "--csv", "--precision", "3"]
    return command + load.arguments(settings.value_bytes)


def parse_csv(text):
    """Throughput and latencies from redis-benchmark's --csv output."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if len(rows) != 1:
        raise RunFailed(f"redis-benchmark reported {len(rows)} results instead of one")
    row = rows[0]
    return {
        "rps": float(row["rps"]),
        "p50_ms": float(row["p50_latency_ms"]),
        "p99_ms": float(row["p99_latency_ms"]),
    }


def run_load(address, load, requests, settings):
    """Runs `requests` requests. Returns rps, p50_ms, p99_ms and, with pids, cpu_us per request."""
    command = benchmark_command(address, load, requests, settings)
    before = process_cpu.CpuSample(address.pids)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = process_cpu.CpuSample(address.pids)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise RunFailed(f"{address.name}, {load}: {reason[-1] if reason else 'no reason given'}")
    result = parse_csv(done.stdout)
    if address.pids:
        result["cpu_us"] = process_cpu.used_us(before, after) / requests
    return result


def fill(address, settings):
    """Sets every key that GET and MGET will read, so that all of them hit."""
    value = b"x" * settings.value_bytes
    with connect(address) as connection:
        replies = connection.makefile("rb")
        if address.auth:
            exchange(connection, replies, [[b"AUTH", address.auth.encode()]], address)
        for start in range(0, settings.keyspace, FILL_BATCH):
            end = min(start + FILL_BATCH, settings.keyspace)
            batch = [[b"SET", b"key:%012d" % number, value] for number in range(start, end)]
            exchange(connection, replies, batch, address)
        exchange(connection, replies, [[b"EVAL", SCRIPT.encode(), b"1", b"no key"]], address, b"$-1")


def connect(address):
    connection = socket.create_connection((address.host, address.port), timeout=30)
    if not address.tls:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def exchange(connection, replies, requests, address, expected=b"+OK"):
    connection.sendall(b"".join(encode(request) for request in requests))
    for _ in requests:
        line = replies.readline()
        if not line.startswith(expected):
            text = line.decode(errors="replace").strip() or "connection closed"
            raise RunFailed(f"{address.name}, fill: {text}")


def encode(arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    parts += [b"$%d\r\n%s\r\n" % (len(argument), argument) for argument in arguments]
    return b"".join(parts)

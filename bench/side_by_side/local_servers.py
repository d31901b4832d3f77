# SPDX-License-Identifier: Apache-2.0
"""Starts servers on free loopback ports in a directory of their own and stops them by process id.

Each candidate is pinned to the same CPU (TEST_CPU); its backends and the load generator run on
another one (LOAD_CPU), if the machine has two. Only the candidate under load is busy, the others
wait on the same CPU.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
REDIS_OPTIONS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

_CPUS = sorted(os.sched_getaffinity(0))
TEST_CPU = _CPUS[0] if len(_CPUS) > 1 else None
LOAD_CPU = _CPUS[1] if len(_CPUS) > 1 else None


class StartFailed(ValueError):
    """A server did not come up."""


def free_port():
    """A port that is free, with port + 10000 (the cluster bus) in range."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port + 10_000 < 65_536:
            return port


def require(program):
    path = os.path.abspath(shutil.which(program) or program)  # it is started in another folder
    if not os.access(path, os.X_OK):
        raise StartFailed(f"{program} is not here; install or build it first")
    return path


class LocalServers:
    """A context: what it started has stopped, and its directory is gone, when it ends."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="slotway-bench-")
        self.processes = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def write_file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, name, command, port, cpu):
        """Starts `command`, waits until it answers PING on `port` and returns its process id."""
        pinned = ["taskset", "-c", str(cpu)] if cpu is not None else []
        log = os.path.join(self.directory, name + ".log")
        folder = os.path.join(self.directory, name)
        os.makedirs(folder, exist_ok=True)
        with open(log, "wb") as output:
            process = subprocess.Popen(pinned + command, stdout=output, stderr=output, cwd=folder)
        self.processes.append(process)
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not answers_ping(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(f"{name} did not answer PING: {last_lines(log)}")
            time.sleep(0.05)
        return process.pid

    def start_redis(self, name, cpu, *options):
        port = free_port()
        command = [require("redis-server"), "--port", str(port), *REDIS_OPTIONS, *options]
        return port, self.start(name, command, port, cpu)

    def start_redis_cluster(self, masters, cpu):
        """A real Redis Cluster without replicas; returns the ports."""
        options = ["--cluster-enabled", "yes"]
        ports = [self.start_redis(f"redis-{number}", cpu, *options)[0]
                 for number in range(masters)]
        nodes = [f"127.0.0.1:{port}" for port in ports]
        create = [require("redis-cli"), "--cluster", "create", *nodes, "--cluster-yes"]
        done = subprocess.run(create, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StartFailed(f"no cluster: {done.stdout[-400:]}{done.stderr[-400:]}")
        wait_until(lambda: all(cluster_is_ok(port) for port in ports), "the cluster's state is ok")
        return ports

    def start_haproxy(self, backend_port, cpu, threads=1):
        """HAProxy in TCP mode: what copying the bytes alone costs."""
        port = free_port()
        config = self.write_file("haproxy.cfg", haproxy_config(port, backend_port, threads))
        command = [require("haproxy"), "-db", "-f", config]
        return port, self.start("haproxy", command, port, cpu)


def haproxy_config(port, backend_port, threads):
    return f"""global
  nbthread {threads}
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen redis
  bind 127.0.0.1:{port}
  server redis 127.0.0.1:{backend_port}
"""


def wait_until(holds, what):
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline:
            raise StartFailed(f"waited {READY_TIMEOUT_S} s in vain until {what}")
        time.sleep(0.05)


def ask(port, request, size=4096):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(request)
        return connection.recv(size)


def answers_ping(port):
    try:
        return ask(port, b"PING\r\n").startswith(b"+PONG")
    except OSError:
        return False


def cluster_is_ok(port):
    return b"cluster_state:ok" in ask(port, b"CLUSTER INFO\r\n")


def last_lines(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return " | ".join(file.read().splitlines()[-3:]) or "it logged nothing"

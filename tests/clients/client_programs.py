# SPDX-License-Identifier: Apache-2.0
"""The client libraries that are tried: where each comes from, how its program is built and run.

A program is called with HOST PORT PASSWORD single|cluster [2|3] and runs the checks that the
variable CHECKS names. It prints "ok NAME" or "FAIL NAME detail" for each. `lacks` says which ones a
library can not do, and why.
"""
import hashlib
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "clients")
FETCH_S, BUILD_S = 300, 120

CHECKS = frozenset("""
strings lists sets sorted_sets hashes bits hyperloglogs geo streams consumer_groups keys many_keys
large_values errors pipeline transaction watch scripts pubsub pattern_pubsub sharded_pubsub
blocking_pop blocking_move blocking_stream scan scan_elements session
""".split())

# What our own shards have the commands for.
SHARD_CHECKS = frozenset("strings hashes keys many_keys large_values pipeline session".split())


class Missing(Exception):
    """What is needed is not on this machine, or can not be fetched."""


class Folder:
    """Programs that are installed together.

    fetch: gets libraries from a registry, as the machine has it set up; where that fails, the
    clients are skipped. build: must succeed then. Both run in a copy of the folder, which is kept
    until the folder changes.
    """

    def __init__(self, name, tools, packages, fetch=None, build=None):
        self.name, self.tools, self.packages = name, tools, packages
        self.fetch, self.build = fetch, build
        self.source = os.path.join(HERE, name)

    def installed(self):
        for tool in self.tools:
            if shutil.which(tool) is None:
                raise Missing(f"there is no {tool} (scripts/deps.sh {self.packages})")
        if not self.fetch and not self.build:
            return self.source
        target = os.path.join(CACHE, f"{self.name}-{self._digest()}")
        if os.path.exists(os.path.join(target, ".complete")):
            return target
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.source, target)
        if self.fetch:
            self._fetch(target)
        if self.build:
            done = run(self.build, target, BUILD_S)
            assert done.returncode == 0, f"{' '.join(self.build)}:\n{done.stdout}"
        with open(os.path.join(target, ".complete"), "wb"):
            return target

    def _fetch(self, target):
        command = " ".join(self.fetch)
        try:
            done = run(self.fetch, target, FETCH_S)
        except subprocess.TimeoutExpired:
            raise Missing(f"{command} took longer than {FETCH_S} s") from None
        if done.returncode != 0:
            raise Missing(f"{command} failed: {' '.join(done.stdout[-400:].split())}")

    def _digest(self):
        digest = hashlib.sha256(repr((self.fetch, self.build)).encode())
        for name in sorted(os.listdir(self.source)):
            path = os.path.join(self.source, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    digest.update(name.encode() + b"\0" + file.read())
        return digest.hexdigest()[:12]


class ClientProgram:
    def __init__(self, name, group, folder, command, protocols=("2", "3"),
                 modes=("single", "cluster"), checks=CHECKS, lacks=None):
        self.name, self.group, self.folder, self.command = name, group, folder, command
        self.protocols, self.modes = protocols, modes
        self._checks, self._lacks = checks, lacks or {}

    def checks(self, mode):
        return self._checks - set(self._lacks.get(mode, {}))

    def run(self, server, mode, protocol, checks, timeout_s):
        directory = self.folder.installed()
        arguments = [server.host, str(server.port), server.password, mode]
        arguments += [protocol] if protocol else []
        return run([*self.command, *arguments], directory, timeout_s, CHECKS=" ".join(checks))


def run(command, directory, timeout_s, **variables):
    return subprocess.run(command, cwd=directory, env={**os.environ, **variables},
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s,
                          check=False, text=True, errors="replace")


DEBIAN_PYTHON, CHROMIUM = "/usr/bin/python3", "/usr/bin/chromium"
NPM_CI = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]

DEBIAN_REDIS_PY = Folder("redis_py", [DEBIAN_PYTHON], "test")
HIREDIS = Folder("hiredis", ["cc"], "test", build=[
    "cc", "-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "checks.c",
    "-o", "checks", "-lhiredis"])
REDIS_PY = Folder("redis_py", [DEBIAN_PYTHON], "clients", fetch=[
    "sh", "-c", f"{DEBIAN_PYTHON} -m venv venv && venv/bin/pip install -r requirements.txt"])
NODE = Folder("node", ["node", "npm"], "clients", fetch=NPM_CI)
GO = Folder("go_redis", ["go"], "clients", fetch=["go", "mod", "download"],
            build=["go", "build", "-o", "checks", "."])
JAVA = Folder("java", ["mvn", "javac", "java"], "java", fetch=[
    "mvn", "-B", "-ntp", "-q",
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
    "-DoutputDirectory=lib", "-DincludeScope=runtime"],
    build=["sh", "-c", "javac -nowarn -parameters -cp 'lib/*' -d classes *.java"])
P3X = Folder("p3x", ["node", "npm", CHROMIUM], "browser", fetch=NPM_CI)


def java(program):
    return ["java", "-cp", "classes:lib/*", f"slotway.checks.{program}"]


NO_SHARDED = {"sharded_pubsub": "the library has no SSUBSCRIBE"}
NO_TRANSACTION = {name: "the library has no transactions in a cluster"
                  for name in ("transaction", "watch")}
PROGRAMS = [
    # redis-py 4.3
    ClientProgram("redis-py-debian", "clients", DEBIAN_REDIS_PY,
                  [DEBIAN_PYTHON, "-B", "checks.py"], protocols=("2",),
                  lacks={"single": NO_SHARDED, "cluster": {**NO_SHARDED, **NO_TRANSACTION}}),
    ClientProgram("hiredis", "clients", HIREDIS, ["./checks"], protocols=("2",),
                  modes=("single",)),
    ClientProgram("redis-py", "registry", REDIS_PY, ["venv/bin/python", "-B", "checks.py"]),
    ClientProgram("ioredis", "registry", NODE, ["node", "ioredis.mjs"]),
    ClientProgram("node-redis", "registry", NODE, ["node", "node-redis.mjs"]),
    # Keys that the job queue's scripts make up have to be in the slot of those that are named.
    ClientProgram("bullmq", "registry", NODE, ["node", "bullmq.mjs"],
                  checks=frozenset("jobs delayed priorities retries flows schedules".split())),
    ClientProgram("go-redis", "registry", GO, ["./checks"]),
    ClientProgram("jedis", "java", JAVA, java("JedisChecks"), lacks={
        "single": {"sharded_pubsub": "the library has SSUBSCRIBE for clusters only"}}),
    ClientProgram("lettuce", "java", JAVA, java("LettuceChecks")),
    ClientProgram("spring-data-redis", "java", JAVA, java("SpringChecks"), protocols=("",),
                  checks=CHECKS | {"entity"},
                  lacks={"single": NO_SHARDED, "cluster": {**NO_SHARDED, **NO_TRANSACTION}}),
    # Its pictures are in build/clients/p3x-*/pictures.
    ClientProgram("p3x-redis-ui", "browser", P3X, ["node", "checks.mjs"], protocols=("",),
                  modes=("single",),
                  checks=frozenset("connect info list open edit rename".split())),
]

# SPDX-License-Identifier: Apache-2.0
"""The image and the compose file, by buildah and podman. What can not be pulled is made of Debian's packages,
or left out.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile

import yaml

from kubernetes_tools import CACHE, TREE, Missing, run
from server_program import program


def _client_programs():
    """The module by its file: its folder has others in it that are called as libraries are."""
    path = os.path.join(TREE, "tests", "clients", "client_programs.py")
    specification = importlib.util.spec_from_file_location("client_programs", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


client_programs = _client_programs()

IMAGE, BASE = "slotway:0.1.0", "docker.io/library/debian:12-slim"
# Where services run as root in cgroups of version 1, and no journal is there.
SETTINGS = """
[containers]
default_ulimits = ["nofile=20000:20000","nproc=30000:30000"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"""
# Images of others: Debian's package with the program, and how it is started.
STAND_INS = {
    "docker.io/library/haproxy:2.8": ("haproxy", ["haproxy", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]),
    "docker.io/prom/prometheus:v2.53.0": ("prometheus", ["prometheus", "--storage.tsdb.path=/prometheus",
                                                         "--config.file=/etc/prometheus/prometheus.yml"]),
    "docker.io/library/redis:7": ("redis-tools", []),
}
P3X = "docker.io/patrikx3/p3x-redis-ui:latest"
PULL_S, BUILD_S = 60, 900


class Containers:
    def __init__(self):
        if os.geteuid() != 0:
            raise Missing("containers are run as root here")
        for tool in ("podman", "buildah", "podman-compose"):
            if shutil.which(tool) is None:
                raise Missing(f"there is no {tool} (apt-get install --no-install-recommends buildah podman runc "
                              "netavark aardvark-dns iptables catatonit podman-compose mmdebstrap)")
        self.folder = tempfile.mkdtemp(prefix="slotway-containers-")
        settings = os.path.join(self.folder, "containers.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(SETTINGS)
        # Without systemd nobody asks for healths by the clock; `podman healthcheck run` does it when it is told to.
        self.environment = {**os.environ, "CONTAINERS_CONF": settings, "DISABLE_HC_SYSTEMD": "true"}
        if self.call("podman", "info").returncode:
            raise Missing("podman does not run here: " + self.call("podman", "info").stdout[-200:])
        self.call("podman", "rm", "-fa", "--filter", "name=swtest")
        self._volumes = self._volumes_there()

    def call(self, *command, timeout=120, variables=None):
        return run(list(command), env={**self.environment, **(variables or {})}, timeout=timeout)

    def podman(self, *arguments, timeout=120):
        done = self.call("podman", *arguments, timeout=timeout)
        assert done.returncode == 0, f"podman {' '.join(arguments)}:\n{done.stdout}"
        return done.stdout.strip()

    def has_image(self, name):
        return self.call("podman", "image", "exists", name).returncode == 0

    def can_pull(self, name):
        try:
            return self.call("podman", "pull", "-q", name, timeout=PULL_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def need_base(self):
        if self.has_image(BASE) or self.can_pull(BASE):
            return
        if shutil.which("mmdebstrap") is None:
            raise Missing(f"{BASE} can not be pulled, and there is no mmdebstrap")
        archive = os.path.join(self.folder, "debian.tar")
        done = run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", archive], timeout=BUILD_S)
        if done.returncode:
            raise Missing(f"{BASE} can neither be pulled nor made: {done.stdout[-200:]}")
        self.podman("import", "-q", archive, BASE, timeout=BUILD_S)
        os.remove(archive)

    def build(self, *options):
        self.need_base()
        done = self.call("buildah", "bud", "--isolation", "chroot", "--pull-never", *options, timeout=BUILD_S)
        if done.returncode and "Unable to" in done.stdout and "deb.debian.org" in done.stdout:
            raise Missing("Debian's archive can not be reached from a build")
        assert done.returncode == 0, done.stdout[-3000:]

    def build_image(self):
        """With the programs of this build."""
        with tempfile.TemporaryDirectory(prefix="slotway-context-") as context:
            place = os.path.join(context, "build", "release", "bin")
            os.makedirs(place)
            for name in ("slotway", "slotway-shard"):
                shutil.copy(program(name), place)
            shutil.copytree(os.path.join(TREE, "scripts"), os.path.join(context, "scripts"))
            shutil.copy(os.path.join(TREE, "Dockerfile"), context)
            self.build("--build-arg", "BINARIES=prebuilt", "--format", "docker", "-t", IMAGE, context)

    def need_image(self, name):
        """False: it is not to be had."""
        if self.has_image(name) or self.can_pull(name):
            return True
        if name == P3X:
            return self._make_p3x()
        if name not in STAND_INS:
            return False
        package, command = STAND_INS[name]
        with tempfile.TemporaryDirectory(prefix="slotway-context-") as context:
            with open(os.path.join(context, "Dockerfile"), "w", encoding="ascii") as file:
                file.write(f"FROM {BASE}\nRUN apt-get update && apt-get install -y --no-install-recommends {package}"
                           f"\nCMD {json.dumps(command)}\n")
            self.build("-t", name, context)
        return True

    def _make_p3x(self):
        """Of its packages on npm and this machine's Node.js; it looks for connections where the real one does."""
        try:
            packages = client_programs.P3X.installed()
        except client_programs.Missing:
            return False
        with tempfile.TemporaryDirectory(prefix="slotway-context-") as context:
            shutil.copytree(os.path.join(packages, "node_modules"), os.path.join(context, "node_modules"), symlinks=True)
            shutil.copy(os.path.realpath(shutil.which("node")), os.path.join(context, "node"))
            with open(os.path.join(context, "p3xrs.json"), "w", encoding="ascii") as file:
                json.dump({"p3xrs": {"http": {"port": 7843, "bind": "0.0.0.0"}, "static": "~p3x-redis-ui-material/dist",
                                     "connections": {"home-dir": "/settings"}}}, file)
            with open(os.path.join(context, "Dockerfile"), "w", encoding="ascii") as file:
                file.write(f"FROM {BASE}\nWORKDIR /p3x\nCOPY . .\nRUN ./node --version\n"
                           'CMD ["./node", "node_modules/p3x-redis-ui-server/bin/p3xrs.js", "--config", "p3xrs.json"]\n')
            self.build("-t", P3X, context)
        return True

    def _volumes_there(self):
        return set(self.podman("volume", "ls", "-q").split())

    def end(self):
        """Also the volumes without a name that containers of the image had."""
        for volume in self._volumes_there() - self._volumes:
            self.call("podman", "volume", "rm", volume)
        self.call("podman", "network", "rm", f"{Compose.PROJECT}_default")
        shutil.rmtree(self.folder, ignore_errors=True)


class Compose:
    """docker-compose.yml under other ports, so that it stands beside what else runs here."""

    PROJECT = "swtest"

    def __init__(self, containers, ports):
        self.containers, self.left_out = containers, []
        os.makedirs(CACHE, exist_ok=True)
        self.files = {}
        for name in ("docker-compose.yml", "k8s/compose/eight-shards.yml"):
            self.files[name] = self._rewritten(name, ports)

    def _rewritten(self, name, ports):
        with open(os.path.join(TREE, name), encoding="utf-8") as file:
            content = yaml.safe_load(file)
        for service_name, service in list(content["services"].items()):
            service.pop("build", None)
            if "image" in service and not self.containers.need_image(service["image"]):
                self.left_out.append(service_name)
                del content["services"][service_name]
                continue
            service["volumes"] = [os.path.join(TREE, volume[2:]) if volume.startswith("./") else volume
                                  for volume in service.get("volumes", [])]
            for volume in list(service["volumes"]):
                source = volume.split(":")[0]
                if source.startswith("/") and not os.path.exists(source):
                    service["volumes"].remove(volume)
            if "ports" in service:
                service["ports"] = [f"127.0.0.1:{ports[int(port.split(':')[1])]}:{port.split(':')[2]}"
                                    for port in service["ports"]]
        path = os.path.join(CACHE, os.path.basename(name))
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)
        return path

    def run(self, *arguments, more=False, **variables):
        files = ["-f", self.files["docker-compose.yml"]]
        if more:
            files += ["-f", self.files["k8s/compose/eight-shards.yml"]]
        done = self.containers.call("podman-compose", "-p", self.PROJECT, *files, *arguments, timeout=300, variables=variables)
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    def container(self, service):
        return f"{self.PROJECT}_{service}_1"

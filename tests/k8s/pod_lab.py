# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes in miniature that runs the manifests of k8s/manifests: their commands, arguments, settings,
passwords, probes and hooks, one network namespace for each pod. The kubelet, the controllers, the name
server and the API's one question are this file's and small_services's.
"""
import itertools
import os
import shutil
import subprocess
import tempfile
import threading

import yaml

from child_process import ChildProcess
from deadline import SLOWNESS, wait_until
from kubernetes_tools import TREE
from pod_network import PodNetwork
from proxy_process import admin_status
from raw_client import RawClient
from server_program import program
from small_services import NameServer, ScaleServer
from tls_files import Authority

SHARDS, PROXIES = "slotway-shard", "slotway-proxy"
PASSWORDS = {"redis-password": "new1234", "shard-password": "shards-only"}


def load_manifests():
    documents = {}
    for name in ("shards.yaml", "proxies.yaml", "keeper.yaml"):
        with open(os.path.join(TREE, "k8s", "manifests", name), encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                documents[document["kind"], document["metadata"]["name"]] = document
    return documents


class Pod:
    """One container of a manifest's template, in a network namespace; its disk outlives it."""

    def __init__(self, lab, name, document, number):
        self.lab, self.name, self.number = lab, name, number
        self.template = document["spec"]["template"]
        self.spec = self.template["spec"]["containers"][0]
        self.labels = self.template["metadata"]["labels"]
        self.folder = os.path.join(lab.folder, name)
        self.replaced = {}
        volumes = {volume["name"]: volume for volume in self.template["spec"]["volumes"]}
        for mount in self.spec["volumeMounts"]:
            self._mount(mount, volumes.get(mount["name"], {}))
        environment = {**os.environ, "POD_NAME": name, "KUBERNETES_SERVICE_HOST": lab.api.host,
                       "KUBERNETES_SERVICE_PORT": str(lab.api.port)}
        self.environment = environment
        command = self.command(self.spec["command"] + self.spec["args"])
        self.process = ChildProcess(command, os.path.join(self.folder, "log"), env=environment)

    @property
    def address(self):
        return self.lab.network.pod_addresses[self.number]

    def _mount(self, mount, volume):
        place = os.path.join(self.folder, mount["name"])
        os.makedirs(place, exist_ok=True)
        self.replaced[mount["mountPath"]] = place
        files = {}
        if "configMap" in volume:
            files = self.lab.documents["ConfigMap", volume["configMap"]["name"]]["data"]
        elif "secret" in volume:
            files = PASSWORDS
        for name, text in files.items():
            with open(os.path.join(place, name), "w", encoding="utf-8") as file:
                file.write(text)
        self._move_paths()

    def _move_paths(self):
        """In settings, once all places are known."""
        for place in self.replaced.values():
            for name in os.listdir(place):
                path = os.path.join(place, name)
                if name in ("proxy.yaml", "shard.conf"):
                    with open(path, encoding="utf-8") as file:
                        text = file.read()
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(self._moved(text))

    def _moved(self, text):
        for mounted, place in self.replaced.items():
            if place not in text:
                text = text.replace(mounted, place)
        return text.replace("$(POD_NAME)", self.name)

    def command(self, words):
        words = [self._moved(word) for word in words]
        if words[0] in ("slotway", "slotway-shard"):
            words[0] = program(words[0])
        if "--statefulset" in words:
            words += ["--account", self.lab.account]
        return [*self.lab.network.in_pod(self.number), "unshare", "--uts", "sh", "-c",
                'hostname "$0" && exec "$@"', self.name, *words]

    def run(self, words, timeout_s):
        return subprocess.run(self.command(words), env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout_s * SLOWNESS, check=False)

    def is_ready(self):
        probe = self.spec.get("readinessProbe")
        if probe is None:
            return self.process.is_running()
        if "httpGet" in probe:
            port = next(p["containerPort"] for p in self.spec["ports"] if p["name"] == probe["httpGet"]["port"])
            return admin_status(port, probe["httpGet"]["path"], self.address) == 200
        return self.run(probe["exec"]["command"], 10).returncode == 0

    def stop(self):
        """As the kubelet does: the hook, then SIGTERM. Returns what the hook said."""
        said = ""
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook and self.process.is_running():
            done = self.run(hook["exec"]["command"], 120)
            said = f"{done.returncode} {done.stdout}"
        code = self.process.stop(60)
        assert code == 0, f"{self.name} ended with {code}:\n{self.process.log_tail()}"
        return said


class Lab:
    ROOMS = 12  # namespaces for pods

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="slotway-lab-")
        self.pods, self.documents = {}, load_manifests()
        self.network = PodNetwork(self.ROOMS, {})
        self._rooms = list(range(self.ROOMS))
        self._addresses = itertools.count(100)
        try:
            self.network.enter()
            gateway = self.network.gateway
            self.names = NameServer(gateway)
            self.network.look_names_up_at(gateway)
            self.account = os.path.join(self.folder, "account")
            authority = Authority(self.account)
            self.api = ScaleServer(gateway, authority.issue("api", names=f"IP:{gateway}"), SHARDS, 6)
            for name, text in (("token", ScaleServer.TOKEN), ("namespace", "redis-system")):
                with open(os.path.join(self.account, name), "w", encoding="ascii") as file:
                    file.write(text)
        except BaseException:
            self.end()
            raise

    def start(self, name, kind, document):
        """A pod under an address that none has had before."""
        number = self._rooms.pop(0)
        prefix = self.network.gateway.rsplit(".", 1)[0]
        self.network.readdress(number, f"{prefix}.{next(self._addresses)}")
        self.pods[name] = Pod(self, name, self.documents[kind, document], number)
        self._publish()
        return self.pods[name]

    def start_shard(self, ordinal):
        return self.start(f"{SHARDS}-{ordinal}", "StatefulSet", SHARDS)

    def start_proxy(self, number):
        return self.start(f"{PROXIES}-{number}", "Deployment", PROXIES)

    def start_keeper(self):
        return self.start("slotway-keeper-0", "Deployment", "slotway-keeper")

    def stop(self, *names):
        """Some at once."""
        said, threads = {}, []
        for name in names:
            threads.append(threading.Thread(target=lambda name=name: said.update({name: self.pods[name].stop()})))
            threads[-1].start()
        for thread in threads:
            thread.join()
        for name in names:
            assert name in said, f"{name} did not end well:\n{self.pods[name].process.log_tail()}"
            self._rooms.append(self.pods.pop(name).number)
        self._publish()
        return said

    def restart(self, name):
        kind = "StatefulSet" if name.startswith(SHARDS) else "Deployment"
        document = name.rsplit("-", 1)[0]
        self.stop(name)
        return self.start(name, kind, document)

    def _publish(self):
        shards = {name: pod.address for name, pod in self.pods.items() if name.startswith(SHARDS)}
        self.names.records = {"slotway-headless": list(shards.values()),
                              **{f"{name}.slotway-headless": [address] for name, address in shards.items()}}

    def of(self, prefix):
        return [pod for name, pod in sorted(self.pods.items()) if name.startswith(prefix)]

    def wait_until_ready(self, timeout_s, *prefixes):
        def ready():
            for prefix in prefixes or ("",):
                for pod in self.of(prefix):
                    assert pod.process.is_running(), f"{pod.name} has ended:\n{pod.process.log_tail()}"
                    if not pod.is_ready():
                        return False
            return True
        try:
            wait_until(ready, timeout_s, "all pods are ready")
        except AssertionError as error:
            logs = "\n".join(f"--- {pod.name}\n{pod.process.log_tail(8)}" for pod in self.pods.values())
            raise AssertionError(f"{error}\n{logs}") from None

    def client(self, pod=None, password=PASSWORDS["redis-password"], port=6379):
        pod = pod or self.of(PROXIES)[0]
        return RawClient(port, pod.address, password=password)

    def shard_client(self, pod):
        return self.client(pod, PASSWORDS["shard-password"])

    def members(self):
        """{ordinal: (flags, slots)} as the first shard sees them; ghosts have negative numbers."""
        with self.shard_client(self.of(SHARDS)[0]) as client:
            rows = {}
            for line in client.call("CLUSTER", "NODES").decode().splitlines():
                _, place, flags, *_, = line.split()
                host = place.split(",")[1] if "," in place else ""
                ordinal = int(host.split(".")[0].rsplit("-", 1)[1]) if host else -1 - len(rows)
                if ordinal in rows:
                    ordinal = -1 - len(rows)
                slots = sum(int(last) - int(first) + 1 for first, _, last in
                            (part.partition("-") if "-" in part else (part, "", part) for part in line.split()[8:]
                             if not part.startswith("[")))  # one that is on the move
                rows[ordinal] = (flags.replace("myself,", ""), slots)
            return rows

    def end(self):
        for pod in self.pods.values():
            pod.process.kill()
        for service in ("names", "api"):
            if hasattr(self, service):
                getattr(self, service).stop()
        self.network.delete()
        shutil.rmtree(self.folder, ignore_errors=True)

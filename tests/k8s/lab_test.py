# SPDX-License-Identifier: Apache-2.0
"""The manifests, run: what they promise of forming, scaling, restarts, addresses and who may reach whom."""
import itertools
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

from child_process import ChildProcess
from deadline import SLOWNESS, wait_until
from pod_lab import PASSWORDS, PROXIES, SHARDS, Lab
from pod_network import why_impossible
from raw_client import ConnectionClosed
from rolling_clients import RollingLoad, Service

_why = why_impossible()
pytestmark = [pytest.mark.skipif(_why is not None, reason=str(_why)),
              pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare (util-linux)")]


class Counting(threading.Thread):
    """A client of the one address: counts keys up, and knows what each has to hold. Which proxy it gets is up
    to a balancer; when its proxy says goodbye between two requests it connects again, as clients do."""

    KEYS = 200
    _names = itertools.count()

    def __init__(self, lab):
        super().__init__(daemon=True)
        self._lab, self._number, self._client, self._going = lab, next(self._names), None, None
        self._chance, self._stopping = random.Random(self._number), threading.Event()
        self.counts, self.requests, self.crossed, self.failure = {}, 0, 0, None

    def run(self):
        try:
            while not self._stopping.is_set():
                self._step()
        except Exception as error:  # told by the main thread
            self.failure = f"{type(error).__name__}: {error} after {self.requests} requests"

    def _connected(self):
        # A connection that was closed while nothing was asked is no error.
        if self._client is not None and self._client.has_input():
            self._client.close()
            self._client = None
        if self._client is None:
            ready = [pod for pod in self._lab.of(PROXIES) if pod.is_ready()]
            self._going = self._chance.choice(ready)
            self._client = self._lab.client(self._going)
        return self._client

    def _step(self):
        key = f"count:{self._number}:{self._chance.randrange(self.KEYS)}"
        client = self._connected()
        try:
            reply = client.call("INCR", key)
        except (ConnectionClosed, ConnectionError) as error:
            return self._crossed_a_goodbye(key, error)
        self.counts[key] = self.counts.get(key, 0) + 1
        assert reply == self.counts[key], (key, reply, self.counts[key])
        self.requests += 1

    def _crossed_a_goodbye(self, key, error):
        """The end of the connection and the request met on the way. It must not have run."""
        if self._going.process.is_running() and self._going.is_ready():
            raise AssertionError(f"the answer to INCR never came: {error}") from None
        self._client.close()
        self._client, self.crossed = None, self.crossed + 1
        found = self._connected().call("GET", key)
        assert (found or b"0") == str(self.counts.get(key, 0)).encode(), (key, found, self.counts.get(key))

    def stop(self):
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), "a client waits for a reply for ever"
        assert self.failure is None, self.failure

    def check(self, client):
        wrong = {key: count for key, count in self.counts.items()
                 if client.call("GET", key) != str(count).encode()}
        assert not wrong, wrong


class Load:
    def __init__(self, lab, clients=4):
        self._lab = lab
        self._clients = [Counting(lab) for _ in range(clients)]

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, kind, *_):
        for client in self._clients:
            if kind is None:
                client.stop()
        if kind is None:
            self.check()

    def check(self):
        with self._lab.client() as client:
            for counting in self._clients:
                counting.check(client)

    @property
    def requests(self):
        return sum(client.requests for client in self._clients)

    @property
    def crossed(self):
        return sum(client.crossed for client in self._clients)


@pytest.fixture(scope="module")
def lab():
    lab = Lab()
    try:
        for ordinal in range(6):
            lab.start_shard(ordinal)
        for number in range(2):
            lab.start_proxy(number)
        lab.start_keeper()
        lab.wait_until_ready(60)
        yield lab
    finally:
        lab.end()


def wait_until_whole(lab, count):
    """So many shards with slots or a master, nobody else, all ready."""
    def whole():
        members = lab.members()
        flags = [row[0] for row in members.values()]
        return (sorted(members) == list(range(count)) and set(flags) <= {"master", "slave"} and
                sum(row[1] for row in members.values()) == 16384 and
                not [row for row in members.values() if row[0] == "master" and row[1] == 0])
    try:
        wait_until(whole, 60, f"the cluster has {count} members")
    except AssertionError as error:
        raise AssertionError(f"{error}; it has {lab.members()}\n"
                             f"{lab.of('slotway-keeper')[0].process.log_tail()}") from None
    lab.wait_until_ready(30)


def masters(lab):
    return {ordinal: slots for ordinal, (flags, slots) in lab.members().items() if flags == "master"}


def test_a_cluster_forms_from_nothing(lab):
    wait_until_whole(lab, 6)
    assert sorted(masters(lab).values()) == [5461, 5461, 5462]
    with lab.client() as client:
        for i in range(300):
            assert client.call("SET", f"kept:{i}", i) == "OK"
    # The read-only address.
    with lab.client(port=6380) as reader:
        wait_until(lambda: reader.call("GET", "kept:7") == b"7", 10, "a replica has it")
        assert reader.call("SET", "kept:7", "x").startswith("READONLY")


def test_more_shards_and_fewer_again(lab):
    wait_until_whole(lab, 6)
    with Load(lab) as load:
        lab.api.replicas = 8  # what `helm upgrade --set cluster.nodes=8` changes
        for ordinal in (6, 7):
            lab.start_shard(ordinal)
        wait_until_whole(lab, 8)
        assert len(masters(lab)) == 4 and set(masters(lab).values()) == {4096}
        grown = load.requests
        wait_until(lambda: load.requests > grown + 1000, 30, "clients go on")
        lab.api.replicas = 6  # and back: both pods are stopped at once, and wait until they are empty
        said = lab.stop(f"{SHARDS}-6", f"{SHARDS}-7")
        assert all(text.startswith("0 waits until") for text in said.values()), said
        wait_until_whole(lab, 6)
        assert len(masters(lab)) == 3
    with lab.client() as client:
        assert [client.call("GET", f"kept:{i}") for i in range(300)] == [b"%d" % i for i in range(300)]


def test_a_pod_that_comes_back_is_not_emptied(lab):
    wait_until_whole(lab, 6)
    said = lab.stop(f"{SHARDS}-5")[f"{SHARDS}-5"]
    assert said == "0 ", said
    lab.start_shard(5)
    wait_until_whole(lab, 6)


def test_everything_restarts_one_after_the_other_under_load(lab):
    wait_until_whole(lab, 6)
    with Load(lab) as load:
        for ordinal in reversed(range(6)):
            lab.restart(f"{SHARDS}-{ordinal}")
            lab.wait_until_ready(60, SHARDS)
        assert load.crossed == 0
        for number in range(2):
            lab.restart(f"{PROXIES}-{number}")
            lab.wait_until_ready(60, PROXIES)
        lab.restart("slotway-keeper-0")
        assert load.crossed == 0, load.crossed
    wait_until_whole(lab, 6)


class Endpoints(threading.Thread):
    """Keeps a Service's addresses: a pod that is not ready any more is known for such only a second later."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self._lab, self._over = lab, threading.Event()
        self.service = Service(PASSWORDS["redis-password"])
        self._seen_ready = {}
        self._look()

    def _look(self):
        now = time.monotonic()
        for pod in self._lab.of(PROXIES):
            if pod.is_ready():
                self._seen_ready[pod.address] = now
        self._seen_ready = {address: at for address, at in self._seen_ready.items() if now - at < SLOWNESS}
        self.service.route_to([(address, 6379) for address in self._seen_ready])

    def run(self):
        while not self._over.wait(0.1):
            self._look()

    def __enter__(self):
        self.start()
        return self.service

    def __exit__(self, *_):
        self._over.set()
        self.join()


def test_ten_restarts_of_proxies_and_twenty_busy_clients(lab):
    """Plain redis-py without retries: nobody sees an error."""
    wait_until_whole(lab, 6)
    with Endpoints(lab) as service, RollingLoad(service) as load:
        for number in range(10):
            before = load.requests
            lab.restart(f"{PROXIES}-{number % 2}")
            lab.wait_until_ready(60, PROXIES)
            wait_until(lambda: load.requests > before + 1000, 30, "clients go on")
            load.assert_no_error()


def test_restarts_of_shards_and_twenty_busy_clients(lab):
    wait_until_whole(lab, 6)
    with Endpoints(lab) as service, RollingLoad(service) as load:
        for ordinal in [*reversed(range(6))] * 2:
            before = load.requests
            lab.restart(f"{SHARDS}-{ordinal}")
            lab.wait_until_ready(60, SHARDS)
            wait_until(lambda: load.requests > before + 1000, 30, "clients go on")
            load.assert_no_error()
    wait_until_whole(lab, 6)


def put_secret(lab, name, text):
    """As the kubelet does it in the pods that run."""
    PASSWORDS[name] = text
    for pod in lab.pods.values():
        path = os.path.join(pod.folder, "passwords", name)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(path + ".new", path)


def test_passwords_rotate_under_load(lab):
    """As docs/operations.md says, and nobody sees an error."""
    wait_until_whole(lab, 6)
    with Endpoints(lab) as service, RollingLoad(service) as load:
        former = PASSWORDS["shard-password"]
        for pod in lab.of(SHARDS):
            with lab.shard_client(pod) as client:
                assert client.call("CONFIG", "SET", "masterauth", "another") == "OK"
                assert client.call("ACL", "SETUSER", "default", ">another") == "OK"
        put_secret(lab, "shard-password", "another")
        names = [pod.name for kind in (PROXIES, "slotway-keeper", SHARDS) for pod in reversed(lab.of(kind))]
        for name in names:
            lab.restart(name)
            lab.wait_until_ready(60)
            load.assert_no_error()
        wait_until_whole(lab, 6)
        for pod in lab.of(SHARDS):
            with lab.client(pod, password=None) as client:
                assert client.call("AUTH", former).startswith("WRONGPASS")
        # The clients' one, there and back: the file's second line is accepted as long as it is there.
        first = PASSWORDS["redis-password"]
        for old, new in ((first, "newer"), ("newer", first)):
            put_secret(lab, "redis-password", f"{new}\n{old}")
            assert_accepted(lab, {new: True, old: True})
            service.password = new
            put_secret(lab, "redis-password", new)
            assert_accepted(lab, {new: True, old: False})


def assert_accepted(lab, passwords):
    """By all proxies, soon."""
    def holds(proxy):
        for password, is_right in passwords.items():
            with lab.client(proxy, password=None) as client:
                if (client.call("AUTH", password) == "OK") != is_right:
                    return False
        return True
    for proxy in lab.of(PROXIES):
        wait_until(lambda proxy=proxy: holds(proxy), 10, f"{proxy.name} knows {passwords}")


def test_all_pods_come_back_at_once_with_new_addresses(lab):
    wait_until_whole(lab, 6)
    names = sorted(lab.pods)
    before = {name: pod.address for name, pod in lab.pods.items()}
    for name in names:
        lab.pods[name].process.kill()  # the whole machine was switched off
        lab._rooms.append(lab.pods.pop(name).number)
    for name in names:
        kind = "StatefulSet" if name.startswith(SHARDS) else "Deployment"
        lab.start(name, kind, name.rsplit("-", 1)[0])
    assert all(lab.pods[name].address != before[name] for name in names)
    wait_until_whole(lab, 6)
    with lab.client() as client:
        assert [client.call("GET", f"kept:{i}") for i in range(300)] == [b"%d" % i for i in range(300)]


def test_a_pod_that_lost_its_disk_is_a_new_one(lab):
    wait_until_whole(lab, 6)
    name = f"{SHARDS}-{max(masters(lab))}"
    with Load(lab):
        lab.stop(name)
        shutil.rmtree(os.path.join(lab.folder, name, "redis-data"))
        lab.start_shard(int(name.rsplit("-", 1)[1]))
        wait_until_whole(lab, 6)  # and who it was is forgotten
    assert len(masters(lab)) == 3


def test_only_those_who_may_reach_a_shard(lab):
    """The rules of the NetworkPolicy, as a network that heeds them would have them."""
    wait_until_whole(lab, 6)
    policy = lab.documents["NetworkPolicy", SHARDS]["spec"]
    stranger = lab._rooms.pop()
    shard, proxy = lab.of(SHARDS)[0], lab.of(PROXIES)[0]

    def reaches(number, address, port):
        done = subprocess.run([*lab.network.in_pod(number), "timeout", "2", "bash", "-c",
                               f"exec 3<>/dev/tcp/{address}/{port}"], stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    assert reaches(stranger, shard.address, 6379) and reaches(stranger, shard.address, 16379)
    for pod in lab.of(SHARDS):
        lab.network.restrict(pod.number, rules_of(policy, lab))
    try:
        assert not reaches(stranger, shard.address, 6379) and not reaches(stranger, shard.address, 16379)
        assert not reaches(proxy.number, shard.address, 16379)
        assert reaches(proxy.number, shard.address, 6379)
        assert reaches(stranger, proxy.address, 6379)
        with Load(lab):
            lab.restart(f"{SHARDS}-0")
            # A pod that comes back has its rules from the beginning in Kubernetes; others learn its address.
            for pod in lab.of(SHARDS):
                lab.network.restrict(pod.number, rules_of(policy, lab))
            wait_until_whole(lab, 6)
    finally:
        for pod in lab.of(SHARDS):
            lab.network.restrict(pod.number, "")
        lab._rooms.append(stranger)


def rules_of(policy, lab):
    """A NetworkPolicy's ingress as lines of nft. Who probes comes from the node, as the kubelet does."""
    rules = ["    ct state established,related accept", "    iifname lo accept",
             f"    ip saddr {lab.network.gateway} accept"]
    for ingress in policy["ingress"]:
        ports = ", ".join(str(port["port"]) for port in ingress["ports"])
        if "from" not in ingress:
            rules.append(f"    tcp dport {{ {ports} }} accept")  # for whoever scrapes
        for source in ingress.get("from", ()):
            wanted = source["podSelector"]["matchLabels"].items()
            addresses = [pod.address for pod in lab.pods.values() if wanted <= pod.labels.items()]
            if addresses:
                rules.append(f"    ip saddr {{ {', '.join(addresses)} }} tcp dport {{ {ports} }} accept")
    return "\n".join(rules + ["    drop"])


HAPROXY = next((path for path in ("/usr/sbin/haproxy",) if os.path.exists(path)), None)


@pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy (scripts/deps.sh bench)")
def test_the_clients_address_is_seen_behind_a_balancer(lab):
    """A balancer on the node writes the header of the PROXY protocol, as the compose file's does."""
    wait_until_whole(lab, 6)
    settings = lab.documents["ConfigMap", PROXIES]["data"]
    plain = settings["proxy.yaml"]
    settings["proxy.yaml"] = plain.replace("proxy_protocol: 'off'", "proxy_protocol: required").replace(
        'proxy_protocol: "off"', "proxy_protocol: required")
    assert settings["proxy.yaml"] != plain
    folder = tempfile.mkdtemp(prefix="slotway-balancer-")
    balancer = None
    try:
        pod = lab.start_proxy(9)
        wait_until(pod.is_ready, 20, "the proxy is ready")
        config = os.path.join(folder, "haproxy.cfg")
        with open(config, "w", encoding="ascii") as file:
            file.write("defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
                       f"listen redis\n bind {lab.network.node_address}:32200\n"
                       f" server proxy {pod.address}:6379 send-proxy-v2\n")
        balancer = ChildProcess([HAPROXY, "-f", config, "-db"], os.path.join(folder, "log"))
        ask = ("redis-cli", "-h", lab.network.node_address, "-p", "32200", "-a", "new1234", "--no-auth-warning",
               "client", "info")

        def seen():
            return subprocess.run([*lab.network.in_client(), *ask], stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.STDOUT, check=False).stdout
        wait_until(lambda: f" addr={lab.network.client_address}:" in seen(), 10, "the client's address is seen")
    finally:
        settings["proxy.yaml"] = plain
        if balancer is not None:
            balancer.stop()
        if f"{PROXIES}-9" in lab.pods:
            lab.stop(f"{PROXIES}-9")
        shutil.rmtree(folder, ignore_errors=True)


def test_without_an_answer_from_kubernetes_nobody_waits(lab):
    """Who may not ask hands over and goes, as ever."""
    pod = lab.of(SHARDS)[0]
    done = pod.run(["slotway", "cluster", "leave", "127.0.0.1:6379", "--statefulset", "another", "--password-file",
                    "/etc/slotway/secrets/shard-password"], 20)
    assert done.returncode == 1 and "is no pod of another" in done.stdout, done.stdout
    token = os.path.join(lab.account, "token")
    try:
        with open(token, "w", encoding="ascii") as file:
            file.write("wrong")
        done = pod.run(["slotway", "cluster", "leave", "127.0.0.1:6379", "--statefulset", SHARDS, "--password-file",
                        "/etc/slotway/secrets/shard-password"], 20)
        assert done.returncode == 0 and "401" in done.stdout, done.stdout
    finally:
        with open(token, "w", encoding="ascii") as file:
            file.write(lab.api.TOKEN)


def test_healthcheck_tells_life_from_readiness(lab):
    pod = lab.of(SHARDS)[0]
    secret = ["--password-file", "/etc/slotway/secrets/shard-password"]
    assert pod.run(["slotway", "healthcheck", "127.0.0.1:6379", *secret], 10).returncode == 0
    assert pod.run(["slotway", "healthcheck", "127.0.0.1:6379", "--password", "wrong"], 10).returncode == 0
    done = pod.run(["slotway", "healthcheck", "127.0.0.1:6379", "--ready", "--password", "wrong"], 10)
    assert done.returncode == 1 and "WRONGPASS" in done.stdout
    assert pod.run(["slotway", "healthcheck", "127.0.0.1:1", *secret], 10).returncode == 1
    proxy = lab.of(PROXIES)[0]
    assert proxy.run(["slotway", "healthcheck", "http://127.0.0.1:32280/readyz"], 10).returncode == 0
    done = proxy.run(["slotway", "healthcheck", "http://127.0.0.1:32280/nothing"], 10)
    assert done.returncode == 1 and "404" in done.stdout


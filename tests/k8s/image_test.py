# SPDX-License-Identifier: Apache-2.0
"""The image, the compose file and the sidecar's pod, as podman runs them."""
import json
import os
import shutil
import urllib.request

import pytest
import yaml

from containers import IMAGE, Compose, Containers, client_programs
from deadline import wait_until
from free_ports import free_ports
from guide_test import INTERNAL_ACCESS, assert_no_redirect
from kubernetes_tools import CACHE, TREE, Missing
from raw_client import ConnectionClosed, RawClient
from terminal import Terminal

PASSWORD = "new1234"
IMAGE_MB_MAX = 40


@pytest.fixture(scope="module")
def containers():
    try:
        made = Containers()
        made.build_image()
    except Missing as missing:
        pytest.skip(str(missing))
    yield made
    made.end()


def test_the_image_is_small_and_holds_no_shell(containers):
    described = json.loads(containers.podman("image", "inspect", IMAGE))[0]
    assert described["Size"] < IMAGE_MB_MAX << 20, described["Size"]
    assert described["Config"]["User"] == "10001:10001"
    assert described["Healthcheck"]["Test"][:3] == ["CMD", "slotway", "healthcheck"]
    done = containers.call("podman", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c", "true")
    assert done.returncode == 127 and "not found" in done.stdout, done.stdout
    said = containers.podman("run", "--rm", "--read-only", "--cap-drop", "all", IMAGE, "--version")
    assert said.splitlines()[-1].startswith("slotway "), said


@pytest.fixture(scope="module")
def compose(containers):
    ports = dict(zip((32200, 32210, 32280, 9090, 3000, 7843), free_ports(6)))
    made = Compose(containers, ports)
    made.ports = ports
    made.run("down", "-v")
    made.run("up", "-d")
    yield made
    made.run("down", "-v", more=True)
    for path in made.files.values():
        os.remove(path)


def client(compose, port=32200):
    return RawClient(compose.ports[port], password=PASSWORD)


def serves(compose):
    try:
        with client(compose) as one:
            return all(one.call("SET", f"probe:{i}", i) == "OK" for i in range(20))
    except (OSError, AssertionError, ConnectionClosed):  # the balancer has nobody yet
        return False


def check_cluster(compose):
    return compose.containers.call("podman", "exec", compose.container("shard-0"), "slotway", "cluster", "check",
                                   "127.0.0.1:6379", "--password-file", "/etc/slotway/password.txt").stdout


def masters(compose):
    return sum(" master " in line and " 0 slots" not in line for line in check_cluster(compose).splitlines())


def wait_until_well(compose, count, timeout_s=90):
    def well():
        said = check_cluster(compose)
        return said.rstrip().endswith("all is well") and masters(compose) == count
    try:
        wait_until(well, timeout_s, f"{count} masters, and all is well")
    except AssertionError as error:
        logs = compose.containers.call("podman", "logs", compose.container("keeper")).stdout
        raise AssertionError(f"{error}\n{check_cluster(compose)}\n{logs[-2000:]}") from None


def test_compose_up_serves_the_guides_session(compose):
    wait_until(lambda: serves(compose), 90, "the cluster serves behind the published port")
    wait_until_well(compose, 3)
    for flags in ((), ("-c",)):
        with Terminal("127.0.0.1", compose.ports[32200], [*flags, "-a", PASSWORD]) as terminal:
            for key, value in INTERNAL_ACCESS:
                assert terminal.type(f"set {key} {value}") == ["OK"]
            for key, value in INTERNAL_ACCESS:
                assert terminal.type(f"get {key}") == [f'"{value}"']
            assert_no_redirect(terminal.transcript.decode())
    with client(compose, 32210) as reader:
        assert reader.call("SET", "a", 1).startswith("READONLY")
        wait_until(lambda: reader.call("GET", "a") == b"1", 10, "a replica has it")


def test_the_clients_address_passes_the_balancer(compose):
    with client(compose) as one:
        seen = one.call("CLIENT", "INFO").decode()
    balancer = compose.containers.podman("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                                         compose.container("balancer"))
    assert f" addr={balancer}:" not in seen, seen


def test_a_shard_that_is_killed_heals(compose):
    wait_until_well(compose, 3)
    with client(compose) as one:
        assert one.call("SET", "before", "x") == "OK"
    compose.containers.podman("kill", "-s", "KILL", compose.container("shard-1"))
    with client(compose) as one:
        for i in range(200):
            assert one.call("SET", f"during:{i}", i) == "OK"
    compose.run("up", "-d")  # what `restart: unless-stopped` does, podman leaves to a service
    wait_until_well(compose, 3)
    with client(compose) as one:
        assert one.call("GET", "before") == b"x"
        assert [one.call("GET", f"during:{i}") for i in range(200)] == [b"%d" % i for i in range(200)]


def test_eight_shards_and_six_again(compose):
    wait_until_well(compose, 3)
    with client(compose) as one:
        for i in range(500):
            assert one.call("SET", f"kept:{i}", i) == "OK"
    compose.containers.podman("rm", "-f", compose.container("keeper"))
    compose.run("up", "-d", more=True, SHARDS="8")
    wait_until_well(compose, 4, 120)
    compose.containers.podman("rm", "-f", compose.container("keeper"))
    compose.run("up", "-d", "keeper")
    wait_until_well(compose, 3, 120)
    for name in ("shard-6", "shard-7"):
        compose.containers.podman("rm", "-f", "-t", "20", compose.container(name))
    wait_until_well(compose, 3)
    with client(compose) as one:
        assert [one.call("GET", f"kept:{i}") for i in range(500)] == [b"%d" % i for i in range(500)]


def ask(compose, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{compose.ports[9090]}{path}", timeout=10) as answer:
        return json.load(answer)["data"]


def test_prometheus_sees_the_proxies_and_has_the_rules(compose):
    if "prometheus" in compose.left_out:
        pytest.skip("Prometheus's image can not be had")
    def healths():
        return sorted((target["labels"]["job"], target["health"])
                      for target in ask(compose, "/api/v1/targets")["activeTargets"])
    wanted = [("slotway", "up")] * 2 + [("slotway-shard", "up")] * 6
    try:
        wait_until(lambda: healths() == wanted, 90, "both proxies and six shards are scraped")
    except AssertionError as error:
        raise AssertionError(f"{error}: {healths()}") from None
    if os.path.isdir(os.path.join(TREE, "k8s", "prometheus")):
        rules = [rule for group in ask(compose, "/api/v1/rules")["groups"] for rule in group["rules"]]
        assert rules and all(rule["health"] in ("ok", "unknown") for rule in rules), rules
        wait_until(lambda: all(rule["health"] == "ok" for group in ask(compose, "/api/v1/rules")["groups"]
                               for rule in group["rules"]), 30, "every rule was evaluated")


def test_every_container_has_a_health_that_needs_no_shell(compose):
    wait_until_well(compose, 3)
    for service in [*(f"shard-{i}" for i in range(6)), "proxy-1", "proxy-2"]:
        wait_until(lambda s=service: compose.containers.call(
            "podman", "healthcheck", "run", compose.container(s)).returncode == 0, 20, f"{service} is healthy")
    # And one that serves nobody is not.
    name = f"{compose.PROJECT}_unhealthy"
    compose.containers.podman("run", "-d", "--name", name, "--entrypoint", "slotway-shard", IMAGE, "--port", "6379")
    try:
        done = compose.containers.call("podman", "healthcheck", "run", name)
        assert done.returncode == 1, done.stdout
    finally:
        compose.containers.podman("rm", "-f", name)


def test_p3x_redis_ui_shows_a_key(compose):
    """In Chromium, by the connection that it is given."""
    if "p3x" in compose.left_out:
        pytest.skip("P3X Redis UI can not be had")
    try:
        packages = client_programs.P3X.installed()
    except client_programs.Missing as missing:
        pytest.skip(str(missing))
    wait_until(lambda: serves(compose), 60, "there is a cluster")
    with client(compose) as one:
        assert one.call("SET", "seen-in-a-browser", "by its value") == "OK"
    url = f"http://127.0.0.1:{compose.ports[7843]}"

    def answers():
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except OSError:
            return False
    wait_until(answers, 30, "P3X Redis UI answers")
    done = client_programs.run(["node", "running.mjs", url, "seen-in-a-browser", "by its value"], packages, 120)
    if done.returncode:
        log = compose.containers.call("podman", "logs", compose.container("p3x")).stdout
        raise AssertionError(f"{done.stdout}\n{log[-2000:]}")


def test_what_was_left_out_is_said(compose):
    if compose.left_out:
        pytest.skip(f"images that can not be had here: {', '.join(compose.left_out)}")
    assert compose.left_out == []


@pytest.mark.parametrize("kind", ["native", "classic"])
def test_the_sidecars_pod(containers, compose, kind):
    """The application talks to its localhost. Old podman knows no native sidecars: they are run as classic."""
    if not containers.need_image("docker.io/library/redis:7"):
        pytest.skip("redis:7 can not be had")
    wait_until(lambda: serves(compose), 60, "there is a cluster")
    with open(os.path.join(TREE, "k8s", "sidecar", f"{kind}.yaml"), encoding="utf-8") as file:
        settings, pod = yaml.safe_load_all(file)
    folder = os.path.join(CACHE, f"sidecar-{kind}")
    os.makedirs(folder, exist_ok=True)
    shard = compose.containers.podman("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                                      compose.container("shard-0"))
    text = settings["data"]["proxy.yaml"].replace("slotway-headless", shard)
    for name, content in (("proxy.yaml", text), ("shard-password", PASSWORD)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(content)
    pod["metadata"]["name"] = f"swtest-{kind}"
    spec = pod["spec"]
    spec["containers"] = spec.pop("initContainers", []) + spec["containers"]
    for container in spec["containers"]:
        container.pop("restartPolicy", None)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            container.pop(probe, None)
        container["image"] = container["image"].replace("slotway:", "localhost/slotway:")
    for volume in spec["volumes"]:
        for key in ("configMap", "secret"):
            if volume.pop(key, None):
                volume["hostPath"] = {"path": folder}
    path = os.path.join(folder, "pod.yaml")
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(pod, file)
    containers.call("podman", "pod", "rm", "-f", f"swtest-{kind}")
    try:
        containers.podman("play", "kube", "--network", f"{compose.PROJECT}_default", path)
        application = f"swtest-{kind}-application"
        wait_until(lambda: any(line.strip().isdigit() for line in
                               containers.call("podman", "logs", application).stdout.splitlines()), 60,
                   "the application counts its visits")
        with client(compose) as one:
            assert int(one.call("GET", "visits")) >= 1
    finally:
        containers.call("podman", "pod", "rm", "-f", f"swtest-{kind}")
        shutil.rmtree(folder, ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0
"""The plain manifests, the sidecars and the compose file: that they are what the chart and the programs want."""
import os
import re
import sys

import pytest
import yaml

from kubernetes_tools import TREE, run
from server_program import program

K8S = os.path.join(TREE, "k8s")


def documents_in(*path):
    with open(os.path.join(K8S, *path), encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def check_settings(text, folder):
    """What `slotway --check-config` says of proxy.yaml, its secrets being there."""
    for path in set(re.findall(r"/etc/slotway/[\w/.-]+", text)) | {"password.txt"} & set(text.split()):
        (folder / os.path.basename(path)).write_text("new1234\n")
        text = text.replace(path, str(folder / os.path.basename(path)))
    (folder / "proxy.yaml").write_text(text)
    done = run([program("slotway"), "--check-config", str(folder / "proxy.yaml")])
    assert done.returncode == 0, done.stdout


def test_the_manifests_are_those_of_the_chart(tools, tmp_path):
    done = run([sys.executable, "-B", os.path.join(K8S, "manifests", "render.py"), tools.helms["helm4"],
                str(tmp_path)])
    assert done.returncode == 0, done.stdout
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(set(os.listdir(os.path.join(K8S, "manifests"))) - {"render.py", "kustomization.yaml"})
    for name in written:
        with open(os.path.join(K8S, "manifests", name), encoding="utf-8") as kept:
            assert kept.read() == (tmp_path / name).read_text(), f"{name}: run k8s/manifests/render.py"


def test_kustomize_makes_valid_documents_of_them(tools):
    documents = [document for document in yaml.safe_load_all(tools.kustomized(os.path.join(K8S, "manifests")))]
    assert {document["metadata"]["namespace"] for document in documents} == {"redis-system"}
    binding = next(document for document in documents if document["kind"] == "RoleBinding")
    assert binding["subjects"][0]["namespace"] == "redis-system"
    assert tools.type_errors([("kustomize", document) for document in documents]) == []
    node_ports = sorted(port["nodePort"] for document in documents if document["kind"] == "Service"
                        for port in document["spec"]["ports"] if "nodePort" in port)
    assert node_ports == [32200, 32210]


@pytest.mark.parametrize("kind", ["native", "classic"])
def test_sidecars_are_valid(tools, tmp_path, kind):
    documents = documents_in("sidecar", f"{kind}.yaml")
    assert tools.type_errors([(kind, document) for document in documents]) == []
    settings, pod = documents
    spec = pod["spec"]
    beside = spec["initContainers"] if kind == "native" else spec["containers"]
    slotway = next(container for container in beside if container["name"] == "slotway")
    assert slotway.get("restartPolicy") == ("Always" if kind == "native" else None)
    config = yaml.safe_load(settings["data"]["proxy.yaml"])
    assert config["listeners"] == [{"address": "127.0.0.1", "port": 6379}]
    policy = next(document for document in documents_in("manifests", "shards.yaml")
                  if document["kind"] == "NetworkPolicy")
    sources = [source["podSelector"]["matchLabels"] for source in policy["spec"]["ingress"][0]["from"]]
    assert any(wanted.items() <= pod["metadata"]["labels"].items() for wanted in sources)
    check_settings(settings["data"]["proxy.yaml"], tmp_path)


def compose(*path):
    with open(os.path.join(TREE, *path), encoding="utf-8") as file:
        return yaml.safe_load(file)


def test_compose_files_name_what_there_is(tmp_path):
    main, more = compose("docker-compose.yml"), compose("k8s", "compose", "eight-shards.yml")
    services = main["services"]
    shards = [name for name in services if name.startswith("shard-")]
    assert len(shards) == 6 and set(more["services"]) == {"shard-6", "shard-7"}
    for file in (main, more):
        for name, service in file["services"].items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    assert os.path.exists(os.path.join(TREE, source)) or source in (
                        "./k8s/prometheus", "./k8s/grafana"), source
                else:
                    assert source in file["volumes"], source
            for port in service.get("ports", []):
                assert port.startswith("127.0.0.1:"), (name, port)
            if name.startswith("shard-"):
                assert service["hostname"] == name == service["entrypoint"][-1]
    with open(os.path.join(K8S, "compose", "proxy.yaml"), encoding="utf-8") as file:
        check_settings(file.read(), tmp_path)
    with open(os.path.join(TREE, "Dockerfile"), encoding="utf-8") as file:
        assert "USER 10001:10001" in file.read()


def test_images_are_of_the_version_of_the_chart():
    with open(os.path.join(K8S, "helm", "slotway", "Chart.yaml"), encoding="utf-8") as file:
        version = yaml.safe_load(file)["appVersion"]
    done = run([program("slotway"), "--version"])
    assert done.stdout.split()[1] == version
    for path in (("docker-compose.yml",), ("k8s", "sidecar", "native.yaml"), ("k8s", "sidecar", "classic.yaml"),
                 ("k8s", "compose", "eight-shards.yml")):
        with open(os.path.join(TREE, *path), encoding="utf-8") as file:
            assert set(re.findall(r"image: slotway:(\S+)", file.read())) == {version}

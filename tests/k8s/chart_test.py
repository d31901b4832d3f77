# SPDX-License-Identifier: Apache-2.0
"""The Helm chart, as both majors of Helm render it: valid documents that agree with each other."""
import concurrent.futures
import json
import os
import re
import shutil
import sys

import pytest
import yaml

from empty_api import EmptyApi
from kubernetes_tools import CHART, TREE, run
from server_program import program
from values_matrix import GUIDE_CLUSTER, GUIDE_EXTERNAL, GUIDE_REDIS, MATRIX, MONITORED, WRONG, sets

HELMS = ("helm3", "helm4")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents_of(text):
    return [document for document in yaml.load_all(text, Loader=LOADER) if document]


@pytest.fixture(scope="session")
def rendered(tools):
    """{(helm, combination): its documents}: the matrix, some at a time, and others when asked for."""
    made = {}

    def render(version, name, *settings):
        key = (version, name, settings)
        if key not in made:
            made[key] = documents_of(tools.rendered(version, *(settings or MATRIX[name])))
        return made[key]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: render(*pair), [(helm, name) for name in MATRIX for helm in HELMS]))

    return render


def find(documents, kind, ending=""):
    found = [document for document in documents
             if document["kind"] == kind and document["metadata"]["name"].endswith(ending)]
    assert len(found) == 1, [f"{d['kind']} {d['metadata']['name']}" for d in documents]
    return found[0]


def pod_specs(documents):
    return [(document, document["spec"]["template"]["spec"]) for document in documents
            if document["kind"] in ("Deployment", "StatefulSet")]


def nulls(value, path=""):
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from nulls(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from nulls(inner, f"{path}[{i}]")


@pytest.mark.parametrize("helm", HELMS)
def test_lint_finds_nothing(tools, helm):
    code, output = tools.helm(helm, "lint", "--strict", CHART)
    assert code == 0 and "[WARNING]" not in output and "[ERROR]" not in output, output


def test_the_matrix_is_large():
    assert len(MATRIX) >= 40


def test_both_helms_render_the_same(rendered):
    for name in MATRIX:
        seen = [json.dumps([forget_chance(document) for document in rendered(helm, name)]) for helm in HELMS]
        assert seen[0] == seen[1], name


def forget_chance(document):
    """Without what is made at random."""
    return {**document, "data": sorted(document["data"])} if document["kind"] == "Secret" else document


def test_every_document_has_its_type_and_no_nulls(tools, rendered):
    unique = {}
    for helm in HELMS:
        for name in MATRIX:
            for document in rendered(helm, name):
                assert not list(nulls(document)), (name, document["kind"], list(nulls(document)))
                unique.setdefault(json.dumps(document, sort_keys=True), (name, document))
    assert len(unique) > 200
    assert tools.type_errors(unique.values()) == []


def test_the_types_find_what_is_wrong(tools):
    """That the check above can fail."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}
    for spec, word in (({"prots": []}, "prots"), ({"ports": "6379"}, "IServicePort"), ({"type": None}, "null"),
                       ({"selector": {"a": 1}}, "number")):
        errors = tools.type_errors([("here", {**service, "spec": spec})])
        assert errors and word in errors[0], errors


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_values_are_named(tools, helm, wrong):
    code, output = tools.helm(helm, "template", "x", CHART, "--set", wrong)
    assert code != 0 and WRONG[wrong] in output and "schema" in output, output


def test_the_schema_is_that_of_the_defaults(tmp_path):
    written = tmp_path / "values.schema.json"
    done = run([sys.executable, "-B", os.path.join(TREE, "k8s", "helm", "values_schema.py"), str(written)])
    assert done.returncode == 0, done.stdout
    with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as kept:
        assert written.read_text() == kept.read(), "run k8s/helm/values_schema.py"


@pytest.mark.parametrize("name", MATRIX)
def test_objects_fit_together(rendered, name):
    documents = rendered("helm4", name)
    names = {(document["kind"], document["metadata"]["name"]) for document in documents}
    assert len(names) == len(documents)
    for document, spec in pod_specs(documents):
        labels = document["spec"]["template"]["metadata"]["labels"]
        wanted = document["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= labels.items()
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
        ports = {port["name"] for container in spec["containers"] for port in container.get("ports", [])}
        for container in spec["containers"] + spec.get("initContainers", []):
            for mount in container.get("volumeMounts", []):
                assert mount["name"] in volumes, (container["name"], mount)
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                assert port is None or port in ports
        for volume in spec.get("volumes", []):
            for kind, key, field in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
                if key in volume and volume[key][field].startswith("my-release"):
                    made = (kind, volume[key][field]) in names
                    assert made or volume[key][field].endswith("-tls"), volume
    pods = [(d["spec"]["template"]["metadata"]["labels"],
             {p["name"] for c in s["containers"] for p in c.get("ports", [])}) for d, s in pod_specs(documents)]
    for document in documents:
        if document["kind"] != "Service":
            continue
        for port in document["spec"]["ports"]:
            assert any(document["spec"]["selector"].items() <= labels.items() and port["targetPort"] in ports
                       for labels, ports in pods), (document["metadata"]["name"], port)


def proxy_settings(documents, folder):
    """proxy.yaml with its secrets where this test can have them."""
    config = yaml.safe_load(find(documents, "ConfigMap", "-proxy")["data"]["proxy.yaml"])

    def moved(value):
        if isinstance(value, dict):
            return {key: moved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [moved(inner) for inner in value]
        if isinstance(value, str) and value.startswith("/etc/slotway/"):
            path = folder / value.replace("/etc/slotway/", "").replace("/", "-")
            path.write_text("new1234\n")
            return str(path)
        return value

    path = folder / "proxy.yaml"
    path.write_text(yaml.safe_dump(moved(config)))
    return config, path


@pytest.mark.parametrize("name", MATRIX)
def test_the_proxy_takes_its_settings(rendered, tmp_path, name):
    if not os.path.exists(program("slotway")):
        pytest.skip("slotway was not built")
    documents = rendered("helm4", name)
    config, path = proxy_settings(documents, tmp_path)
    if "certificate_file" in str(config) or "ca_file" in str(config):
        make_certificates(tmp_path)
    done = run([program("slotway"), "--check-config", str(path)])
    assert done.returncode == 0, done.stdout
    ports = {port["name"]: port["containerPort"] for port in
             find(documents, "Deployment", "-proxy")["spec"]["template"]["spec"]["containers"][0]["ports"]}
    assert config["listeners"][0]["port"] == ports["redis"]
    assert config["admin"]["port"] == ports["admin"]
    grace_s = find(documents, "Deployment", "-proxy")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert int(config["shutdown_grace_ms"][:-1]) + int(config["shutdown_drain_ms"][:-1]) < grace_s


def make_certificates(folder):
    """Real ones in the places of those that the settings name."""
    for path in folder.iterdir():
        if path.name.endswith((".key", ".crt")):
            path.unlink()
    key, crt = folder / "made.key", folder / "made.crt"
    done = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=x", "-keyout", str(key), "-out", str(crt)])
    assert done.returncode == 0, done.stdout
    text = (folder / "proxy.yaml").read_text()
    for path in re.findall(re.escape(str(folder)) + r"/[\w.-]+\.(?:key|crt)", text):
        shutil.copy(key if path.endswith(".key") else crt, path)


def test_growing_restarts_nobody(rendered):
    """Only the count and a ConfigMap that running shards do not read change."""
    six, eight = (find(rendered("helm4", "", *sets("password=x", f"cluster.nodes={n}")), "StatefulSet")
                  for n in (6, 8))
    assert (six["spec"].pop("replicas"), eight["spec"].pop("replicas")) == (6, 8)
    assert six == eight


def test_a_new_version_of_the_chart_restarts_no_shard(rendered):
    pod = find(rendered("helm4", "defaults"), "StatefulSet")["spec"]["template"]
    assert "0.1.0" not in json.dumps(pod["metadata"])


def test_the_guides_lines(rendered):
    cluster = rendered("helm3", "guide-cluster")
    shards = find(cluster, "StatefulSet")["spec"]
    assert shards["replicas"] == 6 and shards["template"]["spec"]["containers"][0]["image"].startswith("docker.io/")
    assert find(cluster, "Secret")["data"]["redis-password"] == "bmV3MTIzNA=="
    redis = rendered("helm3", "guide-redis-names")
    node_ports = {service["metadata"]["name"]: service["spec"]["ports"][0].get("nodePort")
                  for service in redis if service["kind"] == "Service"}
    assert node_ports["my-release-redis-master"] == 32200
    assert node_ports["my-release-redis-replicas"] == 32210
    assert find(redis, "StatefulSet")["spec"]["replicas"] == 4
    assert {"name": "redis-data", "emptyDir": {}} in find(redis, "StatefulSet")["spec"]["template"]["spec"]["volumes"]
    outside = find(rendered("helm3", "guide-external-access"), "Service", "my-release-slotway")["spec"]
    assert (outside["type"], outside["loadBalancerIP"]) == ("LoadBalancer", "192.0.2.1")


def test_passwords_are_the_same_in_each_rendering(rendered, tools):
    """Charts that are rendered without a cluster must not change by themselves."""
    one, other = (documents_of(tools.rendered("helm4", *GUIDE_CLUSTER)) for _ in range(2))
    assert one == other
    secret = find(one, "Secret")["data"]
    assert secret["shard-password"] != secret["redis-password"]


@pytest.fixture
def empty_api():
    api = EmptyApi()
    yield api
    api.stop()
    assert api.changes == []


def would_install(tools, helm, api, *settings):
    """What Helm says of it; `lookup` finds what the API holds. Helm 3 does not do it without an API."""
    code, output = tools.helm(helm, "install", "my-release", CHART, "-n", "redis-system", "--dry-run=server",
                              "--disable-openapi-validation", "--kube-apiserver", api.url, *settings)
    assert code == 0, output
    return output


@pytest.mark.parametrize("helm", HELMS)
def test_what_was_made_is_kept(tools, empty_api, helm):
    """Passwords and certificates that are installed already, by the next `helm upgrade`."""
    settings = sets("tls.enabled=true")

    def secrets(api):
        manifest = would_install(tools, helm, api, *settings)
        manifest = manifest[manifest.index("MANIFEST:\n") + len("MANIFEST:\n"):manifest.index("NOTES:")]
        return {document["metadata"]["name"]: document for document in documents_of(manifest)
                if document["kind"] == "Secret"}
    made, others = secrets(empty_api), secrets(empty_api)
    assert sorted(made) == ["my-release-slotway", "my-release-slotway-tls"]
    assert all(made[name]["data"][key] != others[name]["data"][key] for name in made for key in made[name]["data"])
    owned = {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {
        "meta.helm.sh/release-name": "my-release", "meta.helm.sh/release-namespace": "redis-system"}}
    installed = EmptyApi({f"/api/v1/namespaces/redis-system/secrets/{name}": {
        **secret, "metadata": {"name": name, "namespace": "redis-system", **owned}} for name, secret in made.items()})
    try:
        kept = secrets(installed)
    finally:
        installed.stop()
    assert [kept[name]["data"] for name in sorted(kept)] == [made[name]["data"] for name in sorted(made)]


@pytest.mark.parametrize("helm", HELMS)
def test_notes_are_commands_that_work(tools, empty_api, helm):
    for settings, words in ((GUIDE_CLUSTER, ["redis-cli -h my-release-slotway.redis-system.svc", "redis-password"]),
                            (GUIDE_REDIS, ["my-release-slotway-master", "nodePort", "my-release-slotway-replicas"]),
                            (GUIDE_EXTERNAL, ["loadBalancer"]),
                            (sets("tls.enabled=true"), ["--tls", "ca\\.crt"]),
                            (sets("existingSecret=mine", "existingSecretPasswordKey=a.b"), ["mine", "a\\.b"])):
        output = would_install(tools, helm, empty_api, *settings)
        notes = output[output.index("NOTES:"):]
        for word in words:
            assert word in notes, (word, notes)
        for line in notes.splitlines():
            if line.startswith("    "):
                done = run(["bash", "-n", "-c", line])
                assert done.returncode == 0, (line, done.stdout)


def test_the_rules_are_those_of_prometheus(rendered, tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("there is no promtool (Debian's package prometheus)")
    spec = find(rendered("helm4", "monitored"), "PrometheusRule")["spec"]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(spec))
    done = run(["promtool", "check", "rules", str(path)])
    assert done.returncode == 0, done.stdout
    assert spec["groups"] and all(group["rules"] for group in spec["groups"])


def test_rules_and_dashboards_are_those_of_the_tree(rendered):
    documents = rendered("helm4", "", *MONITORED)
    if not os.path.isdir(os.path.join(TREE, "k8s", "prometheus")):
        pytest.skip("the tree has no rules")
    with open(os.path.join(TREE, "k8s", "prometheus", "slotway-rules.yaml"), encoding="utf-8") as file:
        assert find(documents, "PrometheusRule")["spec"]["groups"] == yaml.safe_load(file)["groups"]
    folder = os.path.join(TREE, "k8s", "grafana")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    assert names
    shown = {}
    for document in documents:
        if document["kind"] == "ConfigMap" and "grafana_dashboard" in document["metadata"]["labels"]:
            shown.update(document["data"])
    assert sorted(shown) == names
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            assert json.loads(shown[name]) == json.load(file)


def test_what_is_made_is_not_shared_with_who_should_not_have_it(rendered):
    """Nobody runs as root, writes on its image or has rights that it does not use."""
    for document, spec in pod_specs(rendered("helm4", "defaults")):
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}
            assert not security["allowPrivilegeEscalation"]
            command = container["command"] + container["args"]
            assert not any(shell in command for shell in ("sh", "bash", "/bin/sh"))
        has_token = spec["automountServiceAccountToken"]
        assert has_token == (not document["metadata"]["name"].endswith("-proxy"))
    rules = find(rendered("helm4", "defaults"), "Role")["rules"]
    assert rules == [{"apiGroups": ["apps"], "resources": ["statefulsets/scale"],
                      "resourceNames": ["my-release-slotway-shard"], "verbs": ["get"]}]


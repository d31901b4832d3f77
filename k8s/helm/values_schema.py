#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes values.schema.json of the chart: from the defaults, closed at every level, with what types do not say.

usage: values_schema.py [FILE]      default: slotway/values.schema.json
"""
import json
import os
import sys

import yaml

CHART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slotway")

# Maps that users fill: of texts, or of what Kubernetes knows.
TEXT_MAPS = set("""commonLabels commonAnnotations nodeSelector podLabels podAnnotations annotations labels matchLabels
additionalLabels ingressNSMatchLabels ingressNSPodMatchLabels""".split())
FREE_MAPS = set("""limits requests resources affinity config behavior updateStrategy livenessProbe readinessProbe
startupProbe customLivenessProbe customReadinessProbe customStartupProbe podSecurityContext
containerSecurityContext""".split())
TEXT_LISTS = set("extraNames extraAddresses loadBalancerSourceRanges loadBalancerIP newExternalIPs values".split())
TEXT_OR_OBJECT_LISTS = set("imagePullSecrets pullSecrets extraDeploy".split())


def whole(minimum=0, maximum=None):
    return {"type": "integer", "minimum": minimum, **({"maximum": maximum} if maximum else {})}


def text(pattern):
    return {"type": "string", "pattern": pattern}


PORT = whole(1, 65535)
QUANTITY = {"type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"}
DURATION = "([0-9]+(ms|s|m|h))+"
COUNT_OR_PERCENT = {"type": ["integer", "string"], "pattern": "^([0-9]+%?)?$", "minimum": 0}
PASSWORD = {"type": ["string", "number"]}
SERVICE_TYPE = {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}
PRESET = {"enum": ["", "soft", "hard"]}
SERVICE = {
    "type": SERVICE_TYPE,
    "ports": {"type": "object", "additionalProperties": False, "properties": {"redis": PORT}},
    "nodePorts": {"type": "object", "additionalProperties": False, "properties": {
        "redis": {"type": ["integer", "string"], "pattern": "^$", "minimum": 0, "maximum": 65535}}},
    "externalTrafficPolicy": {"enum": ["", "Cluster", "Local"]},
    "sessionAffinity": {"enum": ["None", "ClientIP"]},
}

SPECIAL = {
    "architecture": {"enum": ["", "cluster", "replication", "standalone"]},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.tag": {"type": ["string", "number"]},
    "image.digest": text("^(sha256:[0-9a-f]{64})?$"),
    "password": PASSWORD, "auth.password": PASSWORD, "shardPassword": PASSWORD,
    "global.redis.password": PASSWORD, "backend.external.password": PASSWORD,
    "cluster.nodes": whole(1, 1000), "cluster.replicas": whole(0, 100),
    "cluster.joins": text("^(.+:[0-9]+)?$"),
    "cluster.keeper.intervalSeconds": whole(1, 3600),
    "cluster.externalAccess.service.type": SERVICE_TYPE, "cluster.externalAccess.service.port": PORT,
    "redis.useAOFPersistence": {"enum": ["yes", "no"]},
    "redis.adminPort": whole(0, 65535),
    "redis.podManagementPolicy": {"enum": ["Parallel"]},
    "redis.terminationGracePeriodSeconds": whole(31),
    "redis.podAntiAffinityPreset": PRESET, "redis.nodeAffinityPreset.type": PRESET,
    "proxy.podAntiAffinityPreset": PRESET, "proxy.nodeAffinityPreset.type": PRESET,
    "proxy.replicaCount": whole(0), "proxy.terminationGracePeriodSeconds": whole(1),
    "proxy.autoscaling.minReplicas": whole(1), "proxy.autoscaling.maxReplicas": whole(1),
    "proxy.autoscaling.targetCPU": whole(0), "proxy.autoscaling.targetMemory": whole(0),
    "proxy.announce.port": whole(0, 65535), "proxy.shutdownGraceSeconds": whole(0),
    "proxy.shutdownDrainSeconds": whole(0),
    "replica.replicaCount": whole(0, 100),
    "persistence.size": QUANTITY, "persistence.medium": {"enum": ["", "Memory"]},
    "persistence.sizeLimit": {"type": ["string", "number"], "pattern": f"^$|{QUANTITY['pattern']}"},
    "persistence.accessModes": {"type": "array", "minItems": 1, "items": {
        "enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"]}},
    "persistentVolumeClaimRetentionPolicy.whenDeleted": {"enum": ["Retain", "Delete"]},
    "persistentVolumeClaimRetentionPolicy.whenScaled": {"enum": ["Retain", "Delete"]},
    "pdb.minAvailable": COUNT_OR_PERCENT, "pdb.maxUnavailable": COUNT_OR_PERCENT,
    "proxy.pdb.minAvailable": COUNT_OR_PERCENT, "proxy.pdb.maxUnavailable": COUNT_OR_PERCENT,
    "backend.external.kind": {"enum": ["cluster", "master-replica", "sentinel"]},
    "backend.external.seeds": {"type": "array", "items": text("^.+:[0-9]+$")},
    "backend.external.tls.verify": {"enum": ["authority", "name", "nothing"]},
    "tls.validityDays": whole(1), "tls.certManager.issuerRef.kind": {"enum": ["Issuer", "ClusterIssuer"]},
    "tls.certManager.duration": text(f"^{DURATION}$"), "tls.certManager.renewBefore": text(f"^{DURATION}$"),
    "metrics.serviceMonitor.interval": text(f"^{DURATION}$"),
    "metrics.serviceMonitor.scrapeTimeout": text(f"^({DURATION})?$"),
}


def schema_of(value, path=""):
    """The schema of a value that is like the default `value`, which stands at `path` ("a.b")."""
    key = path.rsplit(".", 1)[-1]
    if path in SPECIAL:
        return SPECIAL[path]
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, (int, str)):
        return {"type": "integer" if isinstance(value, int) else "string"}
    if isinstance(value, list):
        kind = "string" if key in TEXT_LISTS else ["string", "object"] if key in TEXT_OR_OBJECT_LISTS else "object"
        return {"type": "array", "items": {"type": kind}}
    if key in TEXT_MAPS:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if key in FREE_MAPS:
        return {"type": "object"}
    properties = {name: schema_of(inner, f"{path}.{name}" if path else name) for name, inner in value.items()}
    if "nodePorts" in properties:
        properties.update(SERVICE)
    return {"type": "object", "additionalProperties": False, "properties": properties}


def nested(path, schema):
    """`schema` for what stands at `path`, which has to be there."""
    for name in reversed(path.split(".")):
        schema = {"properties": {name: schema}, "required": [name]}
    return schema


def made():
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
        schema = schema_of(yaml.safe_load(file))
    properties = schema["properties"]
    properties["global"]["additionalProperties"] = True  # other charts' as well
    properties["master"]["properties"]["service"] = properties["service"]
    for who in ("master", "replica"):
        properties[who]["properties"]["persistence"] = properties["persistence"]
    schema["allOf"] = [
        {"if": nested("tls.certManager.enabled", {"const": True}),
         "then": nested("tls.certManager.issuerRef.name", {"type": "string", "minLength": 1})},
        {"if": nested("backend.external.kind", {"const": "sentinel"}),
         "then": nested("backend.external.masterName", {"type": "string", "minLength": 1})},
    ]
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of Slotway's chart", **schema}


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(CHART, "values.schema.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(made(), file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()

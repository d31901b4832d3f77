# SPDX-License-Identifier: Apache-2.0
"""Combinations of values with which the chart is rendered: what people type, and each branch of it."""


def sets(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


GUIDE_CLUSTER = sets("image.registry=docker.io", "cluster.nodes=6", "cluster.replicas=1", "password=new1234")
GUIDE_REDIS = sets("global.redis.password=new1234", "image.registry=docker.io",
                   "master.persistence.enabled=false", "master.service.type=NodePort",
                   "master.service.nodePorts.redis=32200", "replica.replicaCount=3",
                   "replica.persistence.enabled=false", "replica.service.type=NodePort",
                   "replica.service.nodePorts.redis=32210")
GUIDE_UPDATE = sets("password=new1234,cluster.nodes=7,cluster.update.addNodes=true,"
                    "cluster.update.currentNumberOfNodes=6")
GUIDE_EXTERNAL = sets("password=new1234", "cluster.externalAccess.enabled=true",
                      "cluster.externalAccess.service.type=LoadBalancer",
                      *(f"cluster.externalAccess.service.loadBalancerIP[{i}]=192.0.2.{i + 1}" for i in range(6)),
                      "cluster.externalAccess.service.loadBalancerIP[6]=", "cluster.nodes=7",
                      "cluster.init=false")
MONITORED = sets("metrics.serviceMonitor.enabled=true", "metrics.prometheusRule.enabled=true",
                 "metrics.dashboards.enabled=true")
EXTERNAL = sets("backend.external.seeds[0]=redis-0.redis:6379", "backend.external.seeds[1]=redis-1.redis:6379")

MATRIX = {
    "defaults": [],
    "guide-cluster": GUIDE_CLUSTER,
    "guide-cluster-emptydir": GUIDE_CLUSTER + sets("persistence.enabled=false"),
    "guide-redis": GUIDE_REDIS,
    "guide-redis-names": GUIDE_REDIS + sets("fullnameOverride=my-release-redis"),
    "guide-update": GUIDE_UPDATE,
    "guide-external-access": GUIDE_EXTERNAL,
    "bitnami-names": sets("fullnameOverride=my-release-redis-cluster"),
    "node-port": sets("service.type=NodePort", "service.nodePorts.redis=32200",
                      "replica.service.type=NodePort", "replica.service.nodePorts.redis=32210"),
    "node-port-local": sets("service.type=NodePort", "service.externalTrafficPolicy=Local",
                            "proxy.announce.host=192.168.31.1", "proxy.announce.port=32200"),
    "load-balancer": sets("service.type=LoadBalancer", "service.loadBalancerIP=192.0.2.7",
                          "service.loadBalancerClass=example.com/lb",
                          "service.loadBalancerSourceRanges[0]=192.0.2.0/24", "proxy.proxyProtocol=true"),
    "cluster-ip": sets("service.clusterIP=10.96.0.7", "service.sessionAffinity=ClientIP",
                       "service.annotations.a/b=c", "service.labels.d=e"),
    "no-replicas": sets("cluster.nodes=3", "cluster.replicas=0"),
    "two-replicas": sets("cluster.nodes=9", "cluster.replicas=2"),
    "one-node": sets("cluster.nodes=1", "cluster.replicas=0"),
    "no-keeper": sets("cluster.keeper.enabled=false"),
    "no-rbac": sets("rbac.create=false", "serviceAccount.create=false"),
    "own-account": sets("serviceAccount.name=mine", "serviceAccount.annotations.a=b"),
    "no-password": sets("usePassword=false"),
    "auth-off": sets("auth.enabled=false"),
    "numeric-password": sets("password=1234", "shardPassword=5678"),
    "existing-secret": sets("existingSecret=mine", "existingSecretPasswordKey=pw"),
    "existing-secret-two-keys": sets("auth.existingSecret=mine", "auth.existingSecretPasswordKey=pw",
                                     "existingSecretShardPasswordKey=shards"),
    "password-in-environment": sets("usePasswordFiles=false", "password=x"),
    "tls": sets("tls.enabled=true"),
    "tls-clients": sets("tls.enabled=true", "tls.authClients=true", "tls.extraNames[0]=redis.example",
                        "tls.extraAddresses[0]=192.0.2.1"),
    "tls-existing": sets("tls.enabled=true", "tls.existingSecret=certs", "tls.certFilename=a.crt",
                         "tls.certKeyFilename=a.key", "tls.certCAFilename=authority.crt"),
    "tls-cert-manager": sets("tls.enabled=true", "tls.certManager.enabled=true",
                             "tls.certManager.issuerRef.name=ours",
                             "tls.certManager.issuerRef.kind=ClusterIssuer"),
    "tls-replication": sets("tls.enabled=true", "architecture=replication"),
    "replication": sets("architecture=replication"),
    "standalone": sets("architecture=standalone", "persistence.enabled=false"),
    "external": EXTERNAL,
    "external-password": EXTERNAL + sets("backend.external.password=old", "password=new"),
    "external-secret-tls": EXTERNAL + sets("backend.external.existingSecret=theirs",
                                           "backend.external.username=proxy", "backend.external.tls.enabled=true",
                                           "backend.external.tls.existingSecret=their-ca"),
    "external-sentinel": EXTERNAL + sets("backend.external.kind=sentinel",
                                         "backend.external.masterName=mymaster"),
    "external-system-ca": EXTERNAL + sets("backend.external.tls.enabled=true",
                                          "backend.external.tls.verify=name"),
    "autoscaling": sets("proxy.autoscaling.enabled=true", "proxy.autoscaling.targetMemory=80",
                        "proxy.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=60"),
    "monitored": MONITORED,
    "monitored-elsewhere": MONITORED + sets(
        "metrics.serviceMonitor.namespace=monitoring", "metrics.serviceMonitor.labels.release=prometheus",
        "metrics.serviceMonitor.scrapeTimeout=5s", "metrics.serviceMonitor.relabelings[0].action=labeldrop",
        "metrics.serviceMonitor.relabelings[0].regex=pod", "metrics.prometheusRule.namespace=monitoring",
        "metrics.prometheusRule.rules[0].alert=Mine", "metrics.prometheusRule.rules[0].expr=up == 0",
        "metrics.dashboards.namespace=monitoring"),
    "no-metrics": MONITORED + sets("metrics.enabled=false"),
    "policy-closed": sets("networkPolicy.allowExternal=false", "networkPolicy.ingressNSMatchLabels.team=a",
                          "networkPolicy.ingressNSPodMatchLabels.app=b",
                          "networkPolicy.metricsIngress[0].namespaceSelector.matchLabels.name=monitoring",
                          "networkPolicy.extraIngress[0].ports[0].port=6379"),
    "no-policy": sets("networkPolicy.enabled=false"),
    "no-budgets": sets("pdb.create=false", "proxy.pdb.create=false"),
    "budgets": sets("pdb.minAvailable=4", "proxy.pdb.minAvailable=50%"),
    "storage": sets("persistence.storageClass=fast", "persistence.size=100Gi", "persistence.annotations.a=b",
                    "persistence.labels.c=d", "persistence.matchLabels.e=f",
                    "persistence.matchExpressions[0].key=k", "persistence.matchExpressions[0].operator=Exists",
                    "persistentVolumeClaimRetentionPolicy.enabled=true",
                    "persistentVolumeClaimRetentionPolicy.whenScaled=Delete"),
    "storage-no-class": sets("persistence.storageClass=-", "persistence.accessModes[0]=ReadWriteOncePod"),
    "memory-disk": sets("persistence.enabled=false", "persistence.medium=Memory", "persistence.sizeLimit=1Gi"),
    "placement-hard": sets(
        *(f"{who}.{what}" for who in ("redis", "proxy") for what in (
            "podAntiAffinityPreset=hard", "nodeAffinityPreset.type=hard", "nodeAffinityPreset.key=disk",
            "nodeAffinityPreset.values[0]=ssd", "nodeSelector.a=b", "tolerations[0].operator=Exists",
            "priorityClassName=high"))),
    "placement-soft": sets(
        *(f"{who}.{what}" for who in ("redis", "proxy") for what in (
            "podAntiAffinityPreset=", "nodeAffinityPreset.type=soft", "nodeAffinityPreset.key=disk",
            "nodeAffinityPreset.values[0]=ssd", "topologySpreadConstraints[0].maxSkew=1",
            "topologySpreadConstraints[0].topologyKey=rack",
            "topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule"))),
    "placement-own": ["--set-json",
                      'redis.affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":'
                      '{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}'],
    "more-of-everything": ["--set-json", 'commonLabels={"team":"a"}', "--set-json",
                           'commonAnnotations={"owner":"b"}', "--set-json",
                           'extraDeploy=[{"apiVersion":"v1","kind":"ConfigMap","metadata":'
                           '{"name":"{{ .Release.Name }}-mine"},"data":{"a":"b"}}]', *sets(
        "redis.podLabels.x=y", "redis.podAnnotations.z=w", "proxy.podLabels.x=y",
        "redis.extraEnvVars[0].name=A", "redis.extraEnvVars[0].value=B", "proxy.extraEnvVars[0].name=A",
        "proxy.extraEnvVars[0].value=B", "redis.extraVolumes[0].name=v", "redis.extraVolumeMounts[0].name=v",
        "redis.extraVolumeMounts[0].mountPath=/v", "redis.sidecars[0].name=s", "redis.sidecars[0].image=i",
        "redis.initContainers[0].name=n", "redis.initContainers[0].image=i", "proxy.sidecars[0].name=s",
        "proxy.sidecars[0].image=i", "redis.hostAliases[0].ip=192.0.2.9",
        "redis.hostAliases[0].hostnames[0]=h", "redis.schedulerName=mine")],
    "own-settings": ["--set-json", 'proxy.config={"workers":4,"limits":{"clients_max":500}}', *sets(
        "redis.configmap=maxmemory 1gb", "redis.useAOFPersistence=no")],
    "own-probes": sets("redis.customLivenessProbe.tcpSocket.port=6379",
                       "redis.customReadinessProbe.tcpSocket.port=6379", "redis.startupProbe.enabled=false",
                       "proxy.livenessProbe.enabled=false", "proxy.readinessProbe.periodSeconds=9"),
    "no-security-contexts": sets("podSecurityContext.enabled=false", "containerSecurityContext.enabled=false"),
    "image": sets("global.imageRegistry=registry.example", "image.repository=team/slotway",
                  "image.digest=sha256:" + "a" * 64, "image.pullPolicy=Always",
                  "image.pullSecrets[0]=one", "global.imagePullSecrets[0]=two"),
    "no-read-only-service": sets("replica.service.enabled=false"),
}

# Wrong values, and what both majors of Helm have to say of them.
WRONG = {
    "cluster.nodes=six": "integer",
    "cluster.nodes=0": "cluster",
    "cluster.node=6": "node",
    "cluster.replicas=-1": "replicas",
    "service.type=Nodeport": "NodePort",
    "service.nodePorts.redis=70000": "nodePorts",
    "service.ports.redis=0": "ports",
    "architecture=sentinel": "replication",
    "persistence.enabled=maybe": "persistence",
    "persistence.size=8 GB": "size",
    "redis.podManagementPolicy=OrderedReady": "Parallel",
    "redis.useAOFPersistence=on": "useAOFPersistence",
    "backend.external.seeds[0]=redis": "seeds",
    "backend.external.kind=sentinel": "masterName",
    "tls.certManager.enabled=true": "issuerRef",
    "metrics.serviceMonitor.interval=15": "interval",
    "sysctlImage.enabled=true": "sysctlImage",
    "passwrod=x": "passwrod",
    "image.digest=latest": "digest",
}

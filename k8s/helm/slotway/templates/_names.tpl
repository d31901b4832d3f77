{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Names, labels, and what several objects have to agree on. */}}

{{- define "slotway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "slotway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains (include "slotway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "slotway.name" .) | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "slotway.selector" -}}
app.kubernetes.io/name: {{ include "slotway.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "slotway.labels" -}}
{{ include "slotway.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Of pods: what a new version of the chart does not change, so that it restarts nobody. */}}
{{- define "slotway.podLabels" -}}
{{ include "slotway.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: (dict "root" . "name" .. "component" .. "labels" .. "annotations" .. "namespace" ..) */}}
{{- define "slotway.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "slotway.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "slotway.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion | toString -}}
{{- $reference := ternary (printf "@%s" .Values.image.digest) (printf ":%s" $tag) (ne .Values.image.digest "") -}}
{{- if $registry }}{{ printf "%s/" $registry }}{{ end }}{{ .Values.image.repository }}{{ $reference }}
{{- end -}}

{{- define "slotway.pullSecrets" -}}
{{- $names := list -}}
{{- range concat .Values.global.imagePullSecrets .Values.image.pullSecrets -}}
{{- $names = append $names (dict "name" (ternary . (get (ternary (dict) . (kindIs "string" .)) "name") (kindIs "string" .))) -}}
{{- end -}}
{{- with $names }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* cluster, replication, standalone or external */}}
{{- define "slotway.shape" -}}
{{- if .Values.backend.external.seeds -}}external
{{- else if .Values.architecture -}}{{ .Values.architecture }}
{{- else if .Values.replica.replicaCount -}}replication
{{- else -}}cluster
{{- end -}}
{{- end -}}

{{- define "slotway.hasShards" -}}
{{- if ne (include "slotway.shape" .) "external" }}yes{{ end -}}
{{- end -}}

{{/* How many pods the StatefulSet has. */}}
{{- define "slotway.nodes" -}}
{{- $shape := include "slotway.shape" . -}}
{{- if eq $shape "replication" -}}{{ add 1 (.Values.replica.replicaCount | default 3) }}
{{- else if eq $shape "standalone" -}}1
{{- else -}}{{ int .Values.cluster.nodes }}
{{- end -}}
{{- end -}}

{{- define "slotway.hasKeeper" -}}
{{- $shape := include "slotway.shape" . -}}
{{- if and .Values.cluster.keeper.enabled (or (eq $shape "cluster") (eq $shape "replication")) }}yes{{ end -}}
{{- end -}}

{{- define "slotway.hasReplicas" -}}
{{- $shape := include "slotway.shape" . -}}
{{- if and .Values.replica.service.enabled (or (eq $shape "replication") (eq $shape "external") (and (eq $shape "cluster") (gt (int .Values.cluster.replicas) 0))) }}yes{{ end -}}
{{- end -}}

{{- define "slotway.shardSet" -}}{{ include "slotway.fullname" . }}-shard{{- end -}}
{{- define "slotway.headless" -}}{{ include "slotway.fullname" . }}-headless{{- end -}}
{{- define "slotway.headlessHost" -}}
{{ include "slotway.headless" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}

{{/* The Service of the proxies, with what other names say of it, as YAML. */}}
{{- define "slotway.service" -}}
{{- $service := mergeOverwrite (deepCopy .Values.service) .Values.master.service -}}
{{- $outside := .Values.cluster.externalAccess -}}
{{- if $outside.enabled -}}
{{- $addresses := compact $outside.service.loadBalancerIP -}}
{{- $said := dict "type" $outside.service.type "annotations" (merge (dict) $outside.service.annotations $service.annotations) -}}
{{- if $addresses -}}{{- $_ := set $said "loadBalancerIP" (first $addresses) -}}{{- end -}}
{{- if $outside.service.loadBalancerSourceRanges -}}{{- $_ := set $said "loadBalancerSourceRanges" $outside.service.loadBalancerSourceRanges -}}{{- end -}}
{{- $_ := set $said "ports" (dict "redis" $outside.service.port) -}}
{{- $service = mergeOverwrite $service $said -}}
{{- end -}}
{{- toYaml $service -}}
{{- end -}}

{{/* The spec of such a Service: (dict "root" . "service" map "port" name of the container's port) */}}
{{- define "slotway.serviceSpec" -}}
{{- $s := .service -}}
type: {{ $s.type }}
{{- with $s.clusterIP }}
clusterIP: {{ . | quote }}
{{- end }}
{{- if eq $s.type "LoadBalancer" }}
{{- with $s.loadBalancerIP }}
loadBalancerIP: {{ . | quote }}
{{- end }}
{{- with $s.loadBalancerClass }}
loadBalancerClass: {{ . | quote }}
{{- end }}
{{- with $s.loadBalancerSourceRanges }}
loadBalancerSourceRanges:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if and $s.externalTrafficPolicy (ne $s.type "ClusterIP") }}
externalTrafficPolicy: {{ $s.externalTrafficPolicy }}
{{- end }}
sessionAffinity: {{ $s.sessionAffinity }}
ports:
  - name: tcp-redis
    port: {{ $s.ports.redis }}
    targetPort: {{ .port }}
    protocol: TCP
    {{- if and $s.nodePorts.redis (ne $s.type "ClusterIP") }}
    nodePort: {{ $s.nodePorts.redis }}
    {{- end }}
selector:
  {{- include "slotway.selector" (dict "root" .root "component" "proxy") | nindent 2 }}
{{- end -}}

{{- define "slotway.persistence" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.persistence) .Values.replica.persistence .Values.master.persistence) -}}
{{- end -}}

{{- define "slotway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "slotway.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Where a preset puts pods: (dict "root" . "values" map "component" name) */}}
{{- define "slotway.placement" -}}
{{- $v := .values -}}
{{- $selector := include "slotway.selector" . -}}
{{- if $v.affinity }}
affinity:
  {{- toYaml $v.affinity | nindent 2 }}
{{- else if or $v.podAntiAffinityPreset $v.nodeAffinityPreset.type }}
affinity:
  {{- if eq $v.podAntiAffinityPreset "hard" }}
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- $selector | nindent 12 }}
  {{- else if eq $v.podAntiAffinityPreset "soft" }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 1
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- $selector | nindent 14 }}
  {{- end }}
  {{- if eq $v.nodeAffinityPreset.type "hard" }}
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - key: {{ $v.nodeAffinityPreset.key }}
              operator: In
              values:
                {{- toYaml $v.nodeAffinityPreset.values | nindent 16 }}
  {{- else if eq $v.nodeAffinityPreset.type "soft" }}
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 1
        preference:
          matchExpressions:
            - key: {{ $v.nodeAffinityPreset.key }}
              operator: In
              values:
                {{- toYaml $v.nodeAffinityPreset.values | nindent 16 }}
  {{- end }}
{{- end }}
topologySpreadConstraints:
  {{- if $v.topologySpreadConstraints }}
  {{- toYaml $v.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
{{- with $v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "slotway.podSecurity" -}}
{{- if .Values.podSecurityContext.enabled }}
securityContext:
  {{- toYaml (merge (omit .Values.podSecurityContext "enabled") (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault"))) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "slotway.containerSecurity" -}}
{{- if .Values.containerSecurityContext.enabled }}
securityContext:
  {{- toYaml (merge (omit .Values.containerSecurityContext "enabled") (dict "runAsNonRoot" true "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")))) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What a disruption may take: (dict "root" . "name" .. "component" .. "pdb" map) */}}
{{- define "slotway.pdb" -}}
{{- if .pdb.create }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "slotway.metadata" . | nindent 2 }}
spec:
  {{- if ne (toString .pdb.minAvailable) "" }}
  minAvailable: {{ .pdb.minAvailable }}
  {{- else }}
  maxUnavailable: {{ .pdb.maxUnavailable }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "slotway.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

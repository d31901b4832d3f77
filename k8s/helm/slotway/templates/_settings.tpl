{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* proxy.yaml and shard.conf. */}}

{{- define "slotway.listenerTls" -}}
{{- if .Values.tls.enabled -}}
enabled: true
certificate_file: /etc/slotway/tls/{{ .Values.tls.certFilename }}
key_file: /etc/slotway/tls/{{ .Values.tls.certKeyFilename }}
{{- if .Values.tls.authClients }}
ca_file: /etc/slotway/tls/{{ .Values.tls.certCAFilename }}
client_certificates: "required"
{{- end }}
{{- end -}}
{{- end -}}

{{- define "slotway.seeds" -}}
{{- $shape := include "slotway.shape" . -}}
{{- if eq $shape "external" -}}
{{- toYaml .Values.backend.external.seeds -}}
{{- else if eq $shape "cluster" -}}
- {{ include "slotway.headlessHost" . }}:6379
{{- else -}}
{{- $seeds := list -}}
{{- range $i := until (include "slotway.nodes" . | int) -}}
{{- $seeds = append $seeds (printf "%s-%d.%s:6379" (include "slotway.shardSet" $) $i (include "slotway.headlessHost" $)) -}}
{{- end -}}
{{- toYaml $seeds -}}
{{- end -}}
{{- end -}}

{{- define "slotway.backend" -}}
seeds:
  {{- include "slotway.seeds" . | nindent 2 }}
{{- if include "slotway.hasShards" . }}
kind: {{ ternary "cluster" "master-replica" (eq (include "slotway.shape" .) "cluster") }}
{{- if include "slotway.usesPassword" . }}
password_file: /etc/slotway/secrets/{{ include "slotway.shardPasswordKey" . }}
{{- end }}
{{- if .Values.tls.enabled }}
tls:
  enabled: true
  ca_file: /etc/slotway/tls/{{ .Values.tls.certCAFilename }}
{{- end }}
{{- else }}
{{- with .Values.backend.external }}
kind: {{ .kind }}
{{- with .username }}
username: {{ . | quote }}
{{- end }}
{{- if or .password .existingSecret }}
password_file: /etc/slotway/backend/redis-password
{{- end }}
{{- if .masterName }}
sentinel:
  master_name: {{ .masterName | quote }}
{{- end }}
{{- if .tls.enabled }}
tls:
  enabled: true
  verify: {{ .tls.verify }}
  {{- if .tls.existingSecret }}
  ca_file: /etc/slotway/backend-tls/{{ .tls.caFilename }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "slotway.proxyConfig" -}}
{{- $tls := include "slotway.listenerTls" . | fromYaml -}}
{{- $more := dict "proxy_protocol" (ternary "required" "off" .Values.proxy.proxyProtocol) -}}
{{- if $tls -}}{{- $_ := set $more "tls" $tls -}}{{- end -}}
{{- $listeners := list (merge (dict "address" "0.0.0.0" "port" 6379) $more) -}}
{{- if include "slotway.hasReplicas" . -}}
{{- $listeners = append $listeners (merge (dict "address" "0.0.0.0" "port" 6380 "mode" "read-only" "reads" "prefer-replica") $more) -}}
{{- end -}}
{{- $config := dict "listeners" $listeners "backend" (include "slotway.backend" . | fromYaml) "admin" (dict "address" "0.0.0.0" "port" 32280) -}}
{{- if include "slotway.usesPassword" . -}}
{{- $_ := set $config "auth" (dict "password_file" (printf "/etc/slotway/secrets/%s" (include "slotway.passwordKey" .))) -}}
{{- end -}}
{{- with .Values.proxy.announce -}}
{{- if .host -}}
{{- $_ := set $config "announce" (dict "host" .host "port" (int .port)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "shutdown_grace_ms" (printf "%ds" (int .Values.proxy.shutdownGraceSeconds)) -}}
{{- $_ := set $config "shutdown_drain_ms" (printf "%ds" (int .Values.proxy.shutdownDrainSeconds)) -}}
{{- toYaml (mergeOverwrite $config .Values.proxy.config) -}}
{{- end -}}

{{/* Without how many there are, which a shard that runs does not need to hear of. */}}
{{- define "slotway.shardConfig" -}}
dir /data
appendonly {{ .Values.redis.useAOFPersistence }}
{{- if .Values.tls.enabled }}
port 0
tls-port 6379
tls-cert-file /etc/slotway/tls/{{ .Values.tls.certFilename }}
tls-key-file /etc/slotway/tls/{{ .Values.tls.certKeyFilename }}
tls-ca-cert-file /etc/slotway/tls/{{ .Values.tls.certCAFilename }}
tls-auth-clients no
tls-replication yes
{{- if eq (include "slotway.shape" .) "cluster" }}
tls-cluster yes
{{- end }}
{{- else }}
port 6379
{{- end }}
{{- with .Values.redis.adminPort }}
admin-port {{ . }}
admin-bind 0.0.0.0
{{- end }}
{{- if include "slotway.usesPassword" . }}
requirepass-file /etc/slotway/secrets/{{ include "slotway.shardPasswordKey" . }}
masterauth-file /etc/slotway/secrets/{{ include "slotway.shardPasswordKey" . }}
{{- else }}
protected-mode no
{{- end }}
{{- if eq (include "slotway.shape" .) "cluster" }}
cluster-enabled yes
cluster-peers {{ .Values.cluster.joins | default (printf "%s:6379" (include "slotway.headlessHost" .)) }}
{{- else if include "slotway.hasKeeper" . }}
# Nobody is a master before the keeper says so.
replicaof nobody.invalid 1
{{- end }}
{{- with .Values.redis.configmap }}
{{ tpl . $ | trim }}
{{- end }}
{{- end -}}

{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Passwords and certificates: given, kept from what is installed, or made. */}}

{{- define "slotway.usesPassword" -}}
{{- if and .Values.usePassword .Values.auth.enabled }}yes{{ end -}}
{{- end -}}

{{- define "slotway.existingSecret" -}}
{{- tpl (.Values.existingSecret | default .Values.auth.existingSecret) . -}}
{{- end -}}

{{- define "slotway.secretName" -}}
{{- include "slotway.existingSecret" . | default (include "slotway.fullname" .) -}}
{{- end -}}

{{- define "slotway.passwordKey" -}}
{{- if include "slotway.existingSecret" . -}}
{{- .Values.auth.existingSecretPasswordKey | default .Values.existingSecretPasswordKey -}}
{{- else -}}redis-password{{- end -}}
{{- end -}}

{{/* Empty: the Secret has no such password. */}}
{{- define "slotway.shardPasswordKey" -}}
{{- if include "slotway.existingSecret" . -}}
{{- .Values.existingSecretShardPasswordKey | default (include "slotway.passwordKey" .) -}}
{{- else -}}shard-password{{- end -}}
{{- end -}}

{{- define "slotway.givenPassword" -}}
{{- .Values.global.redis.password | default .Values.password | default .Values.auth.password -}}
{{- end -}}

{{/* A key of the installed Secret, decoded; empty where there is none or no cluster to ask. */}}
{{- define "slotway.installed" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .name | default dict -}}
{{- get (get $secret "data" | default dict) .key | default "" | b64dec -}}
{{- end -}}

{{/* Both are asked for once, by secret.yaml: what is made at random is another at each call. */}}
{{- define "slotway.password" -}}
{{- $installed := include "slotway.installed" (dict "root" . "name" (include "slotway.fullname" .) "key" "redis-password") -}}
{{- include "slotway.givenPassword" . | default $installed | default (randAlphaNum 20) -}}
{{- end -}}

{{/* Of a password that was given it follows, so that charts rendered without a cluster agree. */}}
{{- define "slotway.shardPassword" -}}
{{- $installed := include "slotway.installed" (dict "root" . "name" (include "slotway.fullname" .) "key" "shard-password") -}}
{{- $given := include "slotway.givenPassword" . -}}
{{- $derived := ternary (printf "%s/%s/shards/%s" .Release.Namespace .Release.Name $given | sha256sum) "" (ne $given "") -}}
{{- .Values.shardPassword | default $installed | default $derived | default (randAlphaNum 32) -}}
{{- end -}}

{{- define "slotway.tlsSecretName" -}}
{{- tpl .Values.tls.existingSecret . | default (printf "%s-tls" (include "slotway.fullname" .)) -}}
{{- end -}}

{{/* Names of the proxies' certificate; shards are believed by who signed theirs. */}}
{{- define "slotway.tlsNames" -}}
{{- $name := include "slotway.fullname" . -}}
{{- $names := list -}}
{{- range $service := list $name (printf "%s-replicas" $name) (printf "%s-master" $name) (printf "*.%s-headless" $name) -}}
{{- $names = concat $names (list $service (printf "%s.%s" $service $.Release.Namespace) (printf "%s.%s.svc" $service $.Release.Namespace) (printf "%s.%s.svc.%s" $service $.Release.Namespace $.Values.clusterDomain)) -}}
{{- end -}}
{{- toYaml (concat $names (list "localhost") .Values.tls.extraNames | uniq) -}}
{{- end -}}

{{- define "slotway.tlsAddresses" -}}
{{- toYaml (concat (list "127.0.0.1") .Values.tls.extraAddresses | uniq) -}}
{{- end -}}

{{/* The volume of the passwords, and of the certificates. */}}
{{- define "slotway.secretVolumes" -}}
{{- if include "slotway.usesPassword" . }}
- name: passwords
  secret:
    secretName: {{ include "slotway.secretName" .  }}
    defaultMode: 0440
{{- end }}
{{- if .Values.tls.enabled }}
- name: certificates
  secret:
    secretName: {{ include "slotway.tlsSecretName" . }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{- define "slotway.secretMounts" -}}
{{- if include "slotway.usesPassword" . }}
- name: passwords
  mountPath: /etc/slotway/secrets
  readOnly: true
{{- end }}
{{- if .Values.tls.enabled }}
- name: certificates
  mountPath: /etc/slotway/tls
  readOnly: true
{{- end }}
{{- end -}}

{{/* How the tool logs in to shards, as lines of a list. */}}
{{- define "slotway.toolLogin" -}}
{{- if include "slotway.usesPassword" . }}
- --password-file
- /etc/slotway/secrets/{{ include "slotway.shardPasswordKey" . }}
{{- end }}
{{- if .Values.tls.enabled }}
- --tls-ca
- /etc/slotway/tls/{{ .Values.tls.certCAFilename }}
{{- end }}
{{- end -}}

{{/* The password in the environment, for who wants it there: (dict "root" . "key" ..) */}}
{{- define "slotway.passwordEnv" -}}
{{- if and (include "slotway.usesPassword" .root) (not .root.Values.usePasswordFiles) }}
- name: REDISCLI_AUTH
  valueFrom:
    secretKeyRef:
      name: {{ include "slotway.secretName" .root }}
      key: {{ .key }}
{{- end }}
{{- end -}}

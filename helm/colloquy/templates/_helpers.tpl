{{- define "colloquy.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The helpers below take (dict "root" $ "component" "gateway"). */}}
{{- define "colloquy.name" -}}
{{ include "colloquy.fullname" .root }}-{{ .component }}
{{- end -}}

{{- define "colloquy.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "colloquy.labels" -}}
{{ include "colloquy.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: colloquy
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- define "colloquy.metadata" -}}
name: {{ include "colloquy.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "colloquy.labels" . | nindent 2 }}
{{- end -}}

{{- define "colloquy.image" -}}
{{- $values := index .root.Values .component -}}
{{- $name := printf "%s/%s" .root.Values.image.registry .component -}}
{{- if $values.digest -}}
{{ $name }}@{{ $values.digest }}
{{- else -}}
{{ $name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "colloquy.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "colloquy.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* Where each service says how it is. */}}
{{- define "colloquy.probesPort" -}}
{{- get (dict "processor" "9464" "gateway" "9102" "intake" "9465") .component -}}
{{- end -}}

{{/* colloquy.toml, from the values that have names of their own and `config` over them. */}}
{{- define "colloquy.config" -}}
{{- $kafka := dict "brokers" .Values.kafka.brokers "topics" .Values.kafka.topics "group_id" .Values.kafka.groupId
      "conversations_topic" .Values.kafka.conversationsTopic "dead_letter_topic" .Values.kafka.deadLetterTopic -}}
{{- $properties := dict -}}
{{- range $key, $value := .Values.kafka.properties }}{{ $_ := set $properties $key (toString $value) }}{{ end -}}
{{- $tls := .Values.kafka.tls -}}
{{- $protocol := printf "%s%s" (ternary "SASL_" "" (ne .Values.kafka.sasl.mechanism "")) (ternary "SSL" "PLAINTEXT" $tls.enabled) -}}
{{- if ne $protocol "PLAINTEXT" }}{{ $_ := set $properties "security.protocol" $protocol }}{{ end -}}
{{- if .Values.kafka.sasl.mechanism }}{{ $_ := set $properties "sasl.mechanism" .Values.kafka.sasl.mechanism }}{{ end -}}
{{- if and $tls.enabled $tls.caSecret }}{{ $_ := set $properties "ssl.ca.location" (printf "/etc/colloquy/kafka-ca/%s" $tls.caKey) }}{{ end -}}
{{- if and $tls.enabled $tls.clientSecret -}}
{{- $_ := set $properties "ssl.certificate.location" "/etc/colloquy/kafka-client/tls.crt" -}}
{{- $_ := set $properties "ssl.key.location" "/etc/colloquy/kafka-client/tls.key" -}}
{{- end -}}
{{- if $properties }}{{ $_ := set $kafka "properties" $properties }}{{ end -}}
{{- $redis := dict "urls" .Values.redis.urls "cluster" .Values.redis.cluster "key_prefix" .Values.redis.keyPrefix "retention_ms" (int64 .Values.redis.retentionMs) -}}
{{- if .Values.redis.tls.caSecret }}{{ $_ := set $redis "tls_ca_file" (printf "/etc/colloquy/redis-ca/%s" .Values.redis.tls.caKey) }}{{ end -}}
{{- if .Values.redis.tls.clientSecret -}}
{{- $_ := set $redis "tls_cert_file" "/etc/colloquy/redis-client/tls.crt" -}}
{{- $_ := set $redis "tls_key_file" "/etc/colloquy/redis-client/tls.key" -}}
{{- end -}}
{{- $gateway := dict "allowed_origins" .Values.gateway.allowedOrigins -}}
{{- $named := dict "log" (dict "filter" .Values.log.filter "format" "json") "kafka" $kafka "redis" $redis "gateway" $gateway -}}
{{- $further := deepCopy .Values.config -}}
{{- include "colloquy.integers" $further -}}
{{- mergeOverwrite $named $further | toToml -}}
{{- end -}}

{{/* Numbers of values are floats, and settings are not: whole ones become integers, in place. */}}
{{- define "colloquy.integers" -}}
{{- range $key, $value := . -}}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) -}}{{- $_ := set $ $key (int64 $value) -}}
{{- else if kindIs "map" $value -}}{{- include "colloquy.integers" $value -}}
{{- else if kindIs "slice" $value -}}{{- range $value -}}{{- if kindIs "map" . -}}{{- include "colloquy.integers" . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Secrets reach the programs as variables and files, never through the ConfigMap. */}}
{{- define "colloquy.env" -}}
- name: COLLOQUY_CONFIG
  value: /etc/colloquy/config/colloquy.toml
{{- if and (ne .component "gateway") .root.Values.kafka.sasl.mechanism }}
- name: COLLOQUY_KAFKA__PROPERTIES__SASL_USERNAME
  valueFrom: { secretKeyRef: { name: {{ required "kafka.sasl.existingSecret is needed with kafka.sasl.mechanism" .root.Values.kafka.sasl.existingSecret }}, key: {{ .root.Values.kafka.sasl.usernameKey }} } }
- name: COLLOQUY_KAFKA__PROPERTIES__SASL_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .root.Values.kafka.sasl.existingSecret }}, key: {{ .root.Values.kafka.sasl.passwordKey }} } }
{{- end }}
{{- if and (ne .component "intake") .root.Values.redis.existingSecret }}
{{- if .root.Values.redis.usernameKey }}
- name: COLLOQUY_REDIS__USERNAME
  valueFrom: { secretKeyRef: { name: {{ .root.Values.redis.existingSecret }}, key: {{ .root.Values.redis.usernameKey }} } }
{{- end }}
- name: COLLOQUY_REDIS__PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .root.Values.redis.existingSecret }}, key: {{ .root.Values.redis.passwordKey }} } }
{{- end }}
{{- end -}}

{{/* name, secret: what is mounted of Kafka's and Redis's certificates. */}}
{{- define "colloquy.certificates" -}}
{{- $mounts := list -}}
{{- if and (ne .component "gateway") .root.Values.kafka.tls.enabled -}}
{{- $mounts = concat $mounts (list (dict "name" "kafka-ca" "secret" .root.Values.kafka.tls.caSecret) (dict "name" "kafka-client" "secret" .root.Values.kafka.tls.clientSecret)) -}}
{{- end -}}
{{- if ne .component "intake" -}}
{{- $mounts = concat $mounts (list (dict "name" "redis-ca" "secret" .root.Values.redis.tls.caSecret) (dict "name" "redis-client" "secret" .root.Values.redis.tls.clientSecret)) -}}
{{- end -}}
{{- $mounts | toJson -}}
{{- end -}}

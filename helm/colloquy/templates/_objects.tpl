{{/* What each component has besides its Deployment. All take (dict "root" $ "component" "gateway"). */}}

{{- define "colloquy.pdb" -}}
{{- $values := index .root.Values .component -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ $values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "colloquy.selector" . | nindent 6 }}
{{- end -}}

{{- define "colloquy.hpa" -}}
{{- $scaling := (index .root.Values .component).autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "colloquy.name" . }} }
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ $scaling.targetCPUUtilizationPercentage }} }
{{- end -}}

{{/* Also "ports": a list of (dict "name" "http" "port" 80). */}}
{{- define "colloquy.service" -}}
{{- $service := (index .root.Values .component).service | default dict -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if .headless }}
  clusterIP: None
  {{- else }}
  type: {{ $service.type }}
  {{- end }}
  selector:
    {{- include "colloquy.selector" . | nindent 4 }}
  ports:
    {{- range .ports }}
    - { name: {{ .name }}, port: {{ .port }}, targetPort: {{ .name }}{{ with .protocol }}, appProtocol: {{ . }}{{ end }} }
    {{- end }}
    - { name: probes, port: {{ include "colloquy.probesPort" . }}, targetPort: probes }
{{- end -}}

{{/* Also "port": the name of the service's port. */}}
{{- define "colloquy.ingress" -}}
{{- $ingress := (index .root.Values .component).ingress -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
  {{- with $ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with $ingress.tls }}
  tls:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range required (printf "%s.ingress.hosts needs at least one host" .component) $ingress.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: {{ include "colloquy.name" $ }}, port: { name: {{ $.port }} } } }
    {{- end }}
{{- end -}}

{{- define "colloquy.serviceMonitor" -}}
{{- $monitor := .root.Values.metrics.serviceMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "colloquy.selector" . | nindent 6 }}
  endpoints:
    - port: probes
      path: /metrics
      interval: {{ $monitor.interval }}
      # The dashboard finds the processes by this name.
      relabelings:
        - { targetLabel: job, replacement: colloquy-{{ .component }} }
{{- end -}}

{{/* Also "ports" (named ports that others reach) and "from" (who may). */}}
{{- define "colloquy.networkPolicy" -}}
{{- $policy := .root.Values.networkPolicy -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "colloquy.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- with .ports }}
    - ports:
        {{- range . }}
        - { port: {{ . }} }
        {{- end }}
      {{- with $.from }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    - ports:
        - { port: probes }
      {{- with $policy.metricsFrom }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  egress:
    - ports:
        - { port: 53, protocol: UDP }
        - { port: 53, protocol: TCP }
    {{- if ne .component "gateway" }}
    - ports:
        {{- range $policy.kafkaPorts }}
        - { port: {{ . }} }
        {{- end }}
      {{- with $policy.kafkaTo }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- if ne .component "intake" }}
    - ports:
        {{- range $policy.redisPorts }}
        - { port: {{ . }} }
        {{- end }}
      {{- with $policy.redisTo }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- with $policy.tracesPorts }}
    - ports:
        {{- range . }}
        - { port: {{ . }} }
        {{- end }}
      {{- with $policy.tracesTo }}
      to:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
{{- end -}}

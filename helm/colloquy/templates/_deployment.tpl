{{/*
A Deployment of one component: (dict "root" $ "component" "gateway" "scaled" false "env" "..." "ports" "..."). `scaled` says that
something else decides the number of replicas.
*/}}
{{- define "colloquy.deployment" -}}
{{- $values := index .root.Values .component -}}
{{- $certificates := include "colloquy.certificates" . | fromJsonArray -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "colloquy.metadata" . | nindent 2 }}
  {{- with $values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if not .scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "colloquy.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "colloquy.labels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ include "colloquy.config" .root | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "colloquy.serviceAccountName" .root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml .root.Values.podSecurityContext | nindent 8 }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .root.Values.topologySpread }}
      topologySpreadConstraints:
        {{- range . }}
        - {{ toYaml . | nindent 10 | trim }}
          labelSelector:
            matchLabels:
              {{- include "colloquy.selector" $ | nindent 14 }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "colloquy.image" . | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          securityContext:
            {{- toYaml .root.Values.securityContext | nindent 12 }}
          env:
            {{- include "colloquy.env" . | nindent 12 }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            - { name: probes, containerPort: {{ include "colloquy.probesPort" . }} }
            {{- with .ports }}
            {{- . | nindent 12 }}
            {{- end }}
          startupProbe:
            httpGet: { path: /live, port: probes }
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: { path: /live, port: probes }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /ready, port: probes }
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          {{- if ne .component "processor" }}
          # Until every proxy knows that this pod is going, it still answers.
          lifecycle: { preStop: { sleep: { seconds: 5 } } }
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - { name: config, mountPath: /etc/colloquy/config, readOnly: true }
            {{- range $certificates }}{{ if .secret }}
            - { name: {{ .name }}, mountPath: /etc/colloquy/{{ .name }}, readOnly: true }
            {{- end }}{{ end }}
      volumes:
        - name: config
          configMap: { name: {{ include "colloquy.fullname" .root }} }
        {{- range $certificates }}{{ if .secret }}
        - name: {{ .name }}
          secret: { secretName: {{ .secret }}, defaultMode: 0440 }
        {{- end }}{{ end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}

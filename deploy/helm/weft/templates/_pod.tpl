{{/* What all pods share: the restricted Pod Security Standard, whatever runs in them. */}}
{{- define "weft.pod.security" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "weft.container.security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Of `dict "root" $ "component" name`. */}}
{{- define "weft.pod.spread" -}}
topologySpreadConstraints:
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "weft.selector" $ | nindent 8 }}
{{- end }}
{{- end }}

{{/* The pod of a host, of `dict "root" $ "host" host`: what Deployment and StatefulSet share. */}}
{{- define "weft.host.pod" -}}
{{- $values := .root.Values -}}
{{- $sources := printf "%s\n%s" (include "weft.backends.sources" .) (include "weft.admin.source" .root) | trim -}}
metadata:
  labels:
    {{- include "weft.podLabels" (dict "root" .root "component" .host.name) | nindent 4 }}
  annotations:
    checksum/config: {{ include "weft.config" . | sha256sum }}
    checksum/backends: {{ include "weft.backends.checksum" .root }}
    {{- with .host.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "weft.pod.security" (dict "uid" 10001) | nindent 2 }}
  serviceAccountName: {{ include "weft.fullname" .root }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  # preStop and drain, and room for closing connections.
  terminationGracePeriodSeconds: {{ add $values.drain.preStopSeconds $values.drain.delaySeconds $values.drain.timeoutSeconds 10 }}
  {{- include "weft.pod.spread" (dict "root" .root "component" .host.name) | nindent 2 }}
  {{- with .host.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .host.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: weft
      image: {{ include "weft.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- include "weft.container.security" . | nindent 6 }}
      args: [run, --config, /etc/weft/weft.yaml{{ range .host.services }}, --service, {{ . }}{{ end }}]
      env:
        - name: WEFT_INSTANCE
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- include "weft.backends.env" . | trim | nindent 8 }}
        {{- if $values.admin.existingSecret }}
        - name: WEFT_ADMIN_TOKEN_FILE
          value: /run/weft/admin-token
        {{- end }}
        {{- range $name, $value := .host.env }}
        - name: {{ $name }}
          value: {{ $value | toString | quote }}
        {{- end }}
      ports:
        - name: grpc
          containerPort: 50051
        - name: admin
          containerPort: 8080
      # Ready means: gRPC answers, store and topology are in place. Servers that are still coming up are waited for.
      startupProbe:
        grpc:
          port: 50051
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 300
      readinessProbe:
        grpc:
          port: 50051
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      # Asks neither broker nor database: their outage is no reason to restart.
      livenessProbe:
        httpGet:
          path: /livez
          port: admin
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ $values.drain.preStopSeconds | toString | quote }}]
      resources:
        {{- toYaml .host.resources | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/weft
          readOnly: true
        - name: data
          mountPath: /var/lib/weft
        - name: tmp
          mountPath: /tmp
        {{- if $sources }}
        - name: backends
          mountPath: /run/weft
          readOnly: true
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "weft.fullname" .root }}-{{ .host.name }}
    - name: tmp
      emptyDir: {}
    {{- if not (and .host.embeddedStore $values.embedded.storage) }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- if $sources }}
    - name: backends
      projected:
        defaultMode: 0440
        sources:
          {{- $sources | nindent 10 }}
    {{- end }}
{{- end }}

{{/* The StatefulSet, Service and Secret of a bundled server, of a dict: root, name, port, portName, args, env, secret (file
name to content), mount (where the secret's files go), writable (paths beside the data folder), data (the data folder),
ready (a probe), live (another). Development only: one replica, its password in the chart's own Secret. */}}
{{- define "weft.bundled" -}}
{{- $bundled := (index .root.Values .name).bundled -}}
{{- $full := printf "%s-%s" (include "weft.fullname" .root) .name -}}
{{- $at := dict "root" .root "component" .name -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ $full }}
  labels:
    {{- include "weft.labels" $at | nindent 4 }}
stringData:
  uri: {{ include "weft.bundled.uri" . | quote }}
  {{- range $file, $content := .secret }}
  {{ $file }}: {{ $content | quote }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $full }}
  labels:
    {{- include "weft.labels" $at | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true # a node has to find itself by name while it starts
  selector:
    {{- include "weft.selector" $at | nindent 4 }}
  ports:
    - name: {{ .portName }}
      port: {{ .port }}
      targetPort: {{ .portName }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $full }}
  labels:
    {{- include "weft.labels" $at | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ $full }}
  selector:
    matchLabels:
      {{- include "weft.selector" $at | nindent 6 }}
  {{- with $bundled.storage }}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- include "weft.selector" $at | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        resources:
          requests:
            storage: {{ . }}
  {{- end }}
  template:
    metadata:
      labels:
        {{- include "weft.podLabels" $at | nindent 8 }}
      annotations:
        checksum/secret: {{ list (include "weft.bundled.uri" .) .secret | toJson | sha256sum }}
    spec:
      {{- include "weft.pod.security" (dict "uid" 999) | nindent 6 }}
      terminationGracePeriodSeconds: 60
      {{- include "weft.pod.spread" $at | nindent 6 }}
      containers:
        - name: {{ .name }}
          image: {{ $bundled.image }}
          {{- include "weft.container.security" . | nindent 10 }}
          {{- with .args }}
          args: {{ toJson . }}
          {{- end }}
          {{- with .env }}
          env:
            {{- range $name, $value := . }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
          {{- end }}
          ports:
            - name: {{ .portName }}
              containerPort: {{ .port }}
          startupProbe:
            tcpSocket:
              port: {{ .portName }}
            periodSeconds: 2
            failureThreshold: 90
          readinessProbe:
            {{- toYaml .ready | nindent 12 }}
          livenessProbe:
            {{- toYaml .live | nindent 12 }}
          lifecycle:
            preStop:
              exec:
                command: [sleep, "5"]
          resources:
            {{- toYaml $bundled.resources | nindent 12 }}
          volumeMounts:
            - name: data
              mountPath: {{ .data }}
            {{- range $file, $path := .mount }}
            - name: secret
              mountPath: {{ $path }}
              subPath: {{ $file }}
              readOnly: true
            {{- end }}
            {{- range $i, $path := .writable }}
            - name: writable
              mountPath: {{ $path }}
              subPath: part-{{ $i }}
            {{- end }}
      volumes:
        - name: secret
          secret:
            secretName: {{ $full }}
            defaultMode: 0440
        - name: writable
          emptyDir: {}
        {{- if not $bundled.storage }}
        - name: data
          emptyDir: {}
        {{- end }}
{{- end }}

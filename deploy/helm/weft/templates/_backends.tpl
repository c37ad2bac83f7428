{{/* Where broker, cache and store are: "external" (a URL in an existing Secret), "bundled", or "embedded". */}}
{{- define "weft.backend" -}}
{{- $backend := index .root.Values .name -}}
{{- if and $backend.existingSecret $backend.bundled.enabled -}}
{{- fail (printf "%s.existingSecret and %s.bundled.enabled are both set: take one" .name .name) -}}
{{- end -}}
{{- if $backend.existingSecret -}}external{{- else if $backend.bundled.enabled -}}bundled{{- else -}}embedded{{- end -}}
{{- end }}

{{/* The kinds of all three as a map, for fromYaml. */}}
{{- define "weft.backends" -}}
{{- range $name := list "rabbitmq" "redis" "postgresql" }}
{{ $name }}: {{ include "weft.backend" (dict "root" $ "name" $name) }}
{{- end }}
{{- end }}

{{/* The password of a bundled server. Without one given it is derived, so that each rendering is the same; whoever knows
the release's name can derive it too, which is why these servers are for development. */}}
{{- define "weft.bundled.password" -}}
{{- $given := (index .root.Values .name).bundled.password -}}
{{- $given | default (printf "%s/%s/%s" .root.Release.Namespace .root.Release.Name .name | sha256sum | trunc 32) -}}
{{- end }}

{{- define "weft.bundled.uri" -}}
{{- $password := include "weft.bundled.password" . | urlquery -}}
{{- $host := printf "%s-%s" (include "weft.fullname" .root) .name -}}
{{- if eq .name "rabbitmq" -}}amqp://weft:{{ $password }}@{{ $host }}:5672/
{{- else if eq .name "redis" -}}redis://:{{ $password }}@{{ $host }}:6379/0
{{- else -}}postgres://weft:{{ $password }}@{{ $host }}:5432/weft
{{- end -}}
{{- end }}

{{/* Of `dict "root" $ "host" host`: the sources of the volume that holds the URLs, one file each; "[]" if there are none. */}}
{{- define "weft.backends.sources" -}}
{{- $kinds := include "weft.backends" .root | fromYaml -}}
{{- range $name, $file := dict "rabbitmq" "transport" "redis" "cache" "postgresql" "store" }}
{{- $backend := index $.root.Values $name }}
{{- if ne (get $kinds $name) "embedded" }}
- secret:
    name: {{ eq (get $kinds $name) "external" | ternary $backend.existingSecret (printf "%s-%s" (include "weft.fullname" $.root) $name) }}
    items:
      - key: {{ eq (get $kinds $name) "external" | ternary $backend.existingSecretKey "uri" }}
        path: {{ $file }}
{{- end }}
{{- end }}
{{- range $service, $store := .host.stores }}
- secret:
    name: {{ $store.existingSecret }}
    items:
      - key: {{ $store.existingSecretKey | default "uri" }}
        path: store-{{ $service }}
{{- end }}
{{- end }}

{{/* Beside them the admin token, for hosts alone. */}}
{{- define "weft.admin.source" -}}
{{- with .Values.admin.existingSecret }}
- secret:
    name: {{ . }}
    items:
      - key: {{ $.Values.admin.existingSecretKey }}
        path: admin-token
{{- end }}
{{- end }}

{{/* The variables that point to those files. */}}
{{- define "weft.backends.env" -}}
{{- $kinds := include "weft.backends" .root | fromYaml -}}
{{- range $name, $file := dict "rabbitmq" "transport" "redis" "cache" "postgresql" "store" }}
{{- if ne (get $kinds $name) "embedded" }}
- name: WEFT_{{ upper $file }}_FILE
  value: /run/weft/{{ $file }}
{{- end }}
{{- end }}
{{- range $service, $store := .host.stores }}
- name: WEFT_SERVICES_{{ $service | upper | replace "-" "_" }}_STORE_FILE
  value: /run/weft/store-{{ $service }}
{{- end }}
{{- end }}

{{/* A change of a bundled server's password must reach the pods. */}}
{{- define "weft.backends.checksum" -}}
{{- $uris := list -}}
{{- range $name := list "rabbitmq" "redis" "postgresql" -}}
{{- if (index $.Values $name).bundled.enabled -}}
{{- $uris = append $uris (include "weft.bundled.uri" (dict "root" $ "name" $name)) -}}
{{- end -}}
{{- end -}}
{{- $uris | toJson | sha256sum -}}
{{- end }}

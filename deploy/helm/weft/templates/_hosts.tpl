{{/* The hosts, as a map for fromYaml. With a broker each service has its own. Without one, events do not leave a process:
then one host, "embedded", runs all services. */}}
{{- define "weft.hosts" -}}
{{- $kinds := include "weft.backends" . | fromYaml -}}
{{- $hosts := dict -}}
{{- if not .Values.services -}}{{- fail "services is empty: name at least one" -}}{{- end -}}
{{- range $name, $own := .Values.services -}}
{{- $host := eq $kinds.rabbitmq "embedded" | ternary "embedded" $name -}}
{{- $service := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy ($own | default dict)) -}}
{{- include "weft.service.check" (dict "root" $ "kinds" $kinds "name" $name "service" $service) -}}
{{- $known := get $hosts $host | default (dict "services" list "stores" dict) -}}
{{- $_ := set $known "services" (append $known.services $name) -}}
{{- with $service.store -}}{{- $_ := set $known.stores $name . -}}{{- end -}}
{{- $_ := set $hosts $host (mergeOverwrite (deepCopy $service) $known) -}}
{{- end -}}
{{- range $name, $host := $hosts -}}
{{- $ownStores := eq (len $host.stores) (len $host.services) -}}
{{- $embedded := and (eq $kinds.postgresql "embedded") (not $ownStores) -}}
{{- $_ := set $host "embeddedStore" $embedded -}}
{{- $single := or $embedded (eq $kinds.rabbitmq "embedded") (eq $kinds.redis "embedded") -}}
{{- $_ := set $host "replicas" (int ($host.replicas | default ($single | ternary 1 2))) -}}
{{- $_ := set $host "name" $name -}}
{{- end -}}
{{- $hosts | toYaml -}}
{{- end }}

{{/* What cannot be is refused here, with what to do. */}}
{{- define "weft.service.check" -}}
{{- $longest := printf "%s-%s-headless" (include "weft.fullname" .root) .name -}}
{{- if gt (len $longest) 63 -}}
{{- fail (printf "services.%s: the name %s has %d characters, Kubernetes takes 63; set a shorter fullnameOverride" .name $longest (len $longest)) -}}
{{- end -}}
{{- $embedded := list -}}
{{- range $backend, $kind := .kinds -}}
{{- if and (eq $kind "embedded") (not (and (eq $backend "postgresql") $.service.store)) -}}
{{- $embedded = append $embedded $backend -}}
{{- end -}}
{{- end -}}
{{- $several := or (gt (int (.service.replicas | default 1)) 1) (ne .service.autoscaling.mode "none") -}}
{{- if and $embedded $several -}}
{{- $why := printf "more than one replica needs real servers, but %s is embedded in each process" (join ", " $embedded) -}}
{{- $what := printf "give %s.existingSecret (or bundled.enabled for development), or replicas: 1 and autoscaling.mode: none"
  (first $embedded) -}}
{{- fail (printf "services.%s: %s; %s" .name $why $what) -}}
{{- end -}}
{{- $own := list "grpc.listen" "admin.listen" "data_dir" "drain.delay" "drain.timeout" "migrate" "instance"
  "transport" "cache" "store" -}}
{{- range $key := $own -}}
{{- if hasKey $.service.config $key -}}
{{- $what := "set drain, migrations, or a backend's existingSecret" -}}
{{- fail (printf "services.%s: config '%s' is the chart's own; %s" $.name $key $what) -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := .service.env -}}
{{- if regexMatch "://[^/@]*:[^/@]*@" (toString $value) -}}
{{- $what := "put the URL into a Secret and name it by existingSecret" -}}
{{- fail (printf "services.%s: env %s holds a password; %s" $.name $key $what) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* weft.yaml of a host. */}}
{{- define "weft.config" -}}
{{- $lines := dict
  "grpc.listen" (printf "0.0.0.0:%d" 50051)
  "admin.listen" "0.0.0.0:8080"
  "data_dir" "/var/lib/weft"
  "drain.delay" (printf "%ds" (int .root.Values.drain.delaySeconds))
  "drain.timeout" (printf "%ds" (int .root.Values.drain.timeoutSeconds))
  "migrate" (eq (include "weft.migrations.when" .) "pre-install,pre-upgrade" | ternary "check" "auto") -}}
{{- range $key, $value := merge $lines .host.config }}
{{ $key }}: {{ kindIs "float64" $value | ternary (printf "%.0f" $value) $value | toString | quote }}
{{- end }}
{{- end }}

{{/* When migrations run as a Job of their own: "" for never. A pre-install hook runs before the chart's own Secrets and
servers exist; so with those the first start of the hosts migrates, which is safe from several at once. */}}
{{- define "weft.migrations.when" -}}
{{- $kind := include "weft.backend" (dict "root" .root "name" "postgresql") -}}
{{- $own := eq (len .host.stores) (len .host.services) -}}
{{- if not .root.Values.migrations.enabled -}}
{{- else if or $own (eq $kind "external") -}}pre-install,pre-upgrade
{{- else if eq $kind "bundled" -}}pre-upgrade
{{- end -}}
{{- end }}

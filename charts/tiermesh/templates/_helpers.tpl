{{/* Names, labels, images: what every object has. */}}

{{- define "tiermesh.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough that what is appended still fits into 63 characters. */}}
{{- define "tiermesh.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "tiermesh.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tiermesh.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of a component: (list $ "router"). */}}
{{- define "tiermesh.component" -}}
{{- printf "%s-%s" (include "tiermesh.fullname" (first .)) (last .) -}}
{{- end -}}

{{- define "tiermesh.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ include "tiermesh.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{- define "tiermesh.labels" -}}
{{- $root := first . -}}
{{ include "tiermesh.selector" . }}
app.kubernetes.io/part-of: tiermesh
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* name, namespace and labels of a component's object: (list $ "router") or (list $ "router" "admin"). */}}
{{- define "tiermesh.metadata" -}}
{{- $root := first . -}}
name: {{ prepend (rest .) (include "tiermesh.fullname" $root) | join "-" }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "tiermesh.labels" (list $root (index . 1)) | nindent 2 }}
{{- end -}}

{{- define "tiermesh.image" -}}
{{- $root := first . -}}
{{- $image := last . -}}
{{- $name := list $root.Values.image.registry $image.repository | compact | join "/" -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($root.Values.image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "tiermesh.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- $spec := index . 2 -}}
{{- if $spec.create -}}
{{- $spec.name | default (include "tiermesh.component" (list $root (index . 1))) -}}
{{- else -}}
{{- $spec.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Settings in camel case as environment: (list "TIERMESH_ROUTER_" $settings $defaults). Whatever is no text is written as
JSON. (merge would take a false in $settings for one that is not there.) */}}
{{- define "tiermesh.settings" -}}
{{- $all := deepCopy (last .) -}}
{{- range $name, $value := index . 1 }}{{ $_ := set $all $name $value }}{{ end -}}
{{- $prefix := first . -}}
{{- range $name, $value := $all }}
- name: {{ $prefix }}{{ snakecase $name | upper }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end -}}
{{- end -}}

{{/* Where a secret URL lies: (list $ "database" $values). */}}
{{- define "tiermesh.urlSecret" -}}
name: {{ (last .).existingSecret | default (include "tiermesh.component" (list (first .) (index . 1))) }}
key: {{ ternary (last .).existingSecretKey "url" (not (empty (last .).existingSecret)) }}
{{- end -}}

{{/* (list "redis" .Values.redis): it has one address, or none. */}}
{{- define "tiermesh.oneAddress" -}}
{{- $spec := last . -}}
{{- if gt (list $spec.url $spec.existingSecret (ternary "bundled" "" $spec.bundled.enabled) | compact | len) 1 -}}
{{- fail (printf "%s: url, existingSecret and bundled.enabled exclude each other" (first .)) -}}
{{- end -}}
{{- end -}}

{{/* Whether something has an address: a URL, a Secret with one, or the bundled form. Empty means no. */}}
{{- define "tiermesh.given" -}}
{{- if or .url .existingSecret .bundled.enabled -}}yes{{- end -}}
{{- end -}}

{{/* MLflow has no URL in a Secret: that holds who asks it. */}}
{{- define "tiermesh.mlflowUrl" -}}
{{- if .Values.mlflow.bundled.enabled -}}
http://{{ include "tiermesh.component" (list . "mlflow") }}.{{ .Release.Namespace }}.svc:5000
{{- else -}}
{{- .Values.mlflow.url -}}
{{- end -}}
{{- end -}}

{{- define "tiermesh.tokens" -}}
{{- .Values.tokens.existingSecret | default (include "tiermesh.component" (list . "tokens")) -}}
{{- end -}}

{{- define "tiermesh.controlPlaneUrl" -}}
http://{{ include "tiermesh.component" (list . "control-plane") }}.{{ .Release.Namespace }}.svc:8090
{{- end -}}

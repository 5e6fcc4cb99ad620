{{/* What the operator is told. */}}
{{- define "tiermesh.operatorEnv" -}}
{{- $spec := .Values.operator -}}
{{- $router := dict "service" (include "tiermesh.component" (list . "router")) "namespace" .Release.Namespace "port" 8080 -}}
{{- $models := include "tiermesh.image" (list . (dict "repository" "tiermesh-models" "digest" "")) -}}
{{- $monitor := .Values.monitoring.serviceMonitor -}}
{{- $defaults := dict "adminHost" "0.0.0.0" "modelsImage" $models "router" $router "monitoring" $monitor.enabled -}}
{{- with $monitor.labels }}{{ $_ := set $defaults "monitorLabels" . }}{{ end -}}
{{- if not .Values.security.runAsUser }}{{ $_ := set $defaults "user" "null" }}{{ end -}}
- name: TIERMESH_HOME
  value: /var/lib/tiermesh
- name: TIERMESH_OPERATOR_NAME
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}
- name: TIERMESH_OPERATOR_ADMIN_PORT
  value: "8092"
- name: TIERMESH_OPERATOR_CONTROL_PLANE_URL
  value: {{ include "tiermesh.controlPlaneUrl" . }}
- name: TIERMESH_OPERATOR_CONTROL_PLANE_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "tiermesh.tokens" . }}, key: operator}}
- name: TIERMESH_OPERATOR_LEASE_NAMESPACE
  value: {{ .Release.Namespace }}
- name: TIERMESH_OPERATOR_LEASE_NAME
  value: {{ include "tiermesh.component" (list . "operator") }}
{{- with $spec.namespaces }}
- name: TIERMESH_OPERATOR_NAMESPACES
  value: {{ join "," . }}
{{- end }}
{{- include "tiermesh.settings" (list "TIERMESH_OPERATOR_" $spec.settings $defaults) }}
{{- end -}}

{{/* What the operator is told, and the job that runs before it goes. */}}
{{- define "tiermesh.operatorEnv" -}}
{{- $spec := .Values.operator -}}
{{- $models := include "tiermesh.image" (list . (dict "repository" "tiermesh-models" "digest" "")) -}}
- name: TIERMESH_HOME
  value: /var/lib/tiermesh
- name: TIERMESH_OPERATOR_NAME
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}
- name: TIERMESH_OPERATOR_ADMIN_PORT
  value: "8092"
- name: TIERMESH_OPERATOR_CONTROL_PLANE_URL
  value: {{ include "tiermesh.controlPlaneUrl" . }}
- name: TIERMESH_OPERATOR_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "tiermesh.tokens" . }}, key: operator}}
- name: TIERMESH_OPERATOR_LEASE_NAMESPACE
  value: {{ .Release.Namespace }}
- name: TIERMESH_OPERATOR_LEASE_NAME
  value: {{ include "tiermesh.component" (list . "operator") }}
{{- with $spec.namespaces }}
- name: TIERMESH_OPERATOR_NAMESPACES
  value: {{ toJson . | quote }}
{{- end }}
{{- include "tiermesh.settings" (list "TIERMESH_OPERATOR_" (merge (deepCopy $spec.settings) (dict "adminHost" "0.0.0.0" "modelsImage" $models))) }}
{{- end -}}

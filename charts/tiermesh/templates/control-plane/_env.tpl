{{/* What the control plane is told. Beyond loopback it asks everybody for a token: it is given those of the Secret. */}}
{{- define "tiermesh.controlPlaneEnv" -}}
{{- $spec := .Values.controlPlane -}}
{{- $everywhere := dict "host" "0.0.0.0" "adminHost" "0.0.0.0" -}}
- name: TIERMESH_HOME
  value: /var/lib/tiermesh
- name: TIERMESH_CONTROL_PLANE_NAME
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}
- name: TIERMESH_CONTROL_PLANE_PORT
  value: "8090"
- name: TIERMESH_CONTROL_PLANE_ADMIN_PORT
  value: "8091"
- name: TIERMESH_CONTROL_PLANE_GIVEN_TOKENS
  value: {{ include "tiermesh.grants" . | fromYaml | toJson | quote }}
- name: TIERMESH_CONTROL_PLANE_GIVEN_TOKENS_FOLDER
  value: /run/tiermesh/tokens
{{- if include "tiermesh.given" .Values.database }}
- name: TIERMESH_CONTROL_PLANE_DATABASE_URL
  valueFrom:
    secretKeyRef:
      {{- include "tiermesh.urlSecret" (list . "database" .Values.database) | nindent 6 }}
{{- end }}
{{- with include "tiermesh.mlflowUrl" . }}
- name: TIERMESH_CONTROL_PLANE_MLFLOW_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.mlflow.existingSecret }}
- name: MLFLOW_TRACKING_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: MLFLOW_TRACKING_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- with $spec.kafka.existingSecret }}
- name: TIERMESH_CONTROL_PLANE_KAFKA_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: TIERMESH_CONTROL_PLANE_KAFKA_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- include "tiermesh.settings" (list "TIERMESH_CONTROL_PLANE_" $spec.settings $everywhere) }}
{{- end -}}

{{/* Who may what: an operator of some namespaces writes there, and reads who has acknowledged what. */}}
{{- define "tiermesh.grants" -}}
admin: admin@*
router: router
{{- if .Values.operator.enabled }}
{{- $where := .Values.operator.namespaces | default (list "*") }}
{{- $grants := list }}
{{- range $where }}{{ $grants = append $grants (printf "operator@%s" .) }}{{ end }}
{{- if .Values.operator.namespaces }}{{ $grants = append $grants "viewer@*" }}{{ end }}
operator: {{ join ", " $grants | quote }}
{{- end }}
{{- end -}}

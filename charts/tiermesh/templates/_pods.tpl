{{/* What all pods have in common. Everything here keeps to Kubernetes' Pod Security Standard "restricted". */}}

{{/* (list $ "router" .Values.router) */}}
{{- define "tiermesh.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $spec := index . 2 -}}
serviceAccountName: {{ include "tiermesh.serviceAccount" (list $root $component $spec.serviceAccount) }}
# Else Kubernetes would tell each Service as TIERMESH_…_PORT and the like, which no process knows as a setting.
enableServiceLinks: false
{{- include "tiermesh.pullSecrets" $root }}
securityContext:
  {{- include "tiermesh.podSecurity" $root | nindent 2 }}
{{- with $spec.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $spec.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $spec.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  {{- if $spec.affinity }}
  {{- toYaml $spec.affinity | nindent 2 }}
  {{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "tiermesh.selector" (list $root $component) | nindent 14 }}
  {{- end }}
topologySpreadConstraints:
  {{- if $spec.topologySpreadConstraints }}
  {{- toYaml $spec.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tiermesh.selector" (list $root $component) | nindent 8 }}
  {{- end }}
{{- end -}}

{{- define "tiermesh.podMetadata" -}}
{{- $spec := index . 2 -}}
labels:
  {{- include "tiermesh.labels" (list (index . 0) (index . 1)) | nindent 2 }}
  {{- with $spec.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $spec.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "tiermesh.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "tiermesh.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.security.runAsUser }}
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
{{- end }}
{{- with .Values.security.fsGroup }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "tiermesh.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Probes of an admin port named "admin"; (dict "starts" 180) is how many seconds a start may take. */}}
{{- define "tiermesh.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 2
  failureThreshold: {{ div .starts 2 }}
livenessProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "tiermesh.scratch" -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- end -}}

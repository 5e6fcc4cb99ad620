{{/* What the bundled databases share, and the Secret of a URL that values hold. */}}

{{- define "tiermesh.bundledPod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "tiermesh.pullSecrets" . }}
securityContext:
  {{- include "tiermesh.podSecurity" . | nindent 2 }}
{{- end -}}

{{- define "tiermesh.bundledVolume" }}
{{- $spec := last . }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "tiermesh.metadata" (list (first .) (index . 1)) | nindent 2 }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with $spec.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ $spec.storage }}
{{- end -}}

{{/* (list $ "redis" .Values.redis): a URL never stands in a pod's specification, where many may read it. */}}
{{- define "tiermesh.givenUrl" }}
{{- $root := index . 0 }}
{{- $values := index . 2 }}
{{- if and $values.url (not $values.existingSecret) }}
apiVersion: v1
kind: Secret
metadata:
  {{- include "tiermesh.metadata" (list $root (index . 1)) | nindent 2 }}
type: Opaque
data:
  url: {{ b64enc $values.url }}
{{- end }}
{{- end -}}

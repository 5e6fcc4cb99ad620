{{/* Parts of network policies. */}}

{{- define "tiermesh.peer" -}}
- podSelector:
    matchLabels:
      {{- include "tiermesh.selector" . | nindent 6 }}
{{- end -}}

{{/* (list $ 8082): who scrapes may read the admin port. */}}
{{- define "tiermesh.monitored" -}}
{{- with (first .).Values.networkPolicy.monitoringFrom -}}
- ports:
    - {port: {{ last $ }}, protocol: TCP}
  from:
    {{- toYaml . | nindent 4 }}
{{- end -}}
{{- end -}}

{{/* (list $ "redis" 6379) */}}
{{- define "tiermesh.reaches" -}}
- ports:
    - {port: {{ last . }}, protocol: TCP}
  to:
    {{- include "tiermesh.peer" (list (first .) (index . 1)) | nindent 4 }}
{{- end -}}

{{- define "tiermesh.nameService" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end -}}

{{/* What the operator may do: in all namespaces by a ClusterRole, in those that are listed by a Role in each. */}}
{{- define "tiermesh.operatorRules" -}}
# The documents: it follows them, keeps a finalizer on them, and writes their status and nothing else of them.
- apiGroups: [tiermesh.dev]
  resources: ["*"]
  verbs: [get, list, watch, patch]
# Why something waits, for kubectl describe.
- apiGroups: [""]
  resources: [events]
  verbs: [create]
# What it makes of Models, by server-side apply.
- apiGroups: [""]
  resources: [services]
  verbs: &made [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: *made
{{- end -}}

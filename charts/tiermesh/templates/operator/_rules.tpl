{{/* What the operator may do: in all namespaces by a ClusterRole, in those that are listed by a Role in each. */}}
{{- define "tiermesh.operatorRules" -}}
# The documents: it follows them, and writes its finalizer and their status.
- apiGroups: [tiermesh.dev]
  resources: [{{ include "tiermesh.kinds" . }}]
  verbs: [get, list, watch, patch]
- apiGroups: [tiermesh.dev]
  resources: [{{ include "tiermesh.kindsWith" "status" }}]
  verbs: [patch]
# What it makes names the document that it is made for as its owner: some clusters ask who may say so.
- apiGroups: [tiermesh.dev]
  resources: [models/finalizers, routes/finalizers]
  verbs: [update]
# Why something waits, for kubectl describe.
- apiGroups: [""]
  resources: [events]
  verbs: [create]
# What it makes of Models, by server-side apply. Never Secrets: they are named, not read.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: &made [list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: *made
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: *made
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: *made
- apiGroups: [ray.io]
  resources: [rayservices]
  verbs: *made
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices, llminferenceservices]
  verbs: *made
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: *made
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: *made
- apiGroups: [inference.networking.k8s.io]
  resources: [inferencepools]
  verbs: *made
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, servicemonitors]
  verbs: *made
{{- end -}}

{{- define "tiermesh.kinds" -}}
experiments, models, prompts, rollouts, routes, scalingpolicies, tenants
{{- end -}}

{{/* A subresource of each kind. */}}
{{- define "tiermesh.kindsWith" -}}
{{- include "tiermesh.kinds" . | replace "," (printf "/%s," .) }}/{{ . }}
{{- end -}}

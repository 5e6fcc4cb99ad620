"""Sets of values that together reach every branch of every template."""

from collections.abc import Mapping
from typing import Any

PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
RULE = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
PLACED: Mapping[str, Any] = {
    "podLabels": {"team": "mesh"},
    "podAnnotations": {"sidecar.istio.io/inject": "true"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "mesh", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    ],
    "priorityClassName": "important",
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "extraVolumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
    "extraVolumeMounts": [{"name": "authorities", "mountPath": "/etc/ssl/certs", "readOnly": True}],
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/mesh"}},
}

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "as it comes": {},
    "for evaluation": {
        "crds": {"install": False},
        "database": {"bundled": {"enabled": True, "storageClass": "fast"}},
        "redis": {"bundled": {"enabled": True}},
        "mlflow": {"bundled": {"enabled": True, "storageClass": "fast"}},
        "controlPlane": {"replicas": 2},
        "monitoring": {"serviceMonitor": {"enabled": True}, "rules": {"enabled": True}},
        "expose": {
            "kind": "gateway",
            "routerHosts": ["mesh.example.com"],
            "tls": {"issuer": {"name": "letsencrypt", "kind": "Issuer"}},
            "gateway": {"className": "envoy", "grpc": True, "annotations": {"a": "b"}},
        },
    },
    "for a company": {
        "crds": {"install": False},
        "image": {"registry": "registry.example.com/team", "pullSecrets": ["registry"]},
        "tokens": {"existingSecret": "mesh-tokens"},
        "database": {"existingSecret": "mesh-database", "existingSecretKey": "dsn"},
        "redis": {"existingSecret": "mesh-redis"},
        "mlflow": {"url": "https://mlflow.example.com", "existingSecret": "mesh-mlflow"},
        "controlPlane": {
            **PLACED,
            "replicas": 3,
            "image": {"digest": f"sha256:{'0' * 64}"},
            "kafka": {"existingSecret": "mesh-kafka"},
            "service": {"annotations": {"a": "b"}},
            "settings": {
                "kafkaServers": "kafka:9092",
                "oidcIssuer": "https://login.example.com",
                "oidcAudience": "tiermesh",
                "oidcRoles": {"developers": "operator@shop, viewer@*"},
                "maxBodyBytes": 33_554_432,
                "graceSeconds": 10,
            },
        },
        "router": {**PLACED, "service": {"annotations": {"a": "b"}}, "autoscaling": {"maxReplicas": 40}},
        "operator": {**PLACED, "replicas": 2, "namespaces": ["shop", "search"]},
        "expose": {
            "kind": "ingress",
            "routerHosts": ["mesh.example.com"],
            "controlPlaneHosts": ["console.example.com"],
            "tls": {"issuer": {"name": "letsencrypt"}},
            "ingress": {"className": "nginx", "annotations": {"a": "b"}},
        },
        "networkPolicy": {
            "routerFrom": [PEER],
            "controlPlaneFrom": [PEER],
            "egress": {"enabled": True, "routerTo": [RULE], "controlPlaneTo": [RULE], "operatorTo": [RULE]},
        },
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "rules": {"enabled": True, "labels": {"release": "prometheus"}},
        },
    },
    "URLs in values, on OpenShift": {
        "fullnameOverride": "mesh",
        "security": {"runAsUser": None, "fsGroup": None},
        "database": {"url": "postgresql+psycopg://mesh:hunter2@postgres/mesh"},
        "redis": {"url": "redis://:hunter2@redis:6379/0"},
        "controlPlane": {"persistence": {"storageClass": "fast"}, "serviceAccount": {"create": False}},
        "expose": {
            "kind": "gateway",
            "routerHosts": ["mesh.example.com"],
            "controlPlaneHosts": ["console.example.com"],
            "gateway": {"parentRefs": [{"name": "public", "namespace": "gateways"}]},
        },
        "networkPolicy": {"controlPlaneFrom": [PEER], "monitoringFrom": [], "egress": {"enabled": True}},
        "crds": {"install": False, "keep": False},
        "operator": {"namespaces": ["shop"]},
    },
    "little": {
        "operator": {"enabled": False},
        "controlPlane": {
            "persistence": {"existingClaim": "old", "keep": False},
            "podDisruptionBudget": {"enabled": False},
        },
        "router": {
            "autoscaling": {"enabled": False},
            "podDisruptionBudget": {"enabled": False},
            "service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]},
            "serviceAccount": {"create": False, "name": "somebody"},
        },
        "networkPolicy": {"enabled": False},
        "crds": {"install": False},
        "expose": {"kind": "ingress", "routerHosts": ["mesh.example.com"], "tls": {"elsewhere": True}},
        "monitoring": {"serviceMonitor": {"enabled": True}},
    },
    "a certificate that is there": {
        "uninstall": {"hook": False},
        "crds": {"keep": False},
        "expose": {
            "kind": "gateway",
            "routerHosts": ["mesh.example.com", "models.example.com"],
            "tls": {"existingSecret": "mesh-tls"},
            "gateway": {"className": "envoy"},
        },
    },
}

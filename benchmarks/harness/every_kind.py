"""Custom resources of which an operator makes every kind of object that it can make."""

import json
from typing import Any

from operators.kinds import EVERYWHERE
from operators.render import KNOWN

KINDS = frozenset({*EVERYWHERE, *KNOWN})
"""All that render writes; what is added there is wanted here."""
SCALER = "HorizontalPodAutoscaler"
"""Stands in where there is no KEDA."""

_REPLICAS = {"min": 2, "max": 3}
_VLLM = {"engine": "vllm", "tier": "heavy", "source": "hf://org/name", "replicas": _REPLICAS}
_FAQ = {
    "engine": "faq",
    "tier": "light",
    "source": "bundled://a",
    "faq": {"knowledge": "file:///k", "threshold": 0.5},
    "replicas": _REPLICAS,
}
MODELS: dict[str, dict[str, Any]] = {
    "served": {**_VLLM, "kubernetes": {"runtime": "deployment"}},
    "configured": {**_FAQ, "kubernetes": {"runtime": "deployment"}},
    "rayed": {**_FAQ, "kubernetes": {"runtime": "ray"}},
    "stored": {"engine": "kserve", "tier": "light", "source": "s3://models/iris/model.joblib"},
    "pooled": {**_VLLM, "kubernetes": {"runtime": "llm-inference-service"}},
}
"""Name -> spec."""


def settings(ignored: str = "") -> dict[str, str]:
    """Of an operator that stands between gateways and Prometheus; `ignored` is a kind that it does not use."""
    gateway = {"name": "gateway", "namespace": "gateways", "url": "http://gateway.gateways.svc"}
    router = {"service": "router", "namespace": "mesh", "port": 8080}
    return {
        "gateway": json.dumps(gateway),
        "inference_gateway": json.dumps(gateway),
        "router": json.dumps(router),
        "prometheus_url": "http://prometheus.monitoring.svc:9090",
        "ignored": json.dumps([ignored] if ignored else []),
    }

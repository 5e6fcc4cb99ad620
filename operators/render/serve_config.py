"""What Ray Serve is told: one application a Model, built by `model_repo.building` from the Model's own document."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from control_plane.spec.documents import Model
from control_plane.spec.models import Engine
from control_plane.spec.names import path_segment
from operators.render import sources
from operators.render.site import Site

BUILDER = "model_repo.building:build"
PORT = 8000
_DEPLOYMENTS = {Engine.FAQ: "faq"}
_GENERATOR = "generator"
"""The names that `model_repo` gives its deployments."""
_SAYS_NOTHING = {"gate", "kubernetes", "price", "replicas"}
"""Fields by which a replica is no other: a change of them starts nothing anew."""


def together(document: Model, beside: Mapping[str, Model]) -> tuple[Model, ...]:
    """The Model, and the one that finds its passages where there is one: they talk within Ray."""
    finder = finds_passages(document)
    return (document, beside[finder]) if finder in beside else (document,)


def finds_passages(document: Model) -> str:
    """The name of the Model that finds passages for this one; empty where none does."""
    generation = document.spec.generation
    return generation.passages.model if generation and generation.passages else ""


def lacks(document: Model, beside: Mapping[str, Model]) -> tuple[str, ...]:
    """Sentences where the Model that it needs beside it is not there."""
    finder = finds_passages(document)
    if not finder or finder in beside:
        return ()
    field, cure = "spec.generation.passages.model", "correct the name, apply it, or remove passages"
    return (f"{field}: there is no Model {finder!r} in this namespace: {cure}.",)


def written(models: Sequence[Model], scaling: Sequence[Mapping[str, Any]], site: Site, proxies: str) -> str:
    """The configuration as YAML; `scaling` says how many replicas, in Ray Serve's words, in the models' order."""
    config = {
        "proxy_location": proxies,
        "http_options": {"host": "0.0.0.0", "port": PORT},
        "applications": [_application(model, count, site) for model, count in zip(models, scaling, strict=True)],
    }
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def segment(document: Model) -> str:
    """The path at which a Model's application answers, without slashes."""
    return path_segment(document.metadata.qualified_name)


def _application(model: Model, count: Mapping[str, Any], site: Site) -> dict[str, Any]:
    name = segment(model)
    deployment = _DEPLOYMENTS.get(model.spec.engine, _GENERATOR)
    return {
        "name": name,
        "route_prefix": f"/{name}",
        "import_path": BUILDER,
        "args": {"document": served(model, site)},
        "deployments": [{"name": deployment, **count}],
    }


def served(model: Model, site: Site) -> dict[str, Any]:
    """The document as its replicas read it: paths absolute, its name the one that routers ask for, and without what
    Kubernetes decides."""
    spec = sources.placed(model.spec, site)
    # Which nodes a pod runs on is settled when a replica starts: Ray need not look for the accelerator again.
    update = {"resources": spec.resources.model_copy(update={"accelerator": None}), "served_name": model_name(model)}
    said = spec.model_copy(update=update).model_dump(
        mode="json", exclude_unset=True, exclude_none=True, exclude=_SAYS_NOTHING
    )
    who = {"name": model.metadata.name, "namespace": model.metadata.namespace}
    return {"apiVersion": model.api_version, "kind": model.kind, "metadata": who, "spec": said}


def model_name(model: Model) -> str:
    """By which routers ask for it where it has a URL: what is there knows nothing of namespaces."""
    return model.spec.served_name or model.metadata.name

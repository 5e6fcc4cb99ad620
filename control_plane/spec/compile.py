"""compile: documents -> content. Pure and deterministic: the order of the documents does not matter."""

import hashlib
from collections.abc import Iterable

from control_plane.spec.base import nearest
from control_plane.spec.documents import Model, Route
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.models import OPERATIONS, Engine
from control_plane.spec.snapshots import Backend, CompiledRoute, Content, digest

SERVE_URL = "http://127.0.0.1:8000"
"""Where Ray Serve listens on one machine; each Model is served under its name."""


def compile(documents: Iterable[Model | Route], serve_url: str = SERVE_URL) -> Content:
    """Compile all documents at once.

    Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each broken reference or clash.
    """
    ordered = sorted(documents, key=lambda document: (document.kind, document.metadata.name))
    models = {document.metadata.name: document for document in ordered if isinstance(document, Model)}
    routes = [document for document in ordered if isinstance(document, Route)]
    errors = [*_broken_references(routes, models), *_clashes(routes)]
    if errors:
        raise TiermeshError(
            Code.INVALID_DOCUMENT,
            f"The documents do not fit together: {errors[0].field}: {errors[0].message}",
            "Correct the references named in errors; nothing was changed.",
            errors=tuple(errors),
        )
    backends = {name: _backend(model, serve_url) for name, model in models.items()}
    return Content(
        routes=tuple(_route(route, backends, models) for route in routes),
        backends=tuple(backends.values()),
    )


def _broken_references(routes: list[Route], models: dict[str, Model]) -> Iterable[FieldError]:
    for route in routes:
        for tier in ("light", "heavy"):
            for index, name in enumerate(getattr(route.spec.tiers, tier)):
                where = f"Route/{route.metadata.name}.spec.tiers.{tier}[{index}]"
                if name not in models:
                    yield FieldError(where, _no_such_model(name, models))
                elif models[name].spec.tier != tier:
                    yield FieldError(where, f"Model {name!r} is of tier {models[name].spec.tier.value!r}")
    for model in models.values():
        passages = model.spec.generation and model.spec.generation.passages
        if passages:
            where = f"Model/{model.metadata.name}.spec.generation.passages.model"
            if passages.model not in models:
                yield FieldError(where, _no_such_model(passages.model, models))
            elif models[passages.model].spec.engine is not Engine.FAQ:
                yield FieldError(where, f"Model {passages.model!r} is not of engine 'faq'")


def _no_such_model(name: str, models: dict[str, Model]) -> str:
    near = nearest(name, list(models))
    known = ", ".join(models) or "none"
    return f"there is no Model {name!r}; " + (f"did you mean {near!r}?" if near else f"there are: {known}")


def _clashes(routes: list[Route]) -> Iterable[FieldError]:
    taken: dict[str, str] = {}
    for route in routes:
        model = route.spec.model or route.metadata.name
        if model in taken:
            where = f"Route/{route.metadata.name}.spec.model"
            yield FieldError(where, f"{model!r} is already answered by Route {taken[model]!r}")
        taken.setdefault(model, route.metadata.name)


def _backend(model: Model, serve_url: str) -> Backend:
    spec, name = model.spec, model.metadata.name
    return Backend(
        name=name,
        version=spec.version,
        tier=spec.tier,
        url=spec.url or f"{serve_url.rstrip('/')}/{name}/v1",
        servedName=spec.served_name or name,
        operations=OPERATIONS[spec.engine],
        apiKeyFromEnv=spec.api_key_from_env,
    )


def _route(route: Route, backends: dict[str, Backend], models: dict[str, Model]) -> CompiledRoute:
    spec = route.spec
    exact = spec.cache.exact
    compiled = CompiledRoute(
        name=route.metadata.name,
        model=spec.model or route.metadata.name,
        revision="",
        light=spec.tiers.light,
        heavy=spec.tiers.heavy,
        threshold=spec.complexity.threshold,
        cacheTtlSeconds=exact.ttl_seconds if exact.enabled else None,
        deadlineSeconds=spec.resilience.deadline_seconds,
    )
    answering = spec.tiers.light + spec.tiers.heavy
    prompted_by = (models[name].spec.generation for name in answering)
    found_by = tuple(generation.passages.model for generation in prompted_by if generation and generation.passages)
    parts = [digest(compiled), *(digest(backends[name]) + digest(models[name].spec) for name in answering + found_by)]
    return compiled.model_copy(update={"revision": hashlib.sha256("".join(parts).encode()).hexdigest()[:12]})

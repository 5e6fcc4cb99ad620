"""compile: documents -> content. Pure and deterministic: neither order nor repetition of the documents matters."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from control_plane.spec.base import nearest
from control_plane.spec.documents import Document, Model, Route, Tenant, stored
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.memory import Memory
from control_plane.spec.models import Engine, Generation, ModelSpec, Price
from control_plane.spec.names import DEFAULT_NAMESPACE, Key, path_segment, qualified
from control_plane.spec.resilience import Resilience
from control_plane.spec.snapshots import Backend, CompiledPrice, CompiledRoute, CompiledTenant, Content, digest

SERVE_URL = "http://127.0.0.1:8000"
"""Where Ray Serve listens on one machine; each Model is served under its name."""


class _Served(NamedTuple):
    """A Model as routers see it."""

    model: Model
    backend: Backend
    says: str
    """A hash of what decides its answers."""


def compile(documents: Iterable[Document], serve_url: str = SERVE_URL, memory: Memory | None = None) -> Content:
    """Compile all documents at once. A `memory` of the last time spares what did not change; the content is the same.

    Documents name those of their own namespace. In the content, names of the default namespace stay as they are and
    others are NAMESPACE/NAME.
    Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each broken reference or clash.
    """
    recall = memory or Memory()
    by_key, errors = _told_apart(documents)
    ordered = [by_key[key] for key in sorted(by_key, key=lambda key: (key.kind, qualified(key.namespace, key.name)))]
    models = {document.metadata.qualified_name: document for document in ordered if isinstance(document, Model)}
    routes = [document for document in ordered if isinstance(document, Route)]
    tenants = [document for document in ordered if isinstance(document, Tenant)]
    errors += [*_broken_references(routes, models), *_clashes(routes), *_wrong_tenants(tenants, routes)]
    if errors:
        raise TiermeshError(
            Code.INVALID_DOCUMENT,
            f"The documents do not fit together: {errors[0].field}: {errors[0].message}",
            "Correct the references named in errors; nothing was changed.",
            errors=tuple(errors),
        )
    by_namespace = _by_namespace(routes)
    served = {name: recall(_served, model, serve_url) for name, model in models.items()}
    return Content(
        routes=tuple(recall(_route, route, *_hashes(route, served)) for route in routes),
        backends=tuple(one.backend for one in served.values()),
        tenants=tuple(recall(_tenant, tenant, _usable(tenant, by_namespace)) for tenant in tenants),
    )


def _told_apart(documents: Iterable[Document]) -> tuple[dict[Key, Document], list[FieldError]]:
    """The documents by identity, and one error for each that stands there again and says something else."""
    by_key: dict[Key, Document] = {}
    errors = []
    for document in documents:
        other = by_key.setdefault(document.key, document)
        if other is not document and stored(other) != stored(document):
            errors.append(FieldError(f"{_place(document)}.metadata.name", f"{document.key} stands twice"))
    return by_key, errors


def _place(document: Document) -> str:
    return f"{document.kind}/{document.metadata.qualified_name}"


def _broken_references(routes: list[Route], models: dict[str, Model]) -> Iterable[FieldError]:
    for route in routes:
        for field, name, tier in _references(route):
            model = models.get(qualified(route.metadata.namespace, name))
            if model is None:
                yield FieldError(
                    f"{_place(route)}.spec.{field}", _no_such_model(name, route.metadata.namespace, models)
                )
            elif tier and model.spec.tier != tier:
                problem = f"Model {name!r} is of tier {model.spec.tier.value!r}"
                yield FieldError(f"{_place(route)}.spec.{field}", problem)
    for model in models.values():
        passages = model.spec.generation and model.spec.generation.passages
        if passages:
            where = f"{_place(model)}.spec.generation.passages.model"
            finds = models.get(qualified(model.metadata.namespace, passages.model))
            if finds is None:
                yield FieldError(where, _no_such_model(passages.model, model.metadata.namespace, models))
            elif finds.spec.engine is not Engine.FAQ:
                yield FieldError(where, f"Model {passages.model!r} is not of engine 'faq'")


def _references(route: Route) -> Iterator[tuple[str, str, str | None]]:
    """Each Model that a Route names: the field, the name, and the tier that it must have where the field says one."""
    for tier in ("light", "heavy"):
        for index, name in enumerate(getattr(route.spec.tiers, tier)):
            yield f"tiers.{tier}[{index}]", name, tier
    resilience = route.spec.resilience
    for index, name in enumerate(resilience.fallbacks):
        yield f"resilience.fallbacks[{index}]", name, None
    if resilience.mirror:
        yield "resilience.mirror.model", resilience.mirror.model, None


def _no_such_model(name: str, namespace: str, models: dict[str, Model]) -> str:
    names = [model.metadata.name for model in models.values() if model.metadata.namespace == namespace]
    return f"there is no Model {name!r}{_within(namespace)}; {_advice(name, names)}"


def _within(namespace: str) -> str:
    """Where a document looked for another; nothing where there is but one place."""
    return "" if namespace == DEFAULT_NAMESPACE else f" in namespace {namespace!r}"


def _advice(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"


def _clashes(routes: list[Route]) -> Iterable[FieldError]:
    taken: dict[str, str] = {}
    for route in routes:
        name = route.metadata.qualified_name
        model = route.spec.model or name
        if model in taken:
            where = f"Route/{name}.spec.model"
            yield FieldError(where, f"{model!r} is already answered by Route {taken[model]!r}, and Route {name!r} asks")
        taken.setdefault(model, name)


def _wrong_tenants(tenants: list[Tenant], routes: list[Route]) -> Iterable[FieldError]:
    known = {route.key: route.metadata for route in routes}
    taken: dict[str, str] = {}
    for tenant in tenants:
        name, namespace = tenant.metadata.qualified_name, tenant.metadata.namespace
        for index, route in enumerate(tenant.spec.routes or ()):
            if Key("Route", route, namespace) not in known:
                advice = _advice(route, [one.name for one in known.values() if one.namespace == namespace])
                problem = f"there is no Route {route!r}{_within(namespace)}; {advice}"
                yield FieldError(f"Tenant/{name}.spec.routes[{index}]", problem)
        for index, key in enumerate(tenant.spec.keys):
            where = f"Tenant/{name}.spec.keys[{index}].sha256"
            if owner := taken.get(key.sha256):
                yield FieldError(where, f"this key belongs to Tenant {owner!r} already")
            taken[key.sha256] = name


def _by_namespace(routes: list[Route]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for route in routes:
        found.setdefault(route.metadata.namespace, []).append(route.metadata.qualified_name)
    return {namespace: tuple(names) for namespace, names in found.items()}


def _usable(tenant: Tenant, everywhere: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The Routes that a Tenant may use, by qualified name: those it names, else all of its namespace. None where these
    are all that there are."""
    namespace = tenant.metadata.namespace
    if tenant.spec.routes is not None:
        return tuple(qualified(namespace, name) for name in tenant.spec.routes)
    return None if set(everywhere) <= {namespace} else everywhere.get(namespace, ())


def _tenant(tenant: Tenant, routes: tuple[str, ...] | None) -> CompiledTenant:
    spec = tenant.spec
    return CompiledTenant(
        name=tenant.metadata.qualified_name,
        keys=spec.keys,
        routes=routes,
        priority=spec.priority,
        weight=spec.weight,
        quotas=spec.quotas,
    )


def _price(spec: ModelSpec) -> CompiledPrice:
    price = spec.price or Price()
    bounds = {"outputTokens": price.output_tokens, "contextTokens": price.context_tokens}
    if spec.engine in (Engine.VLLM, Engine.TRANSFORMERS):
        generation = spec.generation or Generation()
        adds = generation.system_prompt or generation.passages
        context = generation.context_tokens
        bounds = {"outputTokens": generation.output_tokens, "contextTokens": context}
        bounds["addedTokens"] = context if adds else 0
    return CompiledPrice.model_validate(
        {
            "inputPicodollarsPerToken": round(price.input_usd_per_million_tokens * 1_000_000),
            "outputPicodollarsPerToken": round(price.output_usd_per_million_tokens * 1_000_000),
            **bounds,
        }
    )


def _served(model: Model, serve_url: str) -> _Served:
    backend = _backend(model, serve_url)
    # Everything but its price decides its answers.
    unpriced = backend.model_copy(update={"price": CompiledPrice()})
    return _Served(model, backend, digest(unpriced) + digest(model.spec.model_copy(update={"price": None})))


def _backend(model: Model, serve_url: str) -> Backend:
    spec, name = model.spec, model.metadata.qualified_name
    return Backend(
        name=name,
        version=spec.version,
        tier=spec.tier,
        protocol=spec.spoken,
        urls=spec.addresses or (f"{serve_url.rstrip('/')}/{path_segment(name)}/v1",),
        # What runs elsewhere knows nothing of namespaces.
        servedName=spec.served_name or (model.metadata.name if spec.elsewhere else name),
        operations=spec.operations,
        modalities=frozenset(spec.modalities),
        apiKeyFromEnv=spec.api_key_from_env,
        price=_price(spec),
    )


def _hashes(route: Route, served: dict[str, _Served]) -> Iterator[str]:
    """What decides the answers of the Models that may answer, and of those that find passages for them."""
    spec, namespace = route.spec, route.metadata.namespace
    names = dict.fromkeys(spec.tiers.light + spec.tiers.heavy + spec.resilience.fallbacks)
    answering = [served[qualified(namespace, name)] for name in names]
    yield from (one.says for one in answering)
    for one in answering:
        if (generation := one.model.spec.generation) and generation.passages:
            yield served[qualified(namespace, generation.passages.model)].says


def _route(route: Route, *says: str) -> CompiledRoute:
    spec, namespace = route.spec, route.metadata.namespace
    exact = spec.cache.exact
    resilience = _qualified(spec.resilience, namespace)
    compiled = CompiledRoute(
        name=route.metadata.qualified_name,
        model=spec.model or route.metadata.qualified_name,
        revision="",
        light=tuple(qualified(namespace, name) for name in spec.tiers.light),
        heavy=tuple(qualified(namespace, name) for name in spec.tiers.heavy),
        threshold=spec.complexity.threshold,
        cacheTtlSeconds=exact.ttl_seconds if exact.enabled else None,
        deadlineSeconds=spec.resilience.deadline_seconds,
        resilience=resilience,
    )
    # Of how a Route holds out, only who else may answer changes its answers. JSON in the order of the fields, not the
    # canonical one, which takes ten times as long.
    decides = compiled.model_dump_json(exclude={"resilience"}), *resilience.fallbacks
    revision = hashlib.sha256("\n".join([*decides, *says]).encode()).hexdigest()[:12]
    return compiled.model_copy(update={"revision": revision})


def _qualified(resilience: Resilience, namespace: str) -> Resilience:
    """The same with the names of Models as routers know them."""
    if namespace == DEFAULT_NAMESPACE:
        return resilience
    mirror = resilience.mirror
    named = mirror and mirror.model_copy(update={"model": qualified(namespace, mirror.model)})
    fallbacks = tuple(qualified(namespace, name) for name in resilience.fallbacks)
    return resilience.model_copy(update={"fallbacks": fallbacks, "mirror": named})

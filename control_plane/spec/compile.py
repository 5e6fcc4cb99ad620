"""compile: documents -> content. Pure and deterministic: the order of the documents does not matter."""

import hashlib
from collections.abc import Iterable, Iterator

from control_plane.spec.base import nearest
from control_plane.spec.documents import Document, Model, Route, Tenant
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.models import Engine, Generation, ModelSpec, Price
from control_plane.spec.prompts import INPUT, NO_PINS, CompiledPrompt, Pins, variables
from control_plane.spec.resilience import Resilience
from control_plane.spec.served import base_of, pinned, references, unresolved, weights, with_adapters
from control_plane.spec.snapshots import (
    Backend,
    CompiledPrice,
    CompiledRoute,
    CompiledTenant,
    Content,
    canonical,
    digest,
)
from control_plane.spec.versions import PinnedWeights

SERVE_URL = "http://127.0.0.1:8000"
"""Where Ray Serve listens on one machine; each Model is served under its name."""


def compile(documents: Iterable[Document], serve_url: str = SERVE_URL, pins: Pins = NO_PINS) -> Content:
    """Compile all documents at once; `pins` are what their references to prompts and model versions were resolved to.

    Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each broken reference or clash.
    """
    ordered = sorted(documents, key=lambda document: (document.kind, document.metadata.name))
    written = {document.metadata.name: document for document in ordered if isinstance(document, Model)}
    # What is not resolved is an error below: it stays as it is until then.
    resolved = {
        name: pinned(one, pins.models) for name, one in written.items() if pins.models.keys() >= {*references(one)}
    }
    models = with_adapters(written | resolved)
    routes = [document for document in ordered if isinstance(document, Route)]
    tenants = [document for document in ordered if isinstance(document, Tenant)]
    errors = [*_broken_references(routes, models), *_clashes(routes), *_wrong_tenants(tenants, routes)]
    errors += [*_wrong_prompts(routes, pins), *unresolved(written.values(), pins.models)]
    if errors:
        raise TiermeshError(
            Code.INVALID_DOCUMENT,
            f"The documents do not fit together: {errors[0].field}: {errors[0].message}",
            "Correct the references named in errors; nothing was changed.",
            errors=tuple(errors),
        )
    named = with_adapters(written)
    backends = {name: _backend(model, serve_url, weights(named[name], pins.models)) for name, model in models.items()}
    return Content(
        routes=tuple(_route(route, backends, models, pins) for route in routes),
        backends=tuple(backends.values()),
        tenants=tuple(_tenant(tenant) for tenant in tenants),
    )


def _broken_references(routes: list[Route], models: dict[str, Model]) -> Iterable[FieldError]:
    for route in routes:
        for field, name, tier in _references(route):
            where = f"Route/{route.metadata.name}.spec.{field}"
            if name not in models:
                yield FieldError(where, _no_such_model(name, models))
            elif tier and models[name].spec.tier != tier:
                yield FieldError(where, f"Model {name!r} is of tier {models[name].spec.tier.value!r}")
    for model in models.values():
        passages = model.spec.generation and model.spec.generation.passages
        if passages:
            where = f"Model/{model.metadata.name}.spec.generation.passages.model"
            if passages.model not in models:
                yield FieldError(where, _no_such_model(passages.model, models))
            elif models[passages.model].spec.engine is not Engine.FAQ:
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


def _wrong_tenants(tenants: list[Tenant], routes: list[Route]) -> Iterable[FieldError]:
    known = [route.metadata.name for route in routes]
    taken: dict[str, str] = {}
    for tenant in tenants:
        name = tenant.metadata.name
        for index, route in enumerate(tenant.spec.routes or ()):
            if route not in known:
                near = nearest(route, known)
                advice = f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
                yield FieldError(f"Tenant/{name}.spec.routes[{index}]", f"there is no Route {route!r}; {advice}")
        for index, key in enumerate(tenant.spec.keys):
            where = f"Tenant/{name}.spec.keys[{index}].sha256"
            if owner := taken.get(key.sha256):
                yield FieldError(where, f"this key belongs to Tenant {owner!r} already")
            taken[key.sha256] = name


def _wrong_prompts(routes: list[Route], pins: Pins) -> Iterable[FieldError]:
    for route in routes:
        if (prompt := route.spec.prompt) is None:
            continue
        where, pinned = f"Route/{route.metadata.name}.spec.prompt", pins.prompts.get(prompt.reference)
        if pinned is None:
            yield FieldError(
                where, f"{prompt.reference!r} leads nowhere: add its Prompt document, or follow a control plane"
            )
            continue
        known = [name for name in variables(pinned) if name != INPUT]
        for name in prompt.variables:
            if name not in known:
                near = nearest(name, known)
                advice = f"did you mean {near!r}?" if near else f"it has: {', '.join(known) or 'none'}"
                message = f"version {pinned.version} of {pinned.name!r} has no variable {name!r}; {advice}"
                yield FieldError(f"{where}.variables.{name}", message)


def _prompt(route: Route, pins: Pins) -> CompiledPrompt | None:
    said = route.spec.prompt
    if said is None:
        return None
    pinned = pins.prompts[said.reference]
    return CompiledPrompt(
        name=pinned.name,
        version=pinned.version,
        template=pinned.template,
        chat=pinned.chat,
        responseFormat=pinned.response_format,
        alias=said.alias,
        variables=said.variables,
        sha256=hashlib.sha256(canonical(pinned.said())).hexdigest(),
    )


def _tenant(tenant: Tenant) -> CompiledTenant:
    spec = tenant.spec
    return CompiledTenant(
        name=tenant.metadata.name,
        keys=spec.keys,
        routes=spec.routes,
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


def _backend(model: Model, serve_url: str, weights: PinnedWeights | None) -> Backend:
    spec, name = model.spec, model.metadata.name
    return Backend(
        name=name,
        version=spec.version,
        tier=spec.tier,
        protocol=spec.spoken,
        urls=spec.addresses or (f"{serve_url.rstrip('/')}/{base_of(name)}/v1",),
        servedName=spec.served_name or name,
        operations=spec.operations,
        modalities=frozenset(spec.modalities),
        apiKeyFromEnv=spec.api_key_from_env,
        price=_price(spec),
        weights=weights,
    )


def _route(route: Route, backends: dict[str, Backend], models: dict[str, Model], pins: Pins) -> CompiledRoute:
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
        # Of how a Route holds out, only who else may answer changes its answers, and so its revision.
        resilience=Resilience(fallbacks=spec.resilience.fallbacks),
    )
    answering = tuple(dict.fromkeys(spec.tiers.light + spec.tiers.heavy + spec.resilience.fallbacks))
    prompted_by = (models[name].spec.generation for name in answering)
    found_by = tuple(generation.passages.model for generation in prompted_by if generation and generation.passages)
    prompt = _prompt(route, pins)
    own = hashlib.sha256(canonical(compiled.model_dump(mode="json", exclude={"prompt"}))).hexdigest()
    parts = [own, *(_says(backends[name], models[name].spec) for name in answering + found_by)]
    if prompt is not None:  # its alias is not told to anybody: only where it leads is
        parts.append(digest(prompt.model_copy(update={"alias": None})))
    revision = hashlib.sha256("".join(parts).encode()).hexdigest()[:12]
    return compiled.model_copy(update={"revision": revision, "resilience": spec.resilience, "prompt": prompt})


def _says(backend: Backend, spec: ModelSpec) -> str:
    """A hash of what decides a Model's answers: everything but its price."""
    unpriced = backend.model_copy(update={"price": CompiledPrice()})
    return digest(unpriced) + digest(spec.model_copy(update={"price": None}))

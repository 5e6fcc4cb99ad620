"""compile: documents -> content. Pure and deterministic: neither order nor repetition of the documents matters."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from control_plane.spec.arming import armed, by_route, compiled_prompt, prompt_hash
from control_plane.spec.documents import Document, Experiment, Model, Prompt, Rollout, Route, ScalingPolicy, Tenant
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.fitting import (
    broken_references,
    clashes,
    misplaced_prompts,
    told_apart,
    unreachable,
    wrong_policies,
    wrong_prompts,
    wrong_routers,
    wrong_tenants,
)
from control_plane.spec.fitting_arms import wrong_trials
from control_plane.spec.learned import LearnedRouter
from control_plane.spec.memory import Memory
from control_plane.spec.models import Engine, Generation, ModelSpec, Price
from control_plane.spec.names import DEFAULT_NAMESPACE, path_segment, qualified
from control_plane.spec.prompts import NO_PINS, PinnedPrompt, Pins
from control_plane.spec.resilience import Resilience
from control_plane.spec.routes import promise_of
from control_plane.spec.served import Variant, base_of, references, unresolved, variants
from control_plane.spec.snapshots import (
    Backend,
    CompiledPrice,
    CompiledRoute,
    CompiledRouter,
    CompiledTenant,
    Content,
    digest,
)
from control_plane.spec.versions import PinnedModel

SERVE_URL = "http://127.0.0.1:8000"
"""Where Ray Serve listens on one machine; each Model is served under its name."""


class _Served(NamedTuple):
    """A Model as routers see it."""

    model: Model
    backend: Backend
    says: str
    """A hash of what decides its answers."""


def compile(
    documents: Iterable[Document],
    serve_url: str = SERVE_URL,
    pins: Pins = NO_PINS,
    memory: Memory | None = None,
) -> Content:
    """Compile all documents at once; `pins` are what their references to prompts and model versions were resolved to.
    A `memory` of the last time spares what did not change; the content is the same.

    Documents name those of their own namespace. In the content, names of the default namespace stay as they are and
    others are NAMESPACE/NAME.
    Raises TiermeshError(INVALID_DOCUMENT) with one FieldError for each broken reference or clash.
    """
    recall = memory or Memory()
    by_key, errors = told_apart(documents)
    ordered = [by_key[key] for key in sorted(by_key, key=lambda key: (key.kind, qualified(key.namespace, key.name)))]
    written = [document for document in ordered if isinstance(document, Model)]
    routes = [document for document in ordered if isinstance(document, Route)]
    tenants = [document for document in ordered if isinstance(document, Tenant)]
    trials = [document for document in ordered if isinstance(document, Experiment | Rollout)]
    named = {name: one for model in written for name, one in recall(variants, model, *_pinned(model, pins)).items()}
    models = {name: one.model for name, one in named.items()}
    errors += broken_references(routes, models)
    errors += [*clashes(routes), *wrong_tenants(tenants, routes), *wrong_prompts((*routes, *trials), pins)]
    errors += wrong_routers(routes, pins)
    if trials:
        errors += wrong_trials(trials, by_key, models, pins)
    errors += unresolved(written, pins.models)
    errors += unreachable(written)
    errors += wrong_policies((document for document in ordered if isinstance(document, ScalingPolicy)), models)
    errors += misplaced_prompts(document for document in ordered if isinstance(document, Prompt))
    if errors:
        raise TiermeshError(
            Code.INVALID_DOCUMENT,
            f"The documents do not fit together: {errors[0].field}: {errors[0].message}",
            "Correct the references named in errors; nothing was changed.",
            errors=tuple(errors),
        )
    by_namespace = _by_namespace(routes)
    served = {name: recall(_served, one, serve_url) for name, one in named.items()}
    compiled = [
        recall(
            _route, route, _said(route, pins), recall(_router, route, *_learned(route, pins)), *_hashes(route, served)
        )
        for route in routes
    ]
    if under_way := by_route(trials, pins):
        says = partial(_says, served)
        for index, route in enumerate(routes):
            if found := under_way.get(route.metadata.qualified_name):
                compiled[index] = armed(compiled[index], route, found, pins, says, recall)
    return Content(
        routes=tuple(compiled),
        backends=tuple(one.backend for one in served.values()),
        tenants=tuple(recall(_tenant, tenant, _usable(tenant, by_namespace)) for tenant in tenants),
    )


def _pinned(model: Model, pins: Pins) -> tuple[PinnedModel | None, ...]:
    """What each of its references stands for, in their order; None for one that is not resolved."""
    return tuple(pins.models.get(name) for name in references(model))


def _said(route: Route, pins: Pins) -> PinnedPrompt | None:
    return pins.prompts[route.spec.prompt.reference] if route.spec.prompt else None


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


def _served(variant: Variant, serve_url: str) -> _Served:
    model = variant.model
    backend = _backend(variant, serve_url)
    # Everything decides its answers but its price, how a cluster runs it, and by which alias its weights were found.
    unpriced = backend.model_copy(update={"price": CompiledPrice(), "weights": None})
    says = model.spec.model_copy(update={"price": None, "kubernetes": None})
    return _Served(model, backend, digest(unpriced) + digest(says))


def _backend(variant: Variant, serve_url: str) -> Backend:
    model = variant.model
    spec, name = model.spec, model.metadata.qualified_name
    return Backend(
        name=name,
        version=spec.version,
        tier=spec.tier,
        protocol=spec.spoken,
        urls=spec.addresses or (served_at(serve_url, name),),
        servedName=model.served_name,
        operations=spec.operations,
        modalities=frozenset(spec.modalities),
        apiKeyFromEnv=spec.api_key_from_env,
        price=_price(spec),
        weights=variant.weights,
    )


def served_at(serve_url: str, name: str) -> str:
    """Where Ray Serve answers for a Model or its adapter, by qualified name."""
    return f"{serve_url.rstrip('/')}/{path_segment(base_of(name))}/v1"


def _hashes(route: Route, served: Mapping[str, _Served]) -> Iterator[str]:
    """What decides the answers of the Models that may answer."""
    tiers = route.spec.tiers
    return _says(served, route.metadata.namespace, tiers.light + tiers.heavy + route.spec.resilience.fallbacks)


def _says(served: Mapping[str, _Served], namespace: str, names: Iterable[str]) -> Iterator[str]:
    """What decides the answers of these Models, and of those that find passages for them."""
    answering = [served[qualified(namespace, name)] for name in dict.fromkeys(names)]
    yield from (one.says for one in answering)
    for one in answering:
        if (generation := one.model.spec.generation) and generation.passages:
            yield served[qualified(namespace, generation.passages.model)].says


def _learned(route: Route, pins: Pins) -> tuple[LearnedRouter | None, bool]:
    """What its artifact says, and whether its promise is broken."""
    complexity = route.spec.complexity
    promise = promise_of(route.metadata.qualified_name, complexity)
    return pins.routers.get(complexity.router or ""), promise in pins.broken


def _router(route: Route, learned: LearnedRouter | None, broken: bool) -> CompiledRouter | None:
    """The learned router that a Route names, with the threshold that its contract chooses."""
    complexity = route.spec.complexity
    if complexity.router is None:
        return None
    threshold, contract = complexity.threshold, complexity.contract
    if learned is not None and contract is not None:
        kept = learned.keeps(contract.max_quality_loss, contract.confidence)
        threshold = None if kept is None else kept.threshold
    return CompiledRouter(
        artifact=complexity.router,
        threshold=threshold,
        contract=contract,
        promise=promise_of(route.metadata.qualified_name, complexity),
        broken=broken,
    )


def _route(route: Route, said: PinnedPrompt | None, router: CompiledRouter | None, *says: str) -> CompiledRoute:
    spec, namespace = route.spec, route.metadata.namespace
    exact = spec.cache.exact
    resilience = _qualified(spec.resilience, namespace)
    compiled = CompiledRoute(
        name=route.metadata.qualified_name,
        model=spec.model or route.metadata.qualified_name,
        revision="",
        light=tuple(qualified(namespace, name) for name in spec.tiers.light),
        heavy=tuple(qualified(namespace, name) for name in spec.tiers.heavy),
        threshold=spec.complexity.score_threshold,
        router=router,
        cacheTtlSeconds=exact.ttl_seconds if exact.enabled else None,
        semantic=spec.cache.semantic,
        deadlineSeconds=spec.resilience.deadline_seconds,
        resilience=resilience,
        sampling=spec.sampling,
    )
    prompt = compiled_prompt(spec.prompt, said) if spec.prompt and said else None
    # Of how a Route holds out, only who else may answer changes its answers. JSON in the order of the fields, not the
    # canonical one, which takes ten times as long.
    decides = [
        compiled.model_dump_json(exclude={"resilience", "prompt", "sampling", "trials"}),
        *resilience.fallbacks,
        *says,
    ]
    if prompt is not None:
        decides.append(prompt_hash(prompt))
    if spec.sampling is not None:
        decides.append(spec.sampling.model_dump_json())
    revision = hashlib.sha256("\n".join(decides).encode()).hexdigest()[:12]
    return compiled.model_copy(update={"revision": revision, "prompt": prompt})


def _qualified(resilience: Resilience, namespace: str) -> Resilience:
    """The same with the names of Models as routers know them."""
    if namespace == DEFAULT_NAMESPACE:
        return resilience
    mirror = resilience.mirror
    named = mirror and mirror.model_copy(update={"model": qualified(namespace, mirror.model)})
    fallbacks = tuple(qualified(namespace, name) for name in resilience.fallbacks)
    return resilience.model_copy(update={"fallbacks": fallbacks, "mirror": named})

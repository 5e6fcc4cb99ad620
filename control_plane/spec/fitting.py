"""Fitting: whether documents fit together. Pure; one FieldError for each reference or claim that does not hold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from control_plane.spec.base import nearest
from control_plane.spec.documents import Document, Model, Prompt, Route, ScalingPolicy, Tenant, stored
from control_plane.spec.errors import FieldError
from control_plane.spec.learned import SUFFIX
from control_plane.spec.models import Engine, Operation
from control_plane.spec.names import DEFAULT_NAMESPACE, Key, qualified
from control_plane.spec.prompts import INPUT, Pins, RoutePrompt, variables
from control_plane.spec.references import prompts
from control_plane.spec.routes import Cache, Tiers

ModelReference = tuple[str, str, str | None]
"""A Model that a document names: the field, the name, and the tier that it must have where the field says one."""


def told_apart(documents: Iterable[Document]) -> tuple[dict[Key, Document], list[FieldError]]:
    """The documents by identity, and one error for each that stands there again and says something else."""
    by_key: dict[Key, Document] = {}
    errors = []
    for document in documents:
        other = by_key.setdefault(document.key, document)
        if other is not document and stored(other) != stored(document):
            errors.append(FieldError(f"{place(document)}.metadata.name", f"{document.key} stands twice"))
    return by_key, errors


def broken_references(routes: Iterable[Route], models: Mapping[str, Model]) -> Iterator[FieldError]:
    """Models that are named and not there, or not what they are named as. `models` are by qualified name, adapters
    among them."""
    for route in routes:
        yield from wrong_models(route, _references(route), models)
        yield from wordless(route, of_cache("cache", route.spec.cache), models)
    for model in models.values():
        passages = model.spec.generation and model.spec.generation.passages
        if passages:
            where = f"{place(model)}.spec.generation.passages.model"
            finds = models.get(qualified(model.metadata.namespace, passages.model))
            if finds is None:
                yield FieldError(where, _no_such_model(passages.model, model.metadata.namespace, models))
            elif finds.spec.engine is not Engine.FAQ:
                yield FieldError(where, f"Model {passages.model!r} is not of engine 'faq'")


def wrong_models(
    document: Document, references: Iterable[ModelReference], models: Mapping[str, Model]
) -> Iterator[FieldError]:
    """The same of one document."""
    namespace = document.metadata.namespace
    for field, name, tier in references:
        model = models.get(qualified(namespace, name))
        if model is None:
            yield FieldError(f"{place(document)}.spec.{field}", _no_such_model(name, namespace, models))
        elif tier and model.spec.tier != tier:
            problem = f"Model {name!r} is of tier {model.spec.tier.value!r}"
            yield FieldError(f"{place(document)}.spec.{field}", problem)


def wordless(
    document: Document, references: Iterable[ModelReference], models: Mapping[str, Model]
) -> Iterator[FieldError]:
    """Models that are named as judges and cannot be."""
    for field, name, _ in references:
        model = models.get(qualified(document.metadata.namespace, name))
        if model and (model.spec.engine is Engine.FAQ or Operation.CHAT not in model.spec.operations):
            problem = f"Model {name!r} writes no text of its own, and a judge must: name one that generates answers"
            yield FieldError(f"{place(document)}.spec.{field}", problem)


def clashes(routes: Iterable[Route]) -> Iterator[FieldError]:
    """Routes that would answer the same name."""
    taken: dict[str, str] = {}
    for route in routes:
        name = route.metadata.qualified_name
        model = route.spec.model or name
        if model in taken:
            where = f"Route/{name}.spec.model"
            yield FieldError(where, f"{model!r} is already answered by Route {taken[model]!r}, and Route {name!r} asks")
        taken.setdefault(model, name)


def wrong_tenants(tenants: Iterable[Tenant], routes: Iterable[Route]) -> Iterator[FieldError]:
    """Routes that a Tenant names and that are not there, and keys of two Tenants."""
    known = {route.key: route.metadata for route in routes}
    taken: dict[str, str] = {}
    for tenant in tenants:
        name, namespace = tenant.metadata.qualified_name, tenant.metadata.namespace
        for index, route in enumerate(tenant.spec.routes or ()):
            if Key("Route", route, namespace) not in known:
                names = [one.name for one in known.values() if one.namespace == namespace]
                problem = f"there is no Route {route!r}{within(namespace)}; {advice(route, names)}"
                yield FieldError(f"Tenant/{name}.spec.routes[{index}]", problem)
        for index, key in enumerate(tenant.spec.keys):
            where = f"Tenant/{name}.spec.keys[{index}].sha256"
            if owner := taken.get(key.sha256):
                yield FieldError(where, f"this key belongs to Tenant {owner!r} already")
            taken[key.sha256] = name


def wrong_prompts(documents: Iterable[Document], pins: Pins) -> Iterator[FieldError]:
    """Prompts that lead nowhere, and values for variables that they do not have."""
    for document in documents:
        for field, prompt in prompts(document):
            yield from wrong_prompt(f"{place(document)}.spec.{field}", prompt, pins)


def wrong_routers(routes: Iterable[Route], pins: Pins) -> Iterator[FieldError]:
    """Artifacts that are not there, or were not shown to keep what a Route promises."""
    for route in routes:
        name, contract = route.spec.complexity.router, route.spec.complexity.contract
        if name is None:
            continue
        where, file = f"{place(route)}.spec.complexity", f"{name}{SUFFIX}"
        if (known := pins.routers.get(name)) is None:
            cure = f"put {file} beside the documents, or say 'tiermesh router push {file}'"
            yield FieldError(f"{where}.router", f"there is no artifact {name!r} here; {cure}")
        elif contract and known.keeps(contract.max_quality_loss, contract.confidence) is None:
            kept = ", ".join(f"{one.max_quality_loss:g} at {one.confidence:g}" for one in known.contracts) or "none"
            options = f"--max-quality-loss {contract.max_quality_loss:g} --confidence {contract.confidence:g}"
            message = f"{file} was not trained for it but for {kept}; train it with {options}"
            yield FieldError(f"{where}.contract", message)


def wrong_prompt(where: str, prompt: RoutePrompt, pins: Pins) -> Iterator[FieldError]:
    """The same of one."""
    pinned = pins.prompts.get(prompt.reference)
    if pinned is None:
        yield FieldError(
            where, f"{prompt.reference!r} leads nowhere: add its Prompt document, or follow a control plane"
        )
        return
    known = [name for name in variables(pinned) if name != INPUT]
    for name in prompt.variables:
        if name not in known:
            near = nearest(name, known)
            cure = f"did you mean {near!r}?" if near else f"it has: {', '.join(known) or 'none'}"
            message = f"version {pinned.version} of {pinned.name!r} has no variable {name!r}; {cure}"
            yield FieldError(f"{where}.variables.{name}", message)


def misplaced_prompts(written: Iterable[Prompt]) -> Iterator[FieldError]:
    """Prompt documents outside the default namespace: the registry that they go to knows no namespaces."""
    for prompt in written:
        if prompt.metadata.namespace != DEFAULT_NAMESPACE:
            problem = f"prompts are shared by all namespaces: write it in {DEFAULT_NAMESPACE!r}"
            yield FieldError(f"{place(prompt)}.metadata.namespace", problem)


def unreachable(models: Iterable[Model]) -> Iterator[FieldError]:
    """Models without a URL whose engine nothing here runs."""
    for model in models:
        if model.spec.elsewhere and not model.spec.addressed:
            engine = model.spec.engine.value
            cure = "give url, or apply it to a cluster whose operator does"
            yield FieldError(f"{place(model)}.spec.url", f"nothing here runs engine {engine!r}: {cure}")


def wrong_policies(policies: Iterable[ScalingPolicy], models: Mapping[str, Model]) -> Iterator[FieldError]:
    """Models that policies name and that are not there, that nobody here scales, or that have a policy already."""
    taken: dict[str, str] = {}
    for policy in policies:
        where, name = f"{place(policy)}.spec.model", policy.spec.model
        model = qualified(policy.metadata.namespace, name)
        if model not in models:
            yield FieldError(where, _no_such_model(name, policy.metadata.namespace, models))
        elif models[model].spec.engine is Engine.OPENAI:
            yield FieldError(where, f"Model {name!r} is of engine 'openai': whoever runs it scales it")
        if owner := taken.get(model):
            yield FieldError(where, f"Model {name!r} has ScalingPolicy {owner!r} already: keep one")
        taken.setdefault(model, policy.metadata.qualified_name)


def place(document: Document) -> str:
    """Where a document's errors are."""
    return f"{document.kind}/{document.metadata.qualified_name}"


def of_tiers(field: str, tiers: Tiers) -> Iterator[ModelReference]:
    """Each Model of these tiers."""
    for tier in ("light", "heavy"):
        for index, name in enumerate(getattr(tiers, tier)):
            yield f"{field}.{tier}[{index}]", name, tier


def of_cache(field: str, cache: Cache) -> Iterator[ModelReference]:
    """The Model that compares answers."""
    if cache.semantic and cache.semantic.judge:
        yield f"{field}.semantic.judge", cache.semantic.judge, None


def _references(route: Route) -> Iterator[ModelReference]:
    """Each Model that a Route names."""
    yield from of_tiers("tiers", route.spec.tiers)
    resilience = route.spec.resilience
    for index, name in enumerate(resilience.fallbacks):
        yield f"resilience.fallbacks[{index}]", name, None
    if resilience.mirror:
        yield "resilience.mirror.model", resilience.mirror.model, None
    yield from of_cache("cache", route.spec.cache)


def _no_such_model(name: str, namespace: str, models: Mapping[str, Model]) -> str:
    names = [model.metadata.name for model in models.values() if model.metadata.namespace == namespace]
    return f"there is no Model {name!r}{within(namespace)}; {advice(name, names)}"


def within(namespace: str) -> str:
    """Where a document looked for another; nothing where there is but one place."""
    return "" if namespace == DEFAULT_NAMESPACE else f" in namespace {namespace!r}"


def advice(name: str, known: Sequence[str]) -> str:
    """What a name that is not there may have meant."""
    near = nearest(name, list(known))
    return f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"

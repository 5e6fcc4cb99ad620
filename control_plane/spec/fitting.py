"""Fitting: whether documents fit together. Pure; one FieldError for each reference or claim that does not hold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from control_plane.spec.base import nearest
from control_plane.spec.documents import Document, Model, Prompt, Route, Tenant, stored
from control_plane.spec.errors import FieldError
from control_plane.spec.models import Engine
from control_plane.spec.names import DEFAULT_NAMESPACE, Key, qualified
from control_plane.spec.prompts import INPUT, Pins, variables


def told_apart(documents: Iterable[Document]) -> tuple[dict[Key, Document], list[FieldError]]:
    """The documents by identity, and one error for each that stands there again and says something else."""
    by_key: dict[Key, Document] = {}
    errors = []
    for document in documents:
        other = by_key.setdefault(document.key, document)
        if other is not document and stored(other) != stored(document):
            errors.append(FieldError(f"{_place(document)}.metadata.name", f"{document.key} stands twice"))
    return by_key, errors


def broken_references(routes: Iterable[Route], models: Mapping[str, Model]) -> Iterator[FieldError]:
    """Models that are named and not there, or not what they are named as. `models` are by qualified name, adapters
    among them."""
    for route in routes:
        for field, name, tier in _references(route):
            model = models.get(qualified(route.metadata.namespace, name))
            if model is None:
                problem = _no_such_model(name, route.metadata.namespace, models)
                yield FieldError(f"{_place(route)}.spec.{field}", problem)
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
                advice = _advice(route, [one.name for one in known.values() if one.namespace == namespace])
                problem = f"there is no Route {route!r}{_within(namespace)}; {advice}"
                yield FieldError(f"Tenant/{name}.spec.routes[{index}]", problem)
        for index, key in enumerate(tenant.spec.keys):
            where = f"Tenant/{name}.spec.keys[{index}].sha256"
            if owner := taken.get(key.sha256):
                yield FieldError(where, f"this key belongs to Tenant {owner!r} already")
            taken[key.sha256] = name


def wrong_prompts(routes: Iterable[Route], pins: Pins) -> Iterator[FieldError]:
    """Prompts that lead nowhere, and values for variables that they do not have."""
    for route in routes:
        if (prompt := route.spec.prompt) is None:
            continue
        where, pinned = f"{_place(route)}.spec.prompt", pins.prompts.get(prompt.reference)
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


def misplaced_prompts(prompts: Iterable[Prompt]) -> Iterator[FieldError]:
    """Prompt documents outside the default namespace: the registry that they go to knows no namespaces."""
    for prompt in prompts:
        if prompt.metadata.namespace != DEFAULT_NAMESPACE:
            problem = f"prompts are shared by all namespaces: write it in {DEFAULT_NAMESPACE!r}"
            yield FieldError(f"{_place(prompt)}.metadata.namespace", problem)


def _place(document: Document) -> str:
    return f"{document.kind}/{document.metadata.qualified_name}"


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


def _no_such_model(name: str, namespace: str, models: Mapping[str, Model]) -> str:
    names = [model.metadata.name for model in models.values() if model.metadata.namespace == namespace]
    return f"there is no Model {name!r}{_within(namespace)}; {_advice(name, names)}"


def _within(namespace: str) -> str:
    """Where a document looked for another; nothing where there is but one place."""
    return "" if namespace == DEFAULT_NAMESPACE else f" in namespace {namespace!r}"


def _advice(name: str, known: Sequence[str]) -> str:
    near = nearest(name, list(known))
    return f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"

"""Changes: what becomes of the documents while a Rollout holds moves of aliases back, to carry them out by steps. Pure.

A prompt's move is held where the Rollout's Route names the prompt, a model's at the Models that the Route's tiers name:
they keep the version that they had. What the candidate does otherwise is to name the other version; of a Model, one of
its own that serves it beside the first. That one is in no document: it comes and goes with the change.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from control_plane.spec import beside
from control_plane.spec.arms import Override
from control_plane.spec.beside import BESIDE
from control_plane.spec.courses import Following, Pinned
from control_plane.spec.documents import TRIED, Document, Metadata, Model, Rollout, Route
from control_plane.spec.names import Key
from control_plane.spec.prompts import PinnedPrompt, RoutePrompt, reference
from control_plane.spec.rollouts import Changed
from control_plane.spec.routes import Tiers
from control_plane.spec.served import SEPARATOR, aliases, base_of, references
from control_plane.spec.snapshots import Content
from control_plane.spec.uris import Reference
from control_plane.spec.versions import PinnedModel

_LONGEST_NAME = 63
_DIGITS = 8


class Held(NamedTuple):
    """Documents while changes are held back."""

    instead: Mapping[Key, Document]
    """Those that go on to say what they said."""
    beside: Mapping[Key, Model]
    """What serves the other versions."""
    candidate: Override
    """What the candidate does otherwise; says nothing where nothing is carried out."""


def route_of(rollout: Rollout) -> Key:
    """The Route that it is about."""
    return rollout.key._replace(kind="Route", name=rollout.spec.route)


def followed(rollout: Rollout, documents: Mapping[Key, Document]) -> Iterator[tuple[str, str]]:
    """The aliases whose moves it carries out, each with the qualified name of the Route that says it or the Model whose
    weights it says."""
    route = documents.get(route_of(rollout))
    if not isinstance(route, Route):
        return
    prompt = route.spec.prompt
    if Changed.PROMPT in rollout.spec.on_change and prompt is not None and prompt.alias is not None:
        yield prompt.reference, route.metadata.qualified_name
    if Changed.MODEL in rollout.spec.on_change:
        for name, model in named(route, documents).items():
            yield from aliases(model, name)


def moved(
    rollout: Rollout, documents: Mapping[Key, Document], before: Mapping[str, Pinned], after: Mapping[str, Pinned]
) -> tuple[Following, ...]:
    """What it is to carry out, where aliases led elsewhere `before`."""
    return tuple(
        Following(reference=name, stable=before[name], candidate=after[name])
        for name in dict(followed(rollout, documents))
        if name in before and before[name] != after[name]
    )


def held_in(
    content: Content, rollout: Rollout, documents: Mapping[Key, Document], pins: Mapping[str, Pinned]
) -> tuple[Following, ...]:
    """Where a snapshot's content says something else than its aliases lead to: it held that back, and has to again."""
    prompts = {one.name: one.prompt for one in content.routes}
    weights = {one.name: one.weights for one in content.backends}
    found = []
    for name, place in dict(followed(rollout, documents)).items():
        served: Pinned | None = None
        if isinstance(pins[name], PinnedPrompt):
            if (said := prompts.get(place)) is not None:
                served = PinnedPrompt.model_validate({**said.said(), "name": said.name, "version": said.version})
        elif (of := weights.get(place)) is not None:
            served = PinnedModel.model_validate(of.model_dump(exclude={"reference"}))
        if served is not None and served != pins[name]:
            found.append(Following(reference=name, stable=served, candidate=pins[name], back=True))
    return tuple(found)


def hold(
    rollout: Rollout, following: Collection[Following], documents: Mapping[Key, Document], carried_out: bool
) -> Held:
    """The documents while its changes are held back, and what its candidate does, where they are carried out."""
    route = documents.get(route_of(rollout))
    if not isinstance(route, Route):
        return Held({}, {}, Override())
    stable = {one.reference: one.stable for one in following}
    tried = {one.reference: one.candidate for one in following if carried_out and not one.back}
    instead: dict[Key, Document] = {}
    candidate = Override()
    if (prompt := route.spec.prompt) is not None and prompt.reference in stable:
        kept = route.spec.model_copy(update={"prompt": _at(prompt, stable[prompt.reference])})
        instead[route.key] = route.model_copy(update={"spec": kept})
        if prompt.reference in tried:
            candidate = Override(prompt=_at(prompt, tried[prompt.reference]))
    others: dict[str, Model] = {}
    for name, model in named(route, documents).items():
        if stable.keys() & references(model):
            instead[model.key] = _serving(model, stable)
        if tried.keys() & dict(aliases(model, name)).keys():
            others[model.metadata.name] = _beside(model, stable, tried)
    if others:
        names = {name: one.metadata.name for name, one in others.items()}
        candidate = candidate.model_copy(update={"tiers": _instead(route.spec.tiers, names)})
    return Held(instead, {one.key: one for one in others.values()}, candidate)


def named(route: Route, documents: Mapping[Key, Document]) -> dict[str, Model]:
    """The Models of a Route's tiers, by the names that stand there."""
    tiers, namespace = route.spec.tiers, route.metadata.namespace
    found = {name: documents.get(Key("Model", base_of(name), namespace)) for name in tiers.light + tiers.heavy}
    return {name: model for name, model in found.items() if isinstance(model, Model)}


def _beside(model: Model, stable: Mapping[str, Pinned], tried: Mapping[str, Pinned]) -> Model:
    """The Model that serves other versions, named after them."""
    versions = [str(tried[name].version) for name in references(model) if name in tried]
    name = f"{model.metadata.name}--v{'-'.join(versions)}"
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
        name = f"{name[: _LONGEST_NAME - _DIGITS - 1]}-{digest}"
    of, served = {TRIED: model.metadata.name}, _serving(model, {**stable, **tried})
    if beside.is_run(model):
        of[BESIDE] = model.metadata.annotations[BESIDE]
        there = beside.place(model, name)
        where = {"url": there and there.url, "urls": None}
        served = served.model_copy(update={"spec": served.spec.model_copy(update=where)})
    metadata = Metadata(name=name, namespace=model.metadata.namespace, annotations=of)
    return served.model_copy(update={"metadata": metadata})


def _serving(model: Model, versions: Mapping[str, Pinned]) -> Model:
    """The same Model with versions in place of the aliases that lead to them."""
    adapters = tuple(one.model_copy(update=_source(one.source, versions)) for one in model.spec.adapters)
    update = _source(model.spec.source, versions) | ({"adapters": adapters} if adapters else {})
    return model.model_copy(update={"spec": model.spec.model_copy(update=update)})


def _source(source: str | None, versions: Mapping[str, Pinned]) -> dict[str, str]:
    version = versions.get(source or "")
    return {"source": version_of(version)} if version is not None else {}


def version_of(pinned: Pinned) -> str:
    """As documents name one version for good: `support/3`, `models:/support/3`."""
    if isinstance(pinned, PinnedPrompt):
        return reference(pinned.name, None, pinned.version)
    return str(Reference(pinned.name, version=pinned.version))


def _instead(tiers: Tiers, names: Mapping[str, str]) -> Tiers:
    """Tiers with other Models in the places of some."""

    def other(name: str) -> str:
        base, separator, adapter = name.partition(SEPARATOR)
        return f"{names.get(base, base)}{separator}{adapter}"

    return Tiers(light=tuple(map(other, tiers.light)), heavy=tuple(map(other, tiers.heavy)))


def _at(prompt: RoutePrompt, version: Pinned) -> RoutePrompt:
    """The same prompt in one version."""
    return prompt.model_copy(update={"alias": None, "version": version.version})

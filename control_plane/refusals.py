"""Refusals: why a write that reads well does not happen. Pure; nothing was changed when one of these is raised."""

from collections.abc import Iterable, Mapping
from typing import Any

from control_plane.spec.base import nearest
from control_plane.spec.differences import of_values
from control_plane.spec.documents import Document, Experiment, Model, Rollout, Route, ScalingPolicy, Tenant, versioned
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Revision
from control_plane.spec.references import prompts
from control_plane.spec.routes import Cache
from control_plane.spec.served import base_of

_MOST_FIELDS = 50
_LONGEST_VALUE = 80


def no_such_snapshot(number: int) -> TiermeshError:
    """The error for a number that was never published."""
    return TiermeshError(
        Code.NOT_FOUND, f"There is no snapshot {number}.", "'tiermesh snapshot list' shows those there are."
    )


def no_such_document(key: Key, known: Iterable[Key]) -> TiermeshError:
    """The error for a name that stands for nothing; `known` are keys that stand for something."""
    names = sorted(other.name for other in known if (other.kind, other.namespace) == (key.kind, key.namespace))
    near = nearest(key.name, names)
    hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(names) or 'none'}."
    elsewhere = sorted(other.namespace for other in known if (other.kind, other.name) == (key.kind, key.name))
    if elsewhere and not near:
        hint = f"There is one in namespace {elsewhere[0]!r}: name it with -n or ?namespace=."
    return TiermeshError(Code.NOT_FOUND, f"There is no {key}.", hint)


def refuse_stale(key: Key, base: str | None, head: Revision | None, yours: dict[str, Any] | None) -> None:
    """Raises TiermeshError(CONFLICT) where a write was made from another version than the one in force.

    Its members are `current` and `yours`, documents with their versions or None, and its errors the fields that differ.
    """
    version = 0 if head is None or head.deleted else head.generation
    if base is None or base == str(version):
        return
    current = None if head is None or head.document is None else versioned(head.document, version)
    stated = None if yours is None else versioned(yours, int(base))
    now = f"it is at {version} now" if version else "there is none now"
    by = f", by {head.author}" if head is not None else ""
    raise TiermeshError(
        Code.CONFLICT,
        f"{key} was written from resourceVersion {base}, and {now}{by}.",
        "Read it again, make your change to what it says now, and write that; nothing was changed.",
        errors=_differing(current, stated),
        members={"current": current, "yours": stated},
    )


def _differing(current: dict[str, Any] | None, yours: dict[str, Any] | None) -> tuple[FieldError, ...]:
    if current is None or yours is None:
        return ()
    found = [one for one in of_values(current, yours) if one.path != "metadata.resourceVersion"]
    return tuple(
        FieldError(one.path, f"is {_short(one.before)} now, and yours says {_short(one.after)}")
        for one in found[:_MOST_FIELDS]
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def refuse_managed(key: Key, head: Revision | None, manager: str) -> None:
    """Raises TiermeshError(CONFLICT) where the document in force belongs to another than who writes."""
    owner = head and head.document and head.document["metadata"].get("managedBy")
    if owner and owner != manager:
        raise TiermeshError(
            Code.CONFLICT,
            f"{key} is managed by {owner!r}, and {manager!r} may not change it.",
            f"Change it there; or write as it (--manager {owner}) without metadata.managedBy to take it over.",
        )


def refuse_absent(key: Key, in_force: Mapping[Key, Document]) -> None:
    """Raises TiermeshError(NOT_FOUND) with the nearest name."""
    if key not in in_force:
        raise no_such_document(key, in_force)


def refuse_named(keys: Iterable[Key], in_force: Mapping[Key, Document]) -> None:
    """Raises TiermeshError(CONFLICT) with the documents that name the first of these that is named."""
    users: dict[Key, list[str]] = {key: [] for key in keys}
    for document in in_force.values():
        for key in _named(document) & users.keys():
            users[key].append(str(document.key))
    for key, names in users.items():
        if names:
            raise TiermeshError(
                Code.CONFLICT,
                f"{key} is named by {', '.join(names)}.",
                "Apply them without it first, or delete them; nothing was changed.",
            )


def _named(document: Document) -> set[Key]:
    """The documents that a document names."""
    found = {Key(kind, name, document.metadata.namespace) for kind, name in _names(document)}
    if isinstance(document, Experiment | Rollout):
        # An arm is of no use without what it says; a Route's prompt lives on in the registry.
        found |= {Key("Prompt", prompt.name) for _, prompt in prompts(document)}
    return found


def _names(document: Document) -> Iterable[tuple[str, str]]:
    if isinstance(document, Tenant):
        return [("Route", name) for name in document.spec.routes or ()]
    if isinstance(document, Route):
        tiers, resilience = document.spec.tiers, document.spec.resilience
        mirrored = (resilience.mirror.model,) if resilience.mirror else ()
        compares = _comparing(document.spec.cache)
        named = tiers.light + tiers.heavy + resilience.fallbacks + mirrored + compares
        return [("Model", base_of(name)) for name in named]
    if isinstance(document, ScalingPolicy):
        return [("Model", document.spec.model)]
    if isinstance(document, Experiment | Rollout):
        return [("Route", document.spec.route), *_of_arms(document)]
    passages = isinstance(document, Model) and document.spec.generation and document.spec.generation.passages
    return [("Model", passages.model)] if passages else []


def _of_arms(trial: Experiment | Rollout) -> Iterable[tuple[str, str]]:
    tiers = (override.tiers for override in trial.spec.overrides().values() if override.tiers)
    yield from (("Model", base_of(name)) for each in tiers for name in each.light + each.heavy)
    caches = (override.cache for override in trial.spec.overrides().values() if override.cache)
    yield from (("Model", base_of(name)) for each in caches for name in _comparing(each))
    yield from (("Model", base_of(metric.judge.model)) for metric in trial.spec.metrics if metric.judge)
    if isinstance(trial, Experiment):
        yield from (("Tenant", name) for name in trial.spec.targeting.tenants or ())


def _comparing(cache: Cache) -> tuple[str, ...]:
    """The Model that compares a cache's answers, where one does."""
    return (cache.semantic.judge,) if cache.semantic and cache.semantic.judge else ()

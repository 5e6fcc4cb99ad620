"""Fitting, of Experiments and Rollouts: whether what they name is there, and whether they leave each other alone.

Pure; one FieldError for each reference or claim that does not hold. Drafts must name what exists; only those that
assign units must leave each other alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from control_plane.spec.arming import Trial, by_route, dealt, key_of
from control_plane.spec.documents import Document, Experiment, Model, Route
from control_plane.spec.errors import FieldError
from control_plane.spec.experiments import ROUNDING, Traffic
from control_plane.spec.fitting import (
    ModelReference,
    advice,
    of_cache,
    of_tiers,
    place,
    within,
    wordless,
    wrong_models,
    wrong_prompt,
)
from control_plane.spec.fitting_judges import wrong_judges
from control_plane.spec.names import Key
from control_plane.spec.prompts import Pins

MOST_TRIALS = 8
"""That assign units of one Route: all their arms stand in a header of each answer."""


def wrong_trials(
    trials: Sequence[Trial], documents: Mapping[Key, Document], models: Mapping[str, Model], pins: Pins
) -> Iterator[FieldError]:
    """Everything that is wrong with them. `models` are by qualified name, adapters among them."""
    for trial in trials:
        yield from wrong_models(trial, _models(trial), models)
        yield from _missing(trial, documents)
        yield from wrong_judges(trial, documents, models)
        yield from wordless(trial, _referees(trial), models)
        yield from _shadows(trial, documents)
        if trial.kind == "Rollout" and (override := pins.overrides.get(key_of(trial))) and override.prompt:
            yield from wrong_prompt(f"{place(trial)}.spec.onChange", override.prompt, pins)
    for together in by_route(trials, pins).values():
        yield from _collisions(together, pins)


def _models(trial: Trial) -> Iterator[ModelReference]:
    for field, override in trial.spec.overrides().items():
        if override.tiers is not None:
            yield from of_tiers(f"{field}.tiers", override.tiers)
    for index, metric in enumerate(trial.spec.metrics):
        if metric.judge is not None:
            yield f"metrics[{index}].judge.model", metric.judge.model, None
    yield from _referees(trial)


def _referees(trial: Trial) -> Iterator[ModelReference]:
    """The Models that compare answers in its arms."""
    for field, override in trial.spec.overrides().items():
        if override.cache is not None:
            yield from of_cache(f"{field}.cache", override.cache)


def _missing(trial: Trial, documents: Mapping[Key, Document]) -> Iterator[FieldError]:
    """Routes and Tenants that are named and not there."""
    named = {"route": ("Route", trial.spec.route)}
    if isinstance(trial, Experiment):
        tenants = enumerate(trial.spec.targeting.tenants or ())
        named |= {f"targeting.tenants[{index}]": ("Tenant", name) for index, name in tenants}
    namespace = trial.metadata.namespace
    for field, (kind, name) in named.items():
        if Key(kind, name, namespace) not in documents:
            known = [key.name for key in documents if (key.kind, key.namespace) == (kind, namespace)]
            problem = f"there is no {kind} {name!r}{within(namespace)}; {advice(name, known)}"
            yield FieldError(f"{place(trial)}.spec.{field}", problem)


def _shadows(trial: Trial, documents: Mapping[Key, Document]) -> Iterator[FieldError]:
    """Arms that would let a Model answer whose answers nobody may see."""
    route = documents.get(Key("Route", trial.spec.route, trial.metadata.namespace))
    mirror = route.spec.resilience.mirror if isinstance(route, Route) else None
    for field, name, tier in _models(trial):
        if tier and mirror and mirror.model == name:
            problem = f"Model {name!r} is the shadow of Route {trial.spec.route!r} and cannot answer: name another"
            yield FieldError(f"{place(trial)}.spec.{field}", problem)


def _collisions(together: Sequence[Trial], pins: Pins) -> Iterator[FieldError]:
    """What those of one Route take from each other."""
    if len(together) > MOST_TRIALS:
        problem = f"{len(together)} Experiments and Rollouts assign units of Route {together[0].spec.route!r} at once"
        yield FieldError(f"{place(together[-1])}.spec.route", f"{problem}; {MOST_TRIALS} may: stop one")
    for one, other in combinations(together, 2):
        if one.metadata.name == other.metadata.name:
            problem = f"{one.key} assigns units of the same Route: give one of them another name"
            yield FieldError(f"{place(other)}.metadata.name", problem)
        elif (layer := _layer(one)) is not None and layer == _layer(other):
            yield from _overlap(one, other, together)
        elif both := _overridden(one, pins) & _overridden(other, pins):
            problem = f"{one.key} overrides {', '.join(sorted(both))} too: put both into one layer, or end one first"
            yield FieldError(f"{place(other)}.spec.{next(iter(other.spec.overrides()), 'onChange')}", problem)


def _layer(trial: Trial) -> str | None:
    """A Rollout has none: it takes every unit."""
    return trial.spec.traffic.layer if isinstance(trial, Experiment) else None


def _overlap(one: Trial, other: Trial, together: Iterable[Trial]) -> Iterator[FieldError]:
    assert isinstance(one, Experiment) and isinstance(other, Experiment)
    first, second = one.spec.traffic, other.spec.traffic
    if min(first.until, second.until) - max(first.from_, second.from_) > ROUNDING:
        others = [trial.spec.traffic for trial in together if isinstance(trial, Experiment) and trial is not other]
        free = _free(traffic for traffic in others if traffic.layer == first.layer)
        taken = f"{one.key} has {first.from_:g} to {first.until:g} of layer {first.layer!r}"
        yield FieldError(f"{place(other)}.spec.traffic", f"{taken}; free: {free}")


def _free(taken: Iterable[Traffic]) -> str:
    """The segments of a layer that none of these has."""
    free, at = [], 0.0
    for begin, end in [*sorted((each.from_, each.until) for each in taken), (100.0, 100.0)]:
        if begin > at:
            free.append(f"{at:g} to {begin:g}")
        at = max(at, end)
    return ", ".join(free) or "nothing: stop one, or use another layer"


def _overridden(trial: Trial, pins: Pins) -> set[str]:
    return {field for arm in dealt(trial, pins) for field in arm.override.says()}

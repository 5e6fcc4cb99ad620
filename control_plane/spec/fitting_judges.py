"""Fitting, of judges: whether they can mark answers, and do not favour an arm. Pure."""

from collections.abc import Iterator, Mapping

from control_plane.spec.arming import NOTHING, Trial
from control_plane.spec.documents import Document, Model, Rollout, Route
from control_plane.spec.errors import FieldError
from control_plane.spec.fitting import place, wordless
from control_plane.spec.names import Key, qualified


def wrong_judges(trial: Trial, documents: Mapping[Key, Document], models: Mapping[str, Model]) -> Iterator[FieldError]:
    """Everything that is wrong with the judges of an Experiment or a Rollout, beside that they are not there."""
    route = documents.get(Key("Route", trial.spec.route, trial.metadata.namespace))
    arms = _answering(trial, route) if isinstance(route, Route) else []
    for index, metric in enumerate(trial.spec.metrics):
        name = metric.judge.model if metric.judge else ""
        if qualified(trial.metadata.namespace, name) not in models:
            continue
        field = f"metrics[{index}].judge.model"
        if errors := list(wordless(trial, [(field, name, None)], models)):
            yield from errors
        elif len({name in arm for arm in arms}) > 1:
            problem = f"Model {name!r} answers in some of the arms, and a Model favours its own answers"
            yield FieldError(
                f"{place(trial)}.spec.{field}", f"{problem}: name one that answers in none of them, or in all"
            )


def _answering(trial: Trial, route: Route) -> list[set[str]]:
    """The Models that may answer in each arm."""
    overrides = [*trial.spec.overrides().values(), *([NOTHING] if isinstance(trial, Rollout) else [])]
    tiers = [override.tiers or route.spec.tiers for override in overrides]
    return [{*each.light, *each.heavy, *route.spec.resilience.fallbacks} for each in tiers]

"""Arming: the arms that a Route gets from its Experiments and Rollouts, as routers see them. Pure; `compile`'s part."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from control_plane.spec.arms import Override
from control_plane.spec.documents import Experiment, Rollout, Route
from control_plane.spec.events import unit_hash
from control_plane.spec.memory import Memory
from control_plane.spec.metrics import Metric
from control_plane.spec.names import qualified
from control_plane.spec.prompts import CompiledPrompt, PinnedPrompt, Pins, RoutePrompt
from control_plane.spec.rollouts import CANDIDATE, STABLE
from control_plane.spec.snapshots import CompiledArm, CompiledJudge, CompiledRoute, CompiledTrial, canonical, digest

NOTHING = Override()
"""What an arm does otherwise that answers as its Route does."""

Trial = Experiment | Rollout
Says = Callable[[str, Iterable[str]], Iterator[str]]
"""The hashes of what decides the answers of a namespace's Models, by name."""


class Dealt(NamedTuple):
    """One arm of a trial under way."""

    name: str
    weight: float
    """In force."""
    override: Override


def key_of(trial: Trial) -> str:
    """By which routers and `Pins` know it: `Experiment/shop`, `Rollout/team/shop`."""
    return f"{trial.kind}/{trial.metadata.qualified_name}"


def dealt(trial: Trial, pins: Pins) -> tuple[Dealt, ...]:
    """The arms that it assigns to units now; none where it assigns none.

    Weights that `pins` give count while they are of exactly its arms: those of arms that it had once do not.
    """
    weights = pins.weights.get(key_of(trial))
    if isinstance(trial, Experiment):
        if not trial.spec.running:
            return ()
        found = tuple(Dealt(arm.name, arm.weight, arm.override) for arm in trial.spec.arms)
    else:
        override = trial.spec.override or pins.overrides.get(key_of(trial))
        if weights is None or override is None:
            return ()
        found = Dealt(STABLE, 1, NOTHING), Dealt(CANDIDATE, 0, override)
    if weights is None or set(weights) != {arm.name for arm in found}:
        return found
    return tuple(arm._replace(weight=weights[arm.name]) for arm in found)


def by_route(trials: Iterable[Trial], pins: Pins) -> dict[str, list[Trial]]:
    """Those that assign units now, by the qualified name of their Route."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        if dealt(trial, pins):
            found.setdefault(qualified(trial.metadata.namespace, trial.spec.route), []).append(trial)
    return found


def armed(
    compiled: CompiledRoute, route: Route, trials: Iterable[Trial], pins: Pins, says: Says, recall: Memory
) -> CompiledRoute:
    """A compiled Route with its trials."""
    namespace = route.metadata.namespace
    found = []
    for trial in trials:
        arms = []
        for name, weight, override in dealt(trial, pins):
            prompt, tiers = override.prompt, override.tiers
            said = pins.prompts[prompt.reference] if prompt else None
            hashes = says(namespace, tiers.light + tiers.heavy) if tiers else ()
            arms.append(recall(_arm, name, weight, override, namespace, said, *hashes))
        mirror = pins.mirrors.get(key_of(trial))
        found.append(recall(_trial, trial, route, mirror, *arms))
    return recall(_armed, compiled, *found)


def _armed(compiled: CompiledRoute, *trials: CompiledTrial) -> CompiledRoute:
    return compiled.model_copy(update={"trials": trials})


def _trial(trial: Trial, route: Route, mirror: float | None, *arms: CompiledArm) -> CompiledTrial:
    spec, name, namespace = trial.spec, route.metadata.qualified_name, trial.metadata.namespace
    begin, end, layer, holdout, more = 0.0, 1.0, "", None, {}
    if isinstance(trial, Experiment):
        traffic, targeting = trial.spec.traffic, trial.spec.targeting
        begin, end, layer = traffic.from_ / 100, traffic.until / 100, f"{name} layer {traffic.layer}"
        holdout = route.spec.holdout
        tenants = targeting.tenants and tuple(qualified(namespace, tenant) for tenant in targeting.tenants)
        forced = {unit_hash(unit): arm for arm, units in trial.spec.forced.items() for unit in units}
        more = {"targeting": targeting.model_copy(update={"tenants": tenants}), "forced": forced}
    return CompiledTrial(
        kind=trial.kind,
        name=trial.metadata.qualified_name,
        unit=spec.unit,
        salt=key_of(trial) if spec.salt is None else spec.salt,
        layer=layer,
        begin=begin,
        end=end,
        heldOut=holdout.percent / 100 if holdout else 0,
        holdout=f"{name} holdout {holdout.salt}" if holdout else "",
        arms=arms,
        mirror=(mirror or 0) / 100,
        judges=tuple(_judge(metric, namespace) for metric in judged(trial)),
        **more,
    )


def measured(trial: Trial) -> Iterator[Metric]:
    """Its metrics that say something: of a Rollout, those that it guards."""
    guarded = {guardrail.metric for guardrail in trial.spec.guardrails}
    return (one for one in trial.spec.metrics if isinstance(trial, Experiment) or one.name in guarded)


def judged(trial: Trial) -> Iterator[Metric]:
    """The metrics that a judge has to mark answers for."""
    return (metric for metric in measured(trial) if metric.judge is not None)


def _judge(metric: Metric, namespace: str) -> CompiledJudge:
    judge = metric.judge
    assert judge is not None  # it is judged
    return CompiledJudge(
        marks=metric.marks,
        model=qualified(namespace, judge.model),
        rubric=judge.rubric,
        share=judge.percent / 100,
        constrained=judge.constrained,
    )


def _arm(
    name: str, weight: float, override: Override, namespace: str, said: PinnedPrompt | None, *says: str
) -> CompiledArm:
    tiers, complexity, named = override.tiers, override.complexity, override.prompt
    arm = CompiledArm(
        name=name,
        weight=weight,
        revision="",
        light=tuple(qualified(namespace, model) for model in tiers.light) if tiers else None,
        heavy=tuple(qualified(namespace, model) for model in tiers.heavy) if tiers else None,
        threshold=complexity.score_threshold if complexity else None,
        cache=override.cache,
        sampling=override.sampling,
        prompt=compiled_prompt(named, said) if named and said else None,
    )
    if not any(override.says()):
        return arm
    decides = [arm.model_dump_json(exclude={"name", "weight", "prompt"}), *says]
    if arm.prompt is not None:
        decides.append(prompt_hash(arm.prompt))
    revision = hashlib.sha256("\n".join(decides).encode()).hexdigest()[:12]
    return arm.model_copy(update={"revision": revision})


def compiled_prompt(named: RoutePrompt, said: PinnedPrompt) -> CompiledPrompt:
    """A prompt that a document names, as it is said."""
    return CompiledPrompt(
        name=said.name,
        version=said.version,
        template=said.template,
        chat=said.chat,
        responseFormat=said.response_format,
        alias=named.alias,
        variables=named.variables,
        sha256=hashlib.sha256(canonical(said.said())).hexdigest(),
    )


def prompt_hash(prompt: CompiledPrompt) -> str:
    """Of what decides answers: a prompt's alias is told to nobody, only where it leads is."""
    return digest(prompt.model_copy(update={"alias": None}))

"""Periods: tells those who count outcomes which arms have which shares, and since when.

Written with the snapshot that gives the shares, so that what a router measured under a snapshot finds the arms that it
measured. What is compared begins anew where its arms answer otherwise or its units are dealt out anew.
"""

from collections.abc import Iterator

from control_plane.spec.snapshots import CompiledTrial, Content
from control_plane.store import trials
from control_plane.store.database import Transaction


def note(transaction: Transaction, snapshot: int, was: Content, now: Content) -> None:
    """Write down what is compared from this snapshot on, in the transaction that publishes it."""
    before = {trial.key: trial for trial in _trials(was)}
    for trial in _trials(now):
        known = before.get(trial.key)
        if known is trial:
            continue
        begins = known is None or _is_another(known, trial)
        if begins or (known and _shares(known) != _shares(trial)):
            stored = [] if begins else trials.of_key(transaction, trial.key)
            counted = stored[-1] if stored else trials.begin(transaction, trial.key, snapshot)
            trials.share(transaction, counted.id, snapshot, _shares(trial))


def _trials(content: Content) -> Iterator[CompiledTrial]:
    return (trial for route in content.routes for trial in route.trials)


def _shares(trial: CompiledTrial) -> dict[str, float]:
    return {arm.name: arm.weight for arm in trial.arms}


def _is_another(before: CompiledTrial, after: CompiledTrial) -> bool:
    """Whether what was measured says nothing about what is measured from now on.

    That is so too where a Rollout's ramp moves units that come again: their first arm would keep what they bring to
    the second, and hide the harm that it does. Units that are single requests never come again.
    """
    moves = after.kind == "Rollout" and not after.unit.request and _shares(before) != _shares(after)
    return moves or _asks(before) != _asks(after)


def _asks(trial: CompiledTrial) -> tuple[object, ...]:
    return trial.salt, trial.unit, tuple((arm.name, arm.revision) for arm in trial.arms)

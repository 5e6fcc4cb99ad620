"""Running Experiments are looked at again and again: verdicts are told once, bandits follow what is shown, and nothing
is stopped but by somebody."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from control_plane.experiments.running import Experiments
from control_plane.outcomes.counting import count
from control_plane.publisher import Publisher
from control_plane.spec.documents import Experiment, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import Event
from control_plane.spec.experiments import State
from control_plane.spec.names import Key
from control_plane.spec.results import Baseline
from control_plane.store import analyses, revisions, snapshots
from control_plane.store.database import Database
from tests.unit.control_plane.outcomes.samples import exposure
from tests.unit.control_plane.samples import experiment, parsed, shop

_NOW = datetime(2026, 11, 22, tzinfo=UTC)
_KEY = Key("Experiment", "wording")
_TRIAL = "Experiment/wording"
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
_FAILING = {"name": "failing", "kind": "proportion", "of": "errors", "goal": "decrease", "primary": True}


@dataclass
class World:
    """A control plane's parts, and a clock that is set."""

    database: Database
    minutes: float = 0
    units: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.database, "http://h", lambda _: None, lambda: self.now)
        self.experiments = Experiments(self.publisher)

    @property
    def now(self) -> datetime:
        return _NOW + timedelta(minutes=self.minutes)

    def apply(self, **spec: Any) -> None:
        said: dict[str, Any] = {"metrics": [_FAILING | {"minimumEffect": {"absolute": 0.02}}]} | spec
        self.publisher.apply(parsed(*shop(), experiment(**said)), "alice")

    def expose(self, arm: str, units: int, failed: int) -> None:
        """So many units of an arm make a request each, and so many of them fail."""
        snapshot = self.snapshot()
        made = [
            exposure(f"r{unit}", 1, f"u{unit}", arm, trial=_TRIAL, failed=index < failed, snapshot=snapshot)
            for index, unit in zip(range(units), self.units, strict=False)
        ]
        with self.database.write() as transaction:
            count(transaction, _EVENTS.validate_python(made), 0)

    def snapshot(self) -> int:
        with self.database.read() as transaction:
            found = snapshots.in_force(transaction)
        return found.number if found else 1

    def weights(self) -> list[float]:
        with self.database.read() as transaction:
            found = snapshots.latest(transaction)
        return [arm.weight for arm in found.content.routes[0].trials[0].arms] if found else []


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_a_verdict_is_told_once_for_each_time_that_it_changes(world: World) -> None:
    world.apply()
    assert world.experiments.follow() == 1
    world.expose("control", 800, 8)
    world.expose("candidate", 800, 8)
    changes = []
    for minutes in range(5):
        world.minutes = minutes
        changes.append(world.experiments.follow())
    world.expose("candidate", 800, 240)
    world.expose("control", 800, 8)
    changes.append(world.experiments.follow())
    assert changes == [1, 0, 0, 0, 0, 1]
    found = world.experiments.results(_KEY)
    assert [(one.code, one.arm) for one in found.history] == [
        ("winner", "control"),
        ("keep-going", None),
        ("cannot-say", None),
    ]
    assert found.state is State.RUNNING
    assert {point.at for point in found.course} == {_NOW + timedelta(minutes=minutes) for minutes in range(5)}


def test_the_longer_it_takes_the_fewer_points_of_its_course_are_kept(world: World) -> None:
    world.apply()
    for arm in ("control", "candidate"):
        world.expose(arm, 200, 10)
    month = 60 * 24 * 30
    for world.minutes in range(month, month + 60 * 24, 60):
        world.experiments.follow()
    with world.database.read() as transaction:
        kept = analyses.course(transaction, _TRIAL, None)
    assert [(point.at - kept[0].at) // timedelta(hours=1) for point in kept] == [0, 4, 8, 12, 16, 20]


def test_starting_and_stopping_are_changes_of_the_document(world: World) -> None:
    world.apply(state="draft")
    world.experiments.switch(_KEY, State.RUNNING, "bob", "ready")
    assert world.weights() == [1, 1]
    world.experiments.switch(_KEY, State.STOPPED, "bob")
    with world.database.read() as transaction:
        history = revisions.history(transaction, *_KEY)
    said = [(one.author, one.reason, one.document and one.document["spec"]["state"]) for one in history]
    assert said == [
        ("bob", "experiment stopped", "stopped"),
        ("bob", "ready", "running"),
        ("alice", "", "draft"),
    ]


def test_what_was_shown_stays_when_it_is_stopped(world: World) -> None:
    world.apply()
    for arm in ("control", "candidate"):
        world.expose(arm, 300, 30)
    world.experiments.switch(_KEY, State.STOPPED, "bob")
    found = world.experiments.results(_KEY)
    assert (found.state, [one.units for one in found.arms]) == (State.STOPPED, [300, 300])


def test_a_bandit_gives_more_to_what_is_better_and_not_more_often_than_it_may(world: World) -> None:
    world.apply(allocation={"kind": "bandit", "floor": 0.1})
    world.expose("control", 400, 80)
    world.expose("candidate", 400, 8)
    world.experiments.follow()
    assert world.weights() == [0.1, 0.9]
    before = world.snapshot()
    world.expose("candidate", 400, 390)
    world.expose("control", 400, 80)
    world.minutes = 9
    world.experiments.follow()
    assert world.snapshot() == before
    world.minutes = 10
    world.experiments.follow()
    assert world.snapshot() == before + 1
    assert world.weights()[0] > 0.1


def test_what_does_not_run_is_not_looked_at(world: World) -> None:
    world.apply(state="draft")
    assert world.experiments.follow() == 0
    assert world.experiments.results(_KEY).verdict.code == "cannot-say"


def test_what_is_not_there_has_no_results(world: World) -> None:
    with pytest.raises(TiermeshError) as raised:
        world.experiments.results(_KEY)
    assert raised.value.code is Code.NOT_FOUND


def _baseline(**said: Any) -> Baseline:
    return Baseline.model_validate(said)


def test_a_plan_needs_no_document_in_force_and_says_what_is_missing(world: World) -> None:
    slow = {"name": "cost-each", "kind": "mean", "of": "cost", "goal": "decrease", "primary": True}
    document = parse(
        experiment(
            metrics=[
                _FAILING | {"minimumEffect": {"absolute": 0.02}},
                slow | {"minimumEffect": {"relative": 0.1}},
                slow | {"name": "no-effect"},
            ],
            guardrails=[{"metric": "errors", "margin": {"absolute": 0.01}}],
            plan={"unitsPerDay": 1000},
            traffic={"percent": 50},
        )
    )
    assert isinstance(document, Experiment)
    known = (_baseline(metric="failing", value=0.1), _baseline(metric="errors", value=0.1))
    found = world.experiments.plan(_KEY, document, known)
    failing, cost, nothing, errors = found.items
    assert failing.units is not None and failing.fixed_units is not None and failing.days is not None
    assert failing.units > failing.fixed_units > 1000
    assert failing.days == -(-failing.units // 500)
    assert (cost.units, cost.text) == (None, "give --baseline cost-each=VALUE±DEVIATION")
    assert nothing.text == "give it a minimumEffect"
    assert (errors.role, errors.units is not None) == ("guardrail", True)
    assert (found.units, found.days) == (None, None)


def test_a_plan_of_one_that_runs_takes_what_its_control_has_shown(world: World) -> None:
    world.apply()
    for arm in ("control", "candidate"):
        world.expose(arm, 400, 40)
    shown = world.experiments.plan(_KEY, None, ())
    said = world.experiments.plan(_KEY, None, (_baseline(metric="failing", value=0.1),))
    assert shown.units is not None
    assert shown == said

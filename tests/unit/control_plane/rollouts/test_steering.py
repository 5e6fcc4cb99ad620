"""A decision, its weights, its snapshot, its Route, its history and its audit entry happen together or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from control_plane.audit import verify
from control_plane.publisher import Publisher
from control_plane.rollouts.steering import Rollouts
from control_plane.spec.courses import Command, Decision, Evidence, Guarded, Phase, Standing, Why
from control_plane.spec.documents import Rollout
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.prompts import PinnedPrompt
from control_plane.spec.snapshots import CompiledRoute, Snapshot
from control_plane.store import audit, pins, revisions, rollouts, snapshots
from control_plane.store.database import Database, Transaction
from control_plane.store.pins import Pin
from tests.unit.control_plane.samples import experiment, generating, model, parsed, rollout, route, shop

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_KEY = Key("Rollout", "heavier")
_ROUTE = Key("Route", "shop")
_GUARDED: dict[str, Any] = {"guardrails": [{"metric": "errors", "margin": {"absolute": 0.01}}]}
_STEPS: dict[str, Any] = {
    "steps": [{"mirror": {"minutes": 2}}, {"setWeight": 5}, {"analysis": {"minutes": 2}}, {"setWeight": 50}]
}


@dataclass
class World:
    """A control plane's parts over one file, a clock that is set, and what is shown."""

    url: str
    minutes: float = 0
    standing: Standing = Standing.OPEN
    rung: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.database = Database(self.url)
        self.publisher = Publisher(self.database, "http://h", self._ring, lambda: self.now)
        self.rollouts = Rollouts(self.publisher, self._shown)

    def apply(self, *documents: dict[str, Any], manager: str = "tiermesh") -> None:
        self.publisher.apply(parsed(*documents), "alice", manager=manager)

    @property
    def now(self) -> datetime:
        return _NOW + timedelta(minutes=self.minutes)

    def at(self, minutes: float, standing: Standing = Standing.OPEN) -> None:
        """Look, at that time and with that shown."""
        self.minutes, self.standing = minutes, standing
        self.rollouts.follow()

    def phase(self, key: Key = _KEY) -> Phase:
        return self.rollouts.status(key).phase

    def snapshot(self) -> Snapshot:
        with self.database.read() as transaction:
            found = snapshots.latest(transaction)
        assert found is not None
        return found

    def compiled(self, name: str = "shop") -> CompiledRoute:
        return next(route for route in self.snapshot().content.routes if route.name == name)

    def weight(self) -> float | None:
        """The candidate's, as routers have it; None where the Route has no arms."""
        trials = self.compiled().trials
        return trials[0].arms[1].weight if trials else None

    def written(self, key: Key = _ROUTE) -> list[Any]:
        """Who wrote a document, and what it says of its spec."""
        with self.database.read() as transaction:
            return [(one.author, one.document and one.document["spec"]) for one in revisions.history(transaction, *key)]

    def history(self) -> list[Decision]:
        with self.database.read() as transaction:
            return list(reversed(rollouts.history(transaction, "heavier")))

    def _ring(self, snapshot: Snapshot) -> None:
        self.rung.append(snapshot.number)

    def _shown(self, _transaction: Transaction, rollout: Rollout) -> Evidence:
        guardrails = (Guarded(metric=one.metric, standing=self.standing) for one in rollout.spec.guardrails)
        return Evidence(guardrails=tuple(guardrails))


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> Iterator[World]:
    made = World(f"sqlite:///{shutil.copy(empty_database, tmp_path / 'test.db')}")
    with closing(made.database):
        yield made


def test_a_good_candidate_is_promoted_step_by_step_and_the_route_says_then_what_it_did(world: World) -> None:
    world.apply(*shop(), rollout(**_STEPS, **_GUARDED))
    assert world.weight() is None
    seen = []
    for minutes in range(6):
        world.at(minutes, Standing.HOLDS)
        seen.append((world.phase(), world.weight()))
    assert seen == [
        (Phase.MIRRORING, 0),
        (Phase.MIRRORING, 0),
        (Phase.ANALYSING, 5),
        (Phase.ANALYSING, 5),
        (Phase.PROMOTED, None),
        (Phase.PROMOTED, None),
    ]
    author, said = world.written()[0]
    assert (author, said["tiers"]) == ("rollout heavier", {"heavy": ["assistant"]})
    assert (world.compiled().light, world.compiled().heavy) == ((), ("assistant",))


def test_what_does_harm_is_taken_back_with_the_next_look_and_the_route_is_as_it_was(world: World) -> None:
    world.apply(*shop(), rollout(steps=[{"setWeight": 20}, {"pause": {}}], **_GUARDED))
    before = world.compiled()
    world.at(0)
    assert world.weight() == 20
    world.at(1, Standing.BROKEN)
    assert (world.phase(), world.compiled(), len(world.written())) == (Phase.ROLLED_BACK, before, 1)
    assert world.snapshot().author == "rollout heavier"


def test_every_decision_has_its_reasons_its_snapshot_and_an_audit_entry(world: World) -> None:
    world.apply(*shop(), rollout(**_STEPS, **_GUARDED))
    for minutes in range(5):
        world.at(minutes, Standing.HOLDS)
    history = world.history()
    assert [(one.phase, one.weight, one.snapshot) for one in history] == [
        (Phase.MIRRORING, 0, 2),
        (Phase.PROGRESSING, 5, 3),
        (Phase.ANALYSING, 5, 3),
        (Phase.PROGRESSING, 50, 4),
        (Phase.PROMOTED, 0, 5),
    ]
    assert all(one.reasons for one in history)
    with world.database.read() as transaction:
        entries = [entry for entry in audit.every(transaction) if entry and entry.action.startswith("rollout")]
    assert [entry.action for entry in entries] == [f"rollout {one.phase.value}" for one in history]
    assert "Route/shop generation 2 changed" in entries[-1].what


def test_the_same_document_applied_again_does_nothing_and_a_changed_one_begins_anew(world: World) -> None:
    world.apply(*shop(), rollout())
    world.at(0)
    before = world.snapshot().number
    world.apply(rollout())
    world.at(1)
    assert (world.snapshot().number, world.weight()) == (before, 5)
    world.apply(rollout(steps=[{"setWeight": 3}, {"pause": {}}]))
    assert world.weight() is None
    world.at(2)
    assert world.weight() == 3


def test_one_that_was_deleted_and_comes_again_begins_anew(world: World) -> None:
    world.apply(*shop(), rollout())
    world.at(0)
    world.rollouts.command(_KEY, Command.ABORT, "alice")
    world.publisher.delete(_KEY, "alice")
    world.at(1)
    world.apply(rollout())
    world.at(2)
    assert world.weight() == 5


def test_what_people_command_is_done_at_once_and_in_their_name(world: World) -> None:
    world.apply(*shop(), rollout())
    world.at(0)
    status = world.rollouts.command(_KEY, Command.PROMOTE, "bob", "looks good", full=True)
    assert (status.phase, status.history[0].by) == (Phase.PROMOTED, "bob")
    assert world.written()[0][0] == "bob"
    assert world.snapshot().reason == "looks good"


def test_of_two_who_promote_the_same_step_one_is_told_that_it_was_done(world: World) -> None:
    world.apply(*shop(), rollout(steps=[{"pause": {}}, {"setWeight": 5}, {"pause": {}}]))
    world.at(0)
    assert world.rollouts.command(_KEY, Command.PROMOTE, "alice", step=0).step == 1
    with pytest.raises(TiermeshError, match="went on meanwhile"):
        world.rollouts.command(_KEY, Command.PROMOTE, "bob", step=0)


def test_a_decision_that_was_overtaken_changes_nothing(world: World) -> None:
    world.apply(*shop(), rollout(**_STEPS, **_GUARDED))
    world.at(0)

    class Slow(Rollouts):
        """Somebody aborts while it decides."""

        def _decide(self, found: Any, decided: Any) -> None:
            world.rollouts.command(_KEY, Command.ABORT, "bob")
            super()._decide(found, decided)

    world.minutes = 2
    assert Slow(world.publisher, world.rollouts.shown).follow() == 0
    assert [one.phase for one in world.history()] == [Phase.MIRRORING, Phase.ABORTED]
    assert world.weight() is None


def test_a_route_of_another_manager_is_left_to_it_and_the_candidate_stays_until_it_says_so(world: World) -> None:
    managed = route()
    managed["metadata"]["managedBy"] = "kubernetes"
    world.apply(model(), generating(), managed, rollout(steps=[{"setWeight": 50}]), manager="kubernetes")
    for _ in range(3):
        world.at(0)
    status = world.rollouts.status(_KEY)
    assert (status.phase, world.weight(), len(world.written())) == (Phase.PAUSED, 50, 1)
    assert "managed by 'kubernetes'" in (status.problem or "")
    with pytest.raises(TiermeshError) as raised:
        world.rollouts.command(_KEY, Command.PROMOTE, "alice")
    assert raised.value.code is Code.CONFLICT
    managed["spec"]["tiers"] = {"heavy": ["assistant"]}
    world.apply(managed, manager="kubernetes")
    world.at(1)
    assert (world.phase(), world.weight(), len(world.written())) == (Phase.PROMOTED, None, 2)


def test_one_that_collides_waits_says_why_once_and_begins_when_it_can(world: World) -> None:
    arms = [{"name": "control"}, {"name": "other", "override": {"tiers": {"light": ["faq"]}}}]
    world.apply(*shop(), experiment(arms=arms), rollout())
    for minutes in range(3):
        world.at(minutes)
    assert world.phase() is Phase.PENDING
    assert [[reason.code for reason in one.reasons] for one in world.history()] == [[Why.BLOCKED]]
    world.apply(experiment(arms=arms, state="stopped"))
    world.at(4)
    assert world.weight() == 5


def test_one_that_cannot_go_on_keeps_no_other_from_it(world: World) -> None:
    arms = [{"name": "control"}, {"name": "other", "override": {"tiers": {"light": ["faq"]}}}]
    world.apply(*shop(), experiment(arms=arms), rollout("aaa"), rollout("zzz", override={"cache": {}}))
    world.at(0)
    assert [world.phase(Key("Rollout", name)) for name in ("aaa", "zzz")] == [Phase.PENDING, Phase.PAUSED]


def test_what_is_refused_is_not_tried_again_until_something_has_changed(world: World) -> None:
    arms = [{"name": "control"}, {"name": "other", "override": {"tiers": {"light": ["faq"]}}}]
    world.apply(*shop(), experiment(arms=arms), rollout())
    tried: list[str] = []

    class Counted(Rollouts):
        def _decide(self, found: Any, decided: Any) -> None:
            tried.append(decided.course.phase.value)
            super()._decide(found, decided)

    for _ in range(5):
        Counted(world.publisher, world.rollouts.shown).follow()
    assert tried == ["progressing", "pending"]


def test_restoring_an_older_snapshot_takes_back_what_is_under_way_and_begins_nothing(world: World) -> None:
    world.apply(*shop(), rollout(steps=[{"setWeight": 1}, {"pause": {}}]))
    world.apply(rollout())
    world.at(0)
    assert world.weight() == 5
    world.publisher.rollback(1, "bob")
    assert world.weight() is None
    world.at(1)
    assert (world.phase(), world.weight()) == (Phase.ABORTED, None)
    assert [reason.code for reason in world.history()[-1].reasons] == [Why.RESTORED]
    with world.database.read() as transaction:
        entry = audit.some(transaction, None, None, 1)[0]
    assert entry.what[-1] == "Rollout/heavier aborted: the documents of snapshot 1 were restored"


def test_what_is_not_there_has_no_status(world: World) -> None:
    with pytest.raises(TiermeshError) as raised:
        world.rollouts.status(_KEY)
    assert raised.value.code is Code.NOT_FOUND


class _Killed(BaseException):
    """The process ends."""


class _Killer:
    """Ends the process before its so-many-th write or end of a transaction; what is not committed is lost."""

    def __init__(self, world: World, at: int) -> None:
        self.seen = 0
        self._at = at
        event.listen(world.database._engine, "before_cursor_execute", self._write)
        event.listen(world.database._engine, "commit", self._count)

    def _write(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SELECT", "BEGIN")):
            self._count()

    def _count(self, *_: object) -> None:
        self.seen += 1
        if self.seen == self._at:
            raise _Killed


def _through(world: World, killed_at: int) -> tuple[list[Any], int]:
    """A whole rollout, started again when it is killed: what routers, people and the audit are told in the end, and
    how often it could have been killed."""
    world.apply(*shop(), rollout(steps=[{"setWeight": 5}, {"analysis": {"minutes": 1}}], **_GUARDED))
    killer = _Killer(world, killed_at)
    for minutes in range(2):
        try:
            world.at(minutes, Standing.HOLDS)
        except _Killed:
            world.database.close()
            world.open()
            assert _agrees(world)
            world.at(minutes, Standing.HOLDS)
    assert _agrees(world)
    with world.database.read() as transaction:
        told = [snapshots.get(transaction, number) for number in range(1, world.snapshot().number + 1)]
        assert verify(audit.every(transaction)).holds
    world.database.close()
    weights = [[arm.weight for trial in one.content.routes[0].trials for arm in trial.arms] for one in told if one]
    return [weights, [(one.phase, one.step, one.snapshot) for one in world.history()], world.written()], killer.seen


def _agrees(world: World) -> bool:
    """Whether what routers are told is what is written down of the rollout."""
    status = world.rollouts.status(_KEY)
    armed = status.phase not in (Phase.PENDING, Phase.PROMOTED)
    written = (world.written()[0][1]["tiers"] == {"heavy": ["assistant"]}) == (status.phase is Phase.PROMOTED)
    return written and world.weight() == (status.weight if armed else None)


def test_killed_at_any_point_and_started_again_it_does_what_it_would_have_done(
    tmp_path: Path, empty_database: Path
) -> None:
    def run(killed_at: int) -> tuple[list[Any], int]:
        path = shutil.copy(empty_database, tmp_path / f"{killed_at}.db")
        return _through(World(f"sqlite:///{path}"), killed_at)

    expected, points = run(0)
    assert points >= 20
    for point in range(1, points + 1):
        assert run(point)[0] == expected, f"killed at {point}"


def _pin(number: int, text: str = "") -> dict[str, Pin]:
    said = {"name": "support", "version": number, "template": text or f"version {number}"}
    return {"support@live": Pin(reference="support@live", prompt=PinnedPrompt.model_validate(said), observed=number)}


@pytest.fixture
def following(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two Routes that follow one alias; changes of the first are rolled out."""
    with world.database.write() as transaction:
        pins.keep(transaction, _pin(1))
    said: dict[str, Any] = {"prompt": {"name": "support", "alias": "live"}}
    steps = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]
    follows = rollout("heavier", override=None, onChange=["prompt"], steps=steps)
    world.apply(model(), generating(), route(**said), route("other", **said), follows)
    return world


def _says(world: World, name: str = "shop") -> tuple[int | None, int | None]:
    """The versions that a Route says, and that its candidate does."""
    compiled = world.compiled(name)
    candidate = compiled.trials[0].arms[1].prompt if compiled.trials else None
    stable, candidate_version = (prompt.version if prompt else None for prompt in (compiled.prompt, candidate))
    return stable, candidate_version


def test_a_moved_alias_is_rolled_out_where_a_rollout_follows_it_and_at_once_elsewhere(following: World) -> None:
    following.at(0)
    assert (following.phase(), _says(following)) == (Phase.PENDING, (1, None))
    following.publisher.repin(_pin(2), "alice", "better")
    assert (_says(following), _says(following, "other")) == ((1, None), (2, None))
    following.at(1)
    assert (following.weight(), _says(following)) == (10, (1, 2))
    following.rollouts.command(_KEY, Command.PROMOTE, "alice", full=True)
    assert (_says(following), len(following.written())) == ((2, None), 1)


def test_a_change_that_does_harm_is_held_back_until_its_alias_moves_again(following: World) -> None:
    following.publisher.repin(_pin(2), "alice", "")
    following.at(0)
    following.rollouts.command(_KEY, Command.ABORT, "alice")
    following.at(1)
    assert _says(following) == (1, None)
    following.publisher.repin(_pin(3), "alice", "")
    following.at(2)
    assert _says(following) == (1, 3)
    following.publisher.repin(_pin(1), "alice", "")
    following.at(3)
    assert (following.phase(), _says(following)) == (Phase.PENDING, (1, None))


def test_a_rollout_that_is_changed_under_way_lets_no_change_through(following: World) -> None:
    following.publisher.repin(_pin(2), "alice", "")
    following.at(0)
    changed = rollout("heavier", override=None, onChange=["prompt"], steps=[{"setWeight": 1}, {"pause": {}}])
    following.apply(changed)
    assert _says(following) == (1, None)
    following.at(1)
    assert (following.weight(), _says(following)) == (1, (1, 2))


def test_an_alias_moved_again_under_way_begins_anew_from_what_the_route_says(following: World) -> None:
    following.publisher.repin(_pin(2), "alice", "")
    following.at(0)
    following.rollouts.command(_KEY, Command.PROMOTE, "alice")
    assert following.weight() == 50
    following.publisher.repin(_pin(3), "alice", "")
    assert following.weight() is None
    following.at(1)
    assert (following.weight(), _says(following)) == (10, (1, 3))

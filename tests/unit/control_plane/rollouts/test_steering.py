"""A decision, its weights, its snapshot, its Route, its history and its audit entry happen together or not at all."""

from typing import Any

import pytest

from control_plane.rollouts.steering import Rollouts
from control_plane.spec.courses import Command, Phase, Standing, Why
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.store import audit
from tests.unit.control_plane.rollouts.world import GUARDED, KEY, STEPS, World
from tests.unit.control_plane.rollouts.world import world as world
from tests.unit.control_plane.samples import experiment, generating, model, rollout, route, shop


def test_a_good_candidate_is_promoted_step_by_step_and_the_route_says_then_what_it_did(world: World) -> None:
    world.apply(*shop(), rollout(**STEPS, **GUARDED))
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
    world.apply(*shop(), rollout(steps=[{"setWeight": 20}, {"pause": {}}], **GUARDED))
    before = world.compiled()
    world.at(0)
    assert world.weight() == 20
    world.at(1, Standing.BROKEN)
    assert (world.phase(), world.compiled(), len(world.written())) == (Phase.ROLLED_BACK, before, 1)
    assert world.snapshot().author == "rollout heavier"


def test_every_decision_has_its_reasons_its_snapshot_and_an_audit_entry(world: World) -> None:
    world.apply(*shop(), rollout(**STEPS, **GUARDED))
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
    world.rollouts.command(KEY, Command.ABORT, "alice")
    world.publisher.delete(KEY, "alice")
    world.at(1)
    world.apply(rollout())
    world.at(2)
    assert world.weight() == 5


def test_what_people_command_is_done_at_once_and_in_their_name(world: World) -> None:
    world.apply(*shop(), rollout())
    world.at(0)
    status = world.rollouts.command(KEY, Command.PROMOTE, "bob", "looks good", full=True)
    assert (status.phase, status.history[0].by) == (Phase.PROMOTED, "bob")
    assert world.written()[0][0] == "bob"
    assert world.snapshot().reason == "looks good"


def test_of_two_who_promote_the_same_step_one_is_told_that_it_was_done(world: World) -> None:
    world.apply(*shop(), rollout(steps=[{"pause": {}}, {"setWeight": 5}, {"pause": {}}]))
    world.at(0)
    assert world.rollouts.command(KEY, Command.PROMOTE, "alice", step=0).step == 1
    with pytest.raises(TiermeshError, match="went on meanwhile"):
        world.rollouts.command(KEY, Command.PROMOTE, "bob", step=0)


def test_who_aborts_while_it_goes_on_need_not_say_so_again(world: World) -> None:
    world.apply(*shop(), rollout(**STEPS, **GUARDED))
    world.at(0)

    class Meanwhile(Rollouts):
        """It comes to its next step between a look and what follows from it."""

        def _owner(self, found: Any, decided: Any) -> str | None:
            if world.minutes == 0:
                world.at(3)
            return super()._owner(found, decided)

    status = Meanwhile(world.publisher, world.rollouts.shown).command(KEY, Command.ABORT, "bob")
    assert [one.phase for one in status.history][:2] == [Phase.ABORTED, Phase.ANALYSING]
    assert world.weight() is None


def test_a_decision_that_was_overtaken_changes_nothing(world: World) -> None:
    world.apply(*shop(), rollout(**STEPS, **GUARDED))
    world.at(0)

    class Slow(Rollouts):
        """Somebody aborts while it decides."""

        def _decide(self, found: Any, decided: Any) -> None:
            world.rollouts.command(KEY, Command.ABORT, "bob")
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
    status = world.rollouts.status(KEY)
    assert (status.phase, world.weight(), len(world.written())) == (Phase.PAUSED, 50, 1)
    assert "managed by 'kubernetes'" in (status.problem or "")
    with pytest.raises(TiermeshError) as raised:
        world.rollouts.command(KEY, Command.PROMOTE, "alice")
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
        world.rollouts.status(KEY)
    assert raised.value.code is Code.NOT_FOUND

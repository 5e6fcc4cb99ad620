"""What an alias stands for is rolled out like any other change."""

from typing import Any

import pytest

from control_plane.spec.courses import Command, Phase
from control_plane.spec.prompts import PinnedPrompt
from control_plane.store import pins
from control_plane.store.pins import Pin
from tests.unit.control_plane.rollouts.world import KEY, World
from tests.unit.control_plane.rollouts.world import world as world
from tests.unit.control_plane.samples import generating, model, rollout, route


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
    following.rollouts.command(KEY, Command.PROMOTE, "alice", full=True)
    assert (_says(following), len(following.written())) == ((2, None), 1)


def test_a_change_that_does_harm_is_held_back_until_its_alias_moves_again(following: World) -> None:
    following.publisher.repin(_pin(2), "alice", "")
    following.at(0)
    following.rollouts.command(KEY, Command.ABORT, "alice")
    following.at(1)
    assert _says(following) == (1, None)
    following.publisher.repin(_pin(3), "alice", "")
    following.at(2)
    assert _says(following) == (1, 3)
    following.publisher.repin(_pin(1), "alice", "")
    following.at(3)
    assert (following.phase(), _says(following)) == (Phase.PENDING, (1, None))


def test_a_restored_snapshot_says_again_what_it_said_to_whom_it_said_it(following: World) -> None:
    following.publisher.repin(_pin(2), "alice", "")
    following.at(0)
    under_way = following.snapshot().number
    following.rollouts.command(KEY, Command.PROMOTE, "alice", full=True)
    following.publisher.rollback(under_way, "bob")
    assert (_says(following), _says(following, "other")) == ((1, None), (2, None))
    following.at(1)
    assert (following.phase(), _says(following)) == (Phase.PROMOTED, (1, None))


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
    following.rollouts.command(KEY, Command.PROMOTE, "alice")
    assert following.weight() == 50
    following.publisher.repin(_pin(3), "alice", "")
    assert following.weight() is None
    following.at(1)
    assert (following.weight(), _says(following)) == (10, (1, 3))

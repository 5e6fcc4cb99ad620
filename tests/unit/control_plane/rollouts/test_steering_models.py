"""What a model's alias leads to is rolled out too: the other version is served beside the first until it is shown."""

import json
from typing import Any

import pytest

from control_plane import serving
from control_plane.rollouts.answering import Answering
from control_plane.rollouts.steering import Rollouts
from control_plane.spec.beside import BESIDE
from control_plane.spec.courses import Command, Phase, Why
from control_plane.spec.documents import in_namespace
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.prompts import PinnedPrompt
from control_plane.spec.snapshots import Backend
from control_plane.spec.versions import PinnedModel
from control_plane.store import model_pins, pins, revisions
from control_plane.store.model_pins import ModelPin
from control_plane.store.pins import Pin
from tests.unit.control_plane.rollouts.world import KEY, World
from tests.unit.control_plane.rollouts.world import world as world
from tests.unit.control_plane.samples import experiment, generating, model, rollout, route

_ALIAS = "models:/support@live"
_FOLLOWS = generating(source=_ALIAS)
_STEPS = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]


def _pin(number: int, name: str = "support") -> dict[str, ModelPin]:
    reference = f"models:/{name}@live"
    version = PinnedModel(name=name, version=number, source=f"file:///{name}/{number}", sha256=f"{number:064x}")
    return {reference: ModelPin(reference=reference, model=version, observed=number)}


def _said(number: int) -> dict[str, Pin]:
    said = PinnedPrompt(name="tone", version=number, template=f"version {number}")
    return {"tone@live": Pin(reference="tone@live", prompt=said, observed=number)}


def _following(name: str = "heavier", *changes: str, **spec: Any) -> dict[str, Any]:
    return rollout(name, override=None, onChange=list(changes or ["model"]), **{"steps": _STEPS} | spec)


@pytest.fixture
def following(world: World) -> World:
    """Two Routes over one Model that follows an alias; changes of the first are rolled out."""
    _know(world, _pin(1))
    world.apply(model(), _FOLLOWS, route(), route("other"), _following())
    return world


def _know(world: World, *found: dict[str, ModelPin]) -> None:
    with world.database.write() as transaction:
        model_pins.keep(transaction, {name: pin for each in found for name, pin in each.items()})


def _move(world: World, number: int, name: str = "support") -> None:
    world.publisher.repin_models(_pin(number, name), "alice", "better")


def _backends(world: World) -> dict[str, Backend]:
    return {one.name: one for one in world.snapshot().content.backends}


def _serves(world: World) -> dict[str, str]:
    """Version by Model, of those whose weights the registry has."""
    return {name: one.version for name, one in _backends(world).items() if one.weights}


def _deployed(world: World) -> dict[str, str | None]:
    """As whoever deploys Models is told."""
    with world.database.read() as transaction:
        found = serving.models(transaction)
    return {one.metadata.qualified_name: one.spec.source for one in found if one.metadata.name != "faq"}


def _candidate(world: World) -> tuple[str, ...] | None:
    trials = world.compiled().trials
    return trials[0].arms[1].heavy if trials else None


def test_another_version_is_served_beside_the_first_and_takes_the_steps(following: World) -> None:
    before = following.compiled()
    _move(following, 2)
    assert _serves(following) == {"assistant": "1", "assistant--v2": "2"}
    assert _deployed(following) == {"assistant": "file:///support/1", "assistant--v2": "file:///support/2"}
    assert _backends(following)["assistant--v2"].urls == ("http://h/assistant--v2/v1",)
    assert _candidate(following) is None
    following.at(0)
    assert (following.weight(), _candidate(following)) == (10, ("assistant--v2",))
    assert following.compiled().trials[0].arms[1].light == ("faq",)
    assert following.compiled().model_copy(update={"trials": ()}) == before  # its cached answers are good still
    assert following.compiled("other").heavy == ("assistant",)
    assert following.rollouts.status(KEY).following == f"{_ALIAS}: version 1 -> 2"
    following.rollouts.command(KEY, Command.PROMOTE, "alice", full=True)
    assert (_serves(following), _candidate(following)) == ({"assistant": "2"}, None)
    assert _deployed(following) == {"assistant": "file:///support/2"}
    assert len(following.written()) == 1


def test_no_unit_gets_a_version_before_it_answers(following: World) -> None:
    absent = {"assistant--v2"}

    def missing(models: Any) -> str | None:
        return next((f"{one.metadata.name} loads" for one in models if one.metadata.name in absent), None)

    following.rollouts = Rollouts(following.publisher, following.rollouts.shown, missing)
    _move(following, 2)
    for minutes in range(3):
        following.at(minutes)
    status = following.rollouts.status(KEY)
    assert (status.phase, status.problem, _candidate(following)) == (Phase.PENDING, "assistant--v2 loads", None)
    assert [one.reasons[0].code for one in following.history()] == [Why.ANOTHER_CHANGE, Why.BLOCKED]
    absent.clear()
    following.at(3)
    assert (following.weight(), following.rollouts.status(KEY).problem) == (10, None)


def test_a_version_that_an_operator_runs_is_tried_where_it_says_once_it_says_that_it_runs(world: World) -> None:
    def run(*documents: dict[str, Any], **beside: Any) -> None:
        said = generating(source=_ALIAS, url="http://stable/v1")
        said["metadata"]["annotations"] = {BESIDE: json.dumps({"assistant--v2": beside} if beside else {})}
        world.apply(*documents, said)

    _know(world, _pin(1))
    run(model(), route(), _following())
    world.rollouts = Rollouts(world.publisher, world.rollouts.shown, Answering("http://h").missing)
    _move(world, 2)
    world.at(0)
    assert _deployed(world) == {"assistant": "file:///support/1", "assistant--v2": "file:///support/2"}
    assert _serves(world) == {"assistant": "1"}  # of what has no address yet no router hears
    run(url="http://other/v1")
    world.at(1)
    status = world.rollouts.status(KEY)
    assert (status.phase, "does not run yet" in (status.problem or "")) == (Phase.PENDING, True)
    run(url="http://other/v1", running=True)
    world.at(2)
    assert (world.weight(), _candidate(world)) == (10, ("assistant--v2",))
    assert [_backends(world)[name].urls for name in ("assistant", "assistant--v2")] == [
        ("http://stable/v1",),
        ("http://other/v1",),
    ]
    run(url="http://other/v1")  # a pod was restarted
    world.at(3)
    assert (world.weight(), _candidate(world)) == (10, ("assistant--v2",))
    world.rollouts.command(KEY, Command.PROMOTE, "alice", full=True)
    assert (_serves(world), _deployed(world)) == ({"assistant": "2"}, {"assistant": "file:///support/2"})


@pytest.mark.parametrize("said", ["", "[]", '{"assistant--v2": {"url": "file:///etc"}}', '{"assistant--v2": 1}'])
def test_where_a_version_runs_is_believed_of_addresses_alone(world: World, said: str) -> None:
    _know(world, _pin(1))
    document = generating(source=_ALIAS, url="http://stable/v1")
    document["metadata"]["annotations"] = {BESIDE: said}
    world.apply(model(), route(), _following(), document)
    _move(world, 2)
    assert _serves(world) == {"assistant": "1"}


def test_a_version_that_was_taken_back_stays_away_until_its_alias_moves_again(following: World) -> None:
    _move(following, 2)
    following.at(0)
    following.rollouts.command(KEY, Command.ABORT, "alice")
    following.at(1)
    assert (_serves(following), _deployed(following)) == ({"assistant": "1"}, {"assistant": "file:///support/1"})
    _move(following, 3)
    following.at(2)
    assert (_serves(following), _candidate(following)) == (
        {"assistant": "1", "assistant--v3": "3"},
        ("assistant--v3",),
    )
    _move(following, 1)
    following.at(3)
    assert (following.phase(), _serves(following)) == (Phase.PENDING, {"assistant": "1"})
    assert following.history()[-1].reasons[0].text == f"{_ALIAS!r} leads to version 1 again"


def test_an_alias_moved_again_under_way_begins_anew_with_the_newest(following: World) -> None:
    _move(following, 2)
    following.at(0)
    following.rollouts.command(KEY, Command.PROMOTE, "alice")
    assert following.weight() == 50
    _move(following, 3)
    assert (following.weight(), _serves(following)) == (None, {"assistant": "1", "assistant--v3": "3"})
    following.at(1)
    assert (following.weight(), _candidate(following)) == (10, ("assistant--v3",))


def test_a_control_plane_that_ends_between_any_two_of_these_goes_on(following: World) -> None:
    def again() -> None:
        following.database.close()
        following.open()
        following.publisher.reconcile()

    _move(following, 2)
    again()
    assert _serves(following) == {"assistant": "1", "assistant--v2": "2"}
    following.at(0)
    again()
    assert (following.weight(), _candidate(following)) == (10, ("assistant--v2",))
    following.rollouts.command(KEY, Command.ABORT, "alice")
    again()
    assert _serves(following) == {"assistant": "1"}


def test_a_changed_rollout_lets_no_version_through_and_a_deleted_one_does(following: World) -> None:
    _move(following, 2)
    following.at(0)
    following.apply(_following(steps=[{"setWeight": 1}, {"pause": {}}]))
    assert _serves(following) == {"assistant": "1", "assistant--v2": "2"}
    following.at(1)
    assert following.weight() == 1
    following.publisher.delete(KEY, "alice")
    assert _serves(following) == {"assistant": "2"}


def test_models_of_other_routes_and_namespaces_follow_at_once(world: World) -> None:
    _know(world, _pin(1))
    twin = generating("twin", source=_ALIAS)
    team = [in_namespace(one, "team") for one in (model(), _FOLLOWS, route())]
    world.apply(model(), _FOLLOWS, twin, route(), _following(), *team)
    _move(world, 2)
    assert _serves(world) == {"assistant": "1", "assistant--v2": "2", "twin": "2", "team/assistant": "2"}
    assert _deployed(world)["team/assistant"] == "file:///support/2"


def test_what_changes_meanwhile_is_carried_out_together_and_what_was_taken_back_is_not(world: World) -> None:
    _know(world, _pin(1))
    with world.database.write() as transaction:
        pins.keep(transaction, _said(1))
    said: dict[str, Any] = {"prompt": {"name": "tone", "alias": "live"}}
    world.apply(model(), _FOLLOWS, route(**said), _following("heavier", "prompt", "model"))

    def does() -> tuple[int | None, tuple[str, ...] | None]:
        arm = world.compiled().trials[0].arms[1]
        return arm.prompt.version if arm.prompt else None, arm.heavy

    _move(world, 2)
    world.at(0)
    assert does() == (None, ("assistant--v2",))
    world.publisher.repin(_said(2), "alice", "kinder")
    world.at(1)
    assert does() == (2, ("assistant--v2",))
    world.rollouts.command(KEY, Command.ABORT, "alice")
    world.publisher.repin(_said(3), "alice", "kinder still")
    world.at(2)
    assert (does(), _serves(world)) == ((3, None), {"assistant": "1"})
    world.rollouts.command(KEY, Command.PROMOTE, "alice", full=True)
    prompt = world.compiled().prompt
    assert prompt is not None
    assert (prompt.version, _serves(world)) == (3, {"assistant": "1"})
    assert world.rollouts.status(KEY).following == f"{_ALIAS}: version 1 -> 2, held back"


def test_an_adapter_is_rolled_out_with_a_copy_of_its_base(world: World) -> None:
    _know(world, _pin(1), _pin(1, "legal"))
    adapters = [{"name": "legal", "source": "models:/legal@live"}]
    based = generating(source=_ALIAS, adapters=adapters)
    world.apply(model(), based, route(tiers={"heavy": ["assistant:legal"]}), _following())
    _move(world, 2, "legal")
    world.at(0)
    assert _candidate(world) == ("assistant--v2:legal",)
    assert _serves(world) == {
        "assistant": "1",
        "assistant:legal": "1-1",
        "assistant--v2": "1",
        "assistant--v2:legal": "1-2",
    }


def test_a_restored_snapshot_holds_back_what_it_held_back(following: World) -> None:
    _move(following, 2)
    following.at(0)
    under_way = following.snapshot().number
    following.rollouts.command(KEY, Command.PROMOTE, "alice", full=True)
    assert _serves(following) == {"assistant": "2"}
    following.publisher.rollback(under_way, "bob")
    assert (_serves(following), following.phase()) == ({"assistant": "1"}, Phase.PROMOTED)
    following.at(1)
    assert _serves(following) == {"assistant": "1"}
    _move(following, 3)
    following.at(2)
    assert _serves(following) == {"assistant": "1", "assistant--v3": "3"}


def test_a_snapshot_from_before_is_restored_as_it_was_and_takes_back_what_is_under_way(following: World) -> None:
    before = following.snapshot()
    _move(following, 2)
    following.at(0)
    following.publisher.rollback(before.number, "bob")
    assert following.snapshot().content == before.content
    following.at(1)
    assert (following.phase(), following.snapshot().content) == (Phase.ABORTED, before.content)


def test_it_waits_for_an_experiment_over_the_same_tiers(following: World) -> None:
    arms = [{"name": "control"}, {"name": "light", "override": {"tiers": {"light": ["faq"]}}}]
    following.apply(experiment(arms=arms))
    _move(following, 2)
    following.at(0)
    status = following.rollouts.status(KEY)
    assert (status.phase, _serves(following)) == (Phase.PENDING, {"assistant": "1", "assistant--v2": "2"})
    assert "overrides tiers too" in (status.problem or "")


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ([generating(source=_ALIAS, url="http://h/v1")], "is at a URL of its own"),
        ([_following("second", route="other")], "Rollout 'heavier' carries out the changes of Model 'assistant'"),
    ],
)
@pytest.mark.parametrize("under_way", [False, True])
def test_what_cannot_be_carried_out_is_refused(
    following: World, documents: list[dict[str, Any]], says: str, under_way: bool
) -> None:
    if under_way:
        _move(following, 2)
        following.at(0)
    with pytest.raises(TiermeshError, match=says) as raised:
        following.apply(*documents)
    assert raised.value.code is Code.INVALID_DOCUMENT


def test_a_model_that_has_the_name_already_keeps_the_alias_where_it_is(following: World) -> None:
    following.apply(generating("assistant--v2"))
    with pytest.raises(TiermeshError, match="has the name under which Rollout 'heavier' tries another version"):
        _move(following, 2)
    assert _serves(following) == {"assistant": "1"}


def test_one_that_would_begin_anew_and_finds_its_name_taken_is_refused(following: World) -> None:
    _move(following, 2)
    following.at(0)
    following.rollouts.command(KEY, Command.ABORT, "alice")
    following.apply(generating("assistant--v2"))
    with pytest.raises(TiermeshError, match="has the name under which Rollout 'heavier' tries"):
        following.apply(_following(salt="anew"))
    following.publisher.delete(Key("Model", "assistant--v2"), "alice")
    following.apply(_following(salt="anew"))
    following.at(1)
    assert (following.weight(), _serves(following)) == (10, {"assistant": "1", "assistant--v2": "2"})


def test_long_names_are_cut_and_stay_different(world: World) -> None:
    _know(world, _pin(1))
    names = [f"{'a' * 62}{last}" for last in "xy"]
    tiers = {"heavy": names}
    world.apply(model(), *(generating(name, source=_ALIAS) for name in names), route(tiers=tiers), _following())
    _move(world, 2)
    world.at(0)
    found = _candidate(world) or ()
    assert len({*found, *names}) == 4
    assert all(len(name) <= 63 for name in found)


def test_what_is_served_beside_is_no_document(following: World) -> None:
    _move(following, 2)
    with following.database.read() as transaction:
        assert {key.name for key in revisions.heads(transaction, "Model")} == {"faq", "assistant"}
        assert {one.metadata.name for one in serving.models(transaction) if one.tried} == {"assistant--v2"}
    with pytest.raises(TiermeshError, match="tries another version"):
        following.apply(generating("assistant--v2"))

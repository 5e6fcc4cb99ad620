"""An alias's move is checked, published at once, and followed where it was made past the mesh; a protected one waits
for a second person. What is pinned serves on while MLflow is away."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from control_plane.aliases import KIND, Aliases
from control_plane.approvals import Approvals
from control_plane.drift import Drift
from control_plane.following import follow
from control_plane.pinning import Pinning
from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.publisher import Publisher
from control_plane.spec.approvals import State
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import CompiledPrompt, Template
from control_plane.spec.snapshots import Snapshot
from control_plane.store import pins, snapshots
from control_plane.store.database import Database
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.samples import experiment, generating, model, parsed, prompt, route

AWAY = PromptRegistry(Connection("http://127.0.0.1:1", 1))


@dataclass(frozen=True)
class Plane:
    """A control plane's parts, without its ports."""

    publisher: Publisher
    aliases: Aliases
    approvals: Approvals
    registry: PromptRegistry
    drift: Drift

    def snapshot(self) -> Snapshot:
        with self.publisher.database.read() as transaction:
            found = snapshots.latest(transaction)
        assert found is not None
        return found

    def prompt(self) -> CompiledPrompt:
        """The one Route's."""
        found = self.snapshot().content.routes[0].prompt
        assert found is not None
        return found

    def without_mlflow(self) -> "Plane":
        publisher = replace(self.publisher, pinning=Pinning(self.publisher.database, AWAY))
        aliases = replace(self.aliases, registry=AWAY, publisher=publisher)
        return Plane(publisher, aliases, self.approvals, AWAY, Drift(self.publisher.database, AWAY))


@pytest.fixture(scope="module")
def filled(empty_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prompt `support` has versions 1 to 3; `production` and `canary` lead to the first."""
    folder = tmp_path_factory.mktemp("filled")
    registry = PromptRegistry(Connection(copied(empty_registry, folder), 5))
    for text in ("one {{language}}", "two {{language}}", "three"):
        registry.write("support", Template(template=text), "", "alice")
    for alias in ("production", "canary"):
        registry.move("support", alias, 1)
    return folder / "mlflow.db"


@pytest.fixture
def plane(database: Database, filled: Path, tmp_path: Path) -> Plane:
    """Over a registry of the test's own."""
    registry = PromptRegistry(Connection(copied(filled, tmp_path / "mlflow"), 5))
    publisher = Publisher(database, "http://h", lambda _: None, pinning=Pinning(database, registry))
    approvals = Approvals(database)
    aliases = Aliases(registry, publisher, approvals, frozenset({"production"}))
    approvals.register(KIND, aliases.approved)
    return Plane(publisher, aliases, approvals, registry, Drift(database, registry))


def serving(plane: Plane, alias: str = "canary", **variables: str) -> None:
    """One Route by an alias is in force."""
    said = {"name": "support", "alias": alias, "variables": variables}
    plane.publisher.apply(parsed(model(), generating(), route(prompt=said)), "alice")


def waiting(plane: Plane, version: int, author: str = "alice") -> int:
    """The number of the request that moving `production` made."""
    with pytest.raises(TiermeshError) as caught:
        plane.aliases.move("support", "production", version, author, "shorter")
    assert caught.value.code is Code.APPROVAL_REQUIRED
    (field,) = caught.value.errors
    assert field.field == "approval"
    return int(field.message)


def test_a_write_pins_what_its_routes_name(plane: Plane) -> None:
    serving(plane)
    assert (plane.prompt().version, plane.prompt().template) == (1, "one {{language}}")


def test_a_move_is_published_at_once(plane: Plane) -> None:
    serving(plane)
    moved = plane.aliases.move("support", "canary", 2, "bob", "warmer")
    assert (moved.before, moved.published, moved.snapshot) == (1, True, 2)
    assert (plane.prompt().version, plane.snapshot().author, plane.snapshot().reason) == (2, "bob", "warmer")
    assert plane.registry.version("support", "canary").version == 2


def test_a_move_that_no_route_follows_publishes_nothing(plane: Plane) -> None:
    serving(plane)
    assert plane.aliases.move("support", "other", 2, "bob").published is False


def test_a_version_that_a_route_does_not_fit_moves_nothing_anywhere(plane: Plane) -> None:
    serving(plane, language="German")
    with pytest.raises(TiermeshError) as caught:
        plane.aliases.move("support", "canary", 3, "bob")
    assert [wrong.field for wrong in caught.value.errors] == ["Route/shop.spec.prompt.variables.language"]
    assert plane.registry.version("support", "canary").version == plane.prompt().version == 1


def test_references_that_lead_nowhere_are_all_named_with_what_is_near(plane: Plane) -> None:
    wrong = {"name": "suport", "version": 1}, {"name": "support", "alias": "canry"}, {"name": "support", "version": 9}
    routes = [route(f"r{index}", prompt=said) for index, said in enumerate(wrong)]
    with pytest.raises(TiermeshError) as caught:
        plane.publisher.apply(parsed(model(), generating(), *routes), "alice")
    assert caught.value.status == 422
    assert [(one.field, near in one.message) for one, near in zip(
        caught.value.errors, ("'support'", "'canary'", "version 3"), strict=True
    )] == [
        ("Route/r0.spec.prompt.name", True),
        ("Route/r1.spec.prompt.alias", True),
        ("Route/r2.spec.prompt.version", True),
    ]  # fmt: skip


def test_a_protected_alias_moves_when_a_second_person_approves(plane: Plane) -> None:
    serving(plane, "production")
    number = waiting(plane, 2)
    assert waiting(plane, 2) == number, "the same is asked for once"
    with pytest.raises(TiermeshError, match="cannot approve it") as caught:
        plane.approvals.approve(number, "alice")
    assert caught.value.code is Code.FORBIDDEN
    assert (plane.prompt().version, plane.registry.version("support", "production").version) == (1, 1)
    decided = plane.approvals.approve(number, "bob", "read it")
    assert (decided.state, decided.decided_by, decided.note) == (State.APPROVED, "bob", "read it")
    assert (plane.prompt().version, plane.registry.version("support", "production").version) == (2, 2)
    with pytest.raises(TiermeshError, match="was approved by 'bob' already"):
        plane.approvals.reject(number, "carol")


def test_a_rejected_move_changes_nothing(plane: Plane) -> None:
    serving(plane, "production")
    assert plane.approvals.reject(waiting(plane, 2), "bob", "too long").state is State.REJECTED
    assert plane.registry.version("support", "production").version == 1


def test_a_request_that_was_overtaken_is_not_carried_out(plane: Plane) -> None:
    serving(plane, "production")
    number = waiting(plane, 2)
    plane.registry.move("support", "production", 3)
    with pytest.raises(TiermeshError, match="leads to version 3 by now") as caught:
        plane.approvals.approve(number, "bob")
    assert caught.value.code is Code.CONFLICT


def test_a_move_in_mlflow_itself_is_followed(plane: Plane) -> None:
    serving(plane)
    assert plane.aliases.follow() == 0
    plane.registry.move("support", "canary", 2)
    assert (plane.aliases.follow(), plane.prompt().version) == (1, 2)
    assert plane.snapshot().reason == "alias 'canary' of prompt 'support' leads to version 2 in MLflow"
    assert plane.aliases.follow() == 0


def test_a_protected_alias_that_moved_in_mlflow_waits_for_a_person_too(plane: Plane) -> None:
    serving(plane, "production")
    plane.registry.move("support", "production", 2)
    assert (plane.aliases.follow(), plane.aliases.follow(), plane.prompt().version) == (0, 0, 1)
    (summary,) = plane.drift.prompts()
    assert "production is held at 1" in summary.drift[0]
    assert plane.approvals.approve(1, "bob").requested_by == "MLflow"
    assert plane.prompt().version == 2


def test_what_cannot_be_used_is_left_and_said_once(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    serving(plane, language="German")
    plane.registry.move("support", "canary", 3)
    assert (plane.aliases.follow(), plane.aliases.follow(), plane.prompt().version) == (0, 0, 1)
    assert caplog.messages.count("a prompt is not followed") == 1
    (summary,) = plane.drift.prompts()
    assert "has no variable 'language'" in summary.drift[0]
    plane.registry.move("support", "canary", 2)
    assert (plane.aliases.follow(), plane.prompt().version, plane.drift.prompts()[0].drift) == (1, 2, ())


def test_a_rollback_holds_the_version_of_its_snapshot_until_the_alias_moves_again(plane: Plane) -> None:
    serving(plane)
    plane.aliases.move("support", "canary", 2, "bob")
    plane.publisher.rollback(1, "carol")
    assert (plane.aliases.follow(), plane.prompt().version, plane.snapshot().number) == (0, 1, 3)
    plane.aliases.move("support", "canary", 2, "bob")
    assert plane.prompt().version == 2


def test_without_mlflow_what_is_pinned_compiles_and_what_is_not_is_unavailable(plane: Plane) -> None:
    serving(plane)
    dark = plane.without_mlflow()
    assert dark.publisher.reconcile().published is False
    said = {"name": "support", "alias": "canary"}
    changed = route(prompt=said, complexity={"threshold": 0.2})
    assert dark.publisher.apply(parsed(changed), "alice").published
    assert (plane.prompt().version, plane.snapshot().content.routes[0].threshold) == (1, 0.2)
    for write in (
        lambda: dark.publisher.apply(parsed(route(prompt={"name": "support", "version": 2})), "alice"),
        lambda: dark.publisher.apply(parsed(prompt(template="new")), "alice"),
        lambda: dark.aliases.move("support", "canary", 2, "bob"),
    ):
        with pytest.raises(TiermeshError) as caught:
            write()
        assert caught.value.code is Code.UNAVAILABLE


def test_a_pin_that_no_route_names_is_forgotten(plane: Plane) -> None:
    serving(plane)
    plane.publisher.apply(parsed(route()), "alice")
    with plane.publisher.database.read() as transaction:
        assert pins.read(transaction) == {}


def test_a_prompts_document_becomes_a_version_where_the_newest_says_something_else(plane: Plane) -> None:
    document = prompt(template="four", message="from Git")
    document["metadata"]["annotations"] = {"tiermesh.dev/commit": "abc123"}
    for _ in range(2):
        plane.publisher.apply(parsed(document), "alice", "release")
    newest = plane.registry.newest("support")
    assert newest is not None
    assert (newest.version, newest.message, newest.commit, newest.author) == (4, "from Git", "abc123", "alice")
    plane.registry.write("support", Template(template="five"), "", "bob")
    plane.publisher.apply(parsed(document), "alice")
    assert plane.registry.known()["support"].newest == 6


def test_a_batch_may_bring_the_prompt_that_its_route_names(plane: Plane) -> None:
    said = {"name": "greeting", "version": 1}
    batch = [model(), generating(), prompt("greeting", template="hi"), route(prompt=said)]
    assert plane.publisher.apply(parsed(*batch), "alice", dry_run=True).published
    assert "greeting" not in plane.registry.known()
    plane.publisher.apply(parsed(*batch), "alice")
    assert plane.prompt().template == "hi"


def test_a_batch_that_does_not_fit_writes_no_version(plane: Plane) -> None:
    with pytest.raises(TiermeshError):
        plane.publisher.apply(parsed(prompt("greeting", template="hi"), route()), "alice")
    assert "greeting" not in plane.registry.known()


def test_a_document_that_is_in_force_can_be_applied_again_without_mlflow(plane: Plane) -> None:
    plane.publisher.apply(parsed(prompt(template="four")), "alice")
    applied = plane.without_mlflow().publisher.apply(parsed(prompt(template="four")), "alice")
    assert [change.outcome for change in applied.changes] == ["unchanged"]


def test_drift_is_where_an_alias_says_something_else_than_the_document(plane: Plane) -> None:
    plane.publisher.apply(parsed(prompt(template="two {{language}}")), "alice")
    plane.registry.move("support", "canary", 4)
    (summary,) = plane.drift.prompts()
    assert (summary.newest, summary.drift) == (4, ("production (1) differs from the document",))


async def test_following_goes_on_when_mlflow_comes_back(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    serving(plane)
    stop, asked = asyncio.Event(), 0
    dark = plane.without_mlflow().aliases

    class Flickering:
        """Away at first."""

        def follow(self) -> int:
            nonlocal asked
            asked += 1
            if asked > 2:
                stop.set()
            return (dark if asked < 3 else plane.aliases).follow()

    await follow(Flickering(), stop, 0.01)
    assert [one.message for one in caplog.records if one.name.endswith("following")] == ["aliases are not followed"]


def armed(plane: Plane, alias: str = "canary") -> None:
    """A Route without a prompt is in force, and an Experiment on it whose second arm has one."""
    said = {"name": "support", "alias": alias, "variables": {"language": "German"}}
    arms = [{"name": "control"}, {"name": "candidate", "override": {"prompt": said}}]
    plane.publisher.apply(parsed(model(), generating(), route(), experiment(arms=arms)), "alice")


def arms_prompt(plane: Plane) -> CompiledPrompt:
    (trial,) = plane.snapshot().content.routes[0].trials
    assert trial.arms[1].prompt is not None
    return trial.arms[1].prompt


def test_an_arms_prompt_is_pinned_follows_its_alias_and_is_rolled_back_as_a_routes_is(plane: Plane) -> None:
    armed(plane)
    assert (arms_prompt(plane).version, arms_prompt(plane).template) == (1, "one {{language}}")
    assert plane.aliases.move("support", "canary", 2, "bob").published
    assert arms_prompt(plane).version == 2
    plane.without_mlflow().publisher.rollback(1, "bob")
    assert arms_prompt(plane).version == 1
    plane.publisher.apply(parsed(experiment()), "alice")
    with plane.publisher.database.read() as transaction:
        assert pins.read(transaction) == {}


def test_an_arms_prompt_that_leads_nowhere_is_named_by_its_field(plane: Plane) -> None:
    with pytest.raises(TiermeshError) as caught:
        armed(plane, "canari")
    (wrong,) = caught.value.errors
    assert wrong.field == "Experiment/wording.spec.arms[1].override.prompt.alias"


def test_an_alias_that_an_arm_does_not_fit_is_not_moved(plane: Plane) -> None:
    armed(plane)
    with pytest.raises(TiermeshError, match="has no variable 'language'"):
        plane.aliases.move("support", "canary", 3, "bob")
    assert arms_prompt(plane).version == 1

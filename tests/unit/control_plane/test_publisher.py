"""Publishing: what is written is compiled, numbered, and never half of it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.publisher import Publisher
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Outcome, Revision
from control_plane.spec.snapshots import Snapshot
from control_plane.store import revisions, snapshots
from control_plane.store.database import Database
from tests.unit.control_plane.samples import generating, model, parsed, route, shop

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_SERVE = "http://127.0.0.1:8000"


@pytest.fixture
def published() -> list[int]:
    """The numbers that were announced."""
    return []


@pytest.fixture
def publisher(database: Database, published: list[int]) -> Publisher:
    """A publisher with a clock that stands still."""
    return Publisher(database, _SERVE, lambda snapshot: published.append(snapshot.number), lambda: _NOW)


def _snapshot(publisher: Publisher, number: int) -> Snapshot:
    with publisher.database.read() as transaction:
        found = snapshots.get(transaction, number)
    assert found is not None
    return found


def _history(publisher: Publisher, kind: str, name: str) -> list[Revision]:
    with publisher.database.read() as transaction:
        return revisions.history(transaction, kind, name)


def _threshold(snapshot: Snapshot) -> float:
    return snapshot.content.routes[0].threshold


def test_applying_publishes_one_snapshot_with_its_provenance(publisher: Publisher, published: list[int]) -> None:
    applied = publisher.apply(parsed(*shop()), "alice", "opening")
    assert (applied.snapshot, applied.published, published) == (1, True, [1])
    snapshot = _snapshot(publisher, 1)
    assert (snapshot.author, snapshot.reason, snapshot.created_at) == ("alice", "opening", _NOW)


def test_applying_the_same_again_writes_and_publishes_nothing(publisher: Publisher, published: list[int]) -> None:
    publisher.apply(parsed(*shop()), "alice")
    applied = publisher.apply(parsed(*shop()), "bob")
    assert [change.outcome for change in applied.changes] == [Outcome.UNCHANGED] * 3
    assert (applied.snapshot, applied.published, published) == (1, False, [1])
    assert len(_history(publisher, "Route", "shop")) == 1


def test_a_change_that_no_router_sees_is_written_down_and_publishes_nothing(publisher: Publisher) -> None:
    publisher.apply(parsed(*shop()), "alice")
    labelled = route()
    labelled["metadata"]["labels"] = {"team": "shop"}
    applied = publisher.apply(parsed(labelled), "alice")
    assert (applied.changes[0].outcome, applied.changes[0].generation) == (Outcome.CHANGED, 2)
    assert (applied.snapshot, applied.published) == (1, False)


def test_one_document_of_a_batch_that_does_not_fit_changes_nothing(publisher: Publisher, published: list[int]) -> None:
    with pytest.raises(TiermeshError) as raised:
        publisher.apply(parsed(model(), generating(), route(tiers={"light": ["absent"]})), "alice")
    assert raised.value.code is Code.INVALID_DOCUMENT
    assert _history(publisher, "Model", "faq") == []
    assert published == []


def test_one_document_may_not_stand_twice_in_a_batch(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError, match="Model 'faq' stands twice") as raised:
        publisher.apply(parsed(model(), model(version="2")), "alice")
    assert raised.value.errors[0].field == "documents[1].metadata.name"


def test_a_dry_run_answers_the_same_and_writes_nothing(publisher: Publisher, published: list[int]) -> None:
    dry = publisher.apply(parsed(*shop()), "alice", dry_run=True)
    assert (_history(publisher, "Model", "faq"), published) == ([], [])
    wet = publisher.apply(parsed(*shop()), "alice")
    assert dry.dry_run
    assert dry.model_copy(update={"dry_run": False}) == wet


def test_a_dry_run_refuses_what_applying_would_refuse(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError, match="do not fit together"):
        publisher.apply(parsed(route()), "alice", dry_run=True)


@pytest.mark.parametrize(
    ("users", "named"),
    [([route(tiers={"light": ["faq"]})], "Route 'shop'"), ([generating()], "Model 'assistant'")],
    ids=["route", "passages"],
)
def test_a_model_that_is_named_is_not_deleted(publisher: Publisher, users: list[dict[str, object]], named: str) -> None:
    publisher.apply(parsed(model(), *users), "alice")
    with pytest.raises(TiermeshError, match=f"is named by {named}") as raised:
        publisher.delete(Key("Model", "faq"), "alice")
    assert raised.value.code is Code.CONFLICT
    assert len(_history(publisher, "Model", "faq")) == 1


def test_a_route_of_the_models_name_does_not_keep_a_route_from_being_deleted(publisher: Publisher) -> None:
    publisher.apply(parsed(model(), route("faq", tiers={"light": ["faq"]})), "alice")
    assert publisher.delete(Key("Route", "faq"), "alice").snapshot == 2


def test_deleting_is_a_revision_and_creating_again_the_next(publisher: Publisher) -> None:
    publisher.apply(parsed(model()), "alice")
    assert publisher.delete(Key("Model", "faq"), "bob").changes[0].outcome is Outcome.DELETED
    assert publisher.apply(parsed(model()), "carol").changes[0].outcome is Outcome.CREATED
    history = _history(publisher, "Model", "faq")
    assert [(one.generation, one.deleted, one.author) for one in history] == [
        (3, False, "carol"),
        (2, True, "bob"),
        (1, False, "alice"),
    ]


def test_deleting_the_last_document_publishes_an_empty_snapshot(publisher: Publisher) -> None:
    publisher.apply(parsed(model()), "alice")
    applied = publisher.delete(Key("Model", "faq"), "alice")
    assert _snapshot(publisher, applied.snapshot or 0).content.backends == ()


def test_deleting_what_is_not_there_names_the_nearest(publisher: Publisher) -> None:
    publisher.apply(parsed(model("faq-en")), "alice")
    with pytest.raises(TiermeshError, match="Did you mean 'faq-en'") as raised:
        publisher.delete(Key("Model", "faq-em"), "alice")
    assert raised.value.code is Code.NOT_FOUND


def test_a_rollback_is_a_new_number_with_the_old_content(publisher: Publisher, published: list[int]) -> None:
    publisher.apply(parsed(*shop()), "alice")
    publisher.apply(parsed(route(complexity={"threshold": 0.1})), "alice")
    rolled = publisher.rollback(1, "bob")
    assert (rolled.snapshot, published) == (3, [1, 2, 3])
    assert _snapshot(publisher, 3).sha256 == _snapshot(publisher, 1).sha256
    assert (_snapshot(publisher, 3).parent, _snapshot(publisher, 3).reason) == (2, "rollback to snapshot 1")


def test_a_later_apply_does_not_undo_a_rollback(publisher: Publisher) -> None:
    publisher.apply(parsed(*shop()), "alice")
    publisher.apply(parsed(route(complexity={"threshold": 0.1})), "alice")
    publisher.rollback(1, "bob")
    applied = publisher.apply(parsed(model("other")), "alice")
    assert _threshold(_snapshot(publisher, applied.snapshot or 0)) == _threshold(_snapshot(publisher, 1))


def test_a_rollback_deletes_what_came_later_and_brings_back_what_went(publisher: Publisher) -> None:
    publisher.apply(parsed(model(), model("old")), "alice")
    publisher.delete(Key("Model", "old"), "alice")
    publisher.apply(parsed(model("new")), "alice")
    outcomes = {change.name: change.outcome for change in publisher.rollback(1, "bob").changes}
    assert outcomes == {"faq": Outcome.UNCHANGED, "old": Outcome.CREATED, "new": Outcome.DELETED}


def test_a_rollback_to_what_is_in_force_publishes_nothing(publisher: Publisher) -> None:
    publisher.apply(parsed(*shop()), "alice")
    applied = publisher.rollback(1, "bob")
    assert (applied.snapshot, applied.published) == (1, False)


def test_a_rollback_to_an_unknown_number_is_refused(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError, match="There is no snapshot 7") as raised:
        publisher.rollback(7, "bob")
    assert raised.value.code is Code.NOT_FOUND


def test_a_start_with_another_address_of_ray_serve_publishes_it(publisher: Publisher, database: Database) -> None:
    publisher.apply(parsed(*shop()), "alice")
    moved = Publisher(database, "http://127.0.0.1:9000", lambda _: None, lambda: _NOW)
    assert moved.reconcile().snapshot == 2
    assert moved.reconcile().published is False
    assert _snapshot(publisher, 2).content.backends[0].urls[0].startswith("http://127.0.0.1:9000/")


def test_a_start_with_no_documents_publishes_nothing(publisher: Publisher) -> None:
    assert publisher.reconcile().snapshot is None


_OPERATIONS: dict[str, Callable[[Publisher, int], object]] = {
    "apply": lambda publisher, n: publisher.apply(parsed(*shop(), model(f"extra-{n}")), f"author-{n}"),
    "tune": lambda publisher, n: publisher.apply(parsed(route(complexity={"threshold": n / 10})), "tuner"),
    "delete extra": lambda publisher, n: publisher.delete(Key("Model", f"extra-{n}"), "cleaner"),
    "delete named": lambda publisher, n: publisher.delete(Key("Model", "faq"), "cleaner"),
    "delete route": lambda publisher, n: publisher.delete(Key("Route", "shop"), "cleaner"),
    "rollback": lambda publisher, n: publisher.rollback(n + 1, "returner"),
    "dry run": lambda publisher, n: publisher.apply(parsed(model(f"dry-{n}")), "looker", dry_run=True),
}


@settings(max_examples=min(25, settings().max_examples), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(_OPERATIONS)), st.integers(0, 5)), max_size=12))
def test_whatever_is_done_history_only_grows_and_the_snapshot_says_what_the_documents_say(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, steps: list[tuple[str, int]]
) -> None:
    file = shutil.copy(empty_database, tmp_path_factory.mktemp("any") / "test.db")
    database = Database(f"sqlite:///{file}")
    publisher = Publisher(database, _SERVE, lambda _: None, lambda: _NOW)
    seen: list[Snapshot] = []
    for operation, number in steps:
        try:
            _OPERATIONS[operation](publisher, number)
        except TiermeshError as error:
            assert error.code in (Code.NOT_FOUND, Code.CONFLICT, Code.INVALID_DOCUMENT)
        with database.read() as transaction:
            latest = snapshots.latest(transaction)
        if latest is not None and latest not in seen:
            seen.append(latest)
        assert [snapshot.number for snapshot in seen] == list(range(1, len(seen) + 1))
        assert [_snapshot(publisher, snapshot.number) for snapshot in seen] == seen
        assert publisher.reconcile().published is False
    database.close()

"""What one writer does not know of another's work is refused, with both sides shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from control_plane.publisher import Publisher
from control_plane.spec.documents import parse, versioned
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Outcome
from control_plane.store.database import Database
from tests.unit.control_plane.samples import at, experiment, model, parsed, route, shop, tenant

_SHOP = Key("Route", "shop")


@pytest.fixture
def publisher(database: Database) -> Publisher:
    """A publisher of the shop, whose Route alice has changed once."""
    made = Publisher(database, "http://serve", lambda _: None, lambda: datetime(2026, 1, 2, tzinfo=UTC))
    made.apply(parsed(*shop()), "alice")
    made.apply(parsed(_tuned(0.1)), "alice")
    return made


def _tuned(threshold: float) -> dict[str, Any]:
    return route(complexity={"threshold": threshold})


def _managed(document: dict[str, Any], by: str | None = "kubernetes") -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "managedBy": by}}


def test_a_write_from_the_last_version_is_taken(publisher: Publisher) -> None:
    applied = publisher.apply(parsed(*at(2, _tuned(0.2))), "bob")
    assert (applied.changes[0].outcome, applied.changes[0].generation) == (Outcome.CHANGED, 3)


def test_a_write_from_an_older_version_is_refused_with_both_sides(publisher: Publisher) -> None:
    with pytest.raises(
        TiermeshError, match="Route 'shop' was written from resourceVersion 1, and it is at 2 now, by alice"
    ) as raised:
        publisher.apply(parsed(*at(1, _tuned(0.2)), model(version="2")), "bob")
    assert (raised.value.code, raised.value.stale) == (Code.CONFLICT, True)
    assert raised.value.members == {"current": versioned(_tuned(0.1), 2), "yours": versioned(_tuned(0.2), 1)}
    (wrong,) = raised.value.errors
    assert (wrong.field, wrong.message) == ("spec.complexity.threshold", "is 0.1 now, and yours says 0.2")
    assert publisher.apply(parsed(model()), "bob").changes[0].outcome is Outcome.UNCHANGED


def test_a_write_without_a_version_wins(publisher: Publisher) -> None:
    assert publisher.apply(parsed(_tuned(0.2)), "bob").changes[0].outcome is Outcome.CHANGED


def test_an_older_version_is_refused_though_it_would_change_nothing(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError) as raised:
        publisher.apply(parsed(*at(1, _tuned(0.1))), "bob")
    assert raised.value.stale


def test_version_zero_creates_and_does_not_change(publisher: Publisher) -> None:
    assert publisher.apply(parsed(*at(0, model("new"))), "bob").changes[0].outcome is Outcome.CREATED
    with pytest.raises(TiermeshError, match="resourceVersion 0, and it is at 1 now"):
        publisher.apply(parsed(*at(0, model("new", version="2"))), "bob")


def test_what_was_deleted_meanwhile_is_not_brought_back_by_an_edit(publisher: Publisher) -> None:
    publisher.delete(_SHOP, "alice")
    with pytest.raises(TiermeshError, match="there is none now, by alice") as raised:
        publisher.apply(parsed(*at(2, _tuned(0.2))), "bob")
    assert raised.value.members["current"] is None
    assert publisher.apply(parsed(*at(0, _tuned(0.2))), "bob").changes[0].generation == 4


def test_a_deletion_may_be_of_one_version(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError, match="resourceVersion 1, and it is at 2 now") as raised:
        publisher.delete(_SHOP, "bob", base="1")
    assert raised.value.members == {"current": versioned(_tuned(0.1), 2), "yours": None}
    assert publisher.delete(_SHOP, "bob", base="2").changes[0].outcome is Outcome.DELETED


def test_a_dry_run_is_refused_as_well(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError) as raised:
        publisher.apply(parsed(*at(1, _tuned(0.2))), "bob", dry_run=True)
    assert raised.value.stale


def test_a_document_of_another_manager_is_only_read(publisher: Publisher) -> None:
    publisher.apply(parsed(_managed(route())), "operator", manager="kubernetes")
    writes: list[Callable[[], object]] = [
        lambda: publisher.apply(parsed(_managed(_tuned(0.2))), "bob"),
        lambda: publisher.apply(parsed(route()), "bob"),
        lambda: publisher.delete(_SHOP, "bob"),
        lambda: publisher.rollback(1, "bob"),
    ]
    for write in writes:
        with pytest.raises(
            TiermeshError, match="Route 'shop' is managed by 'kubernetes', and 'tiermesh' may not"
        ) as raised:
            write()
        assert (raised.value.code, raised.value.stale) == (Code.CONFLICT, False)
        assert "--manager kubernetes" in raised.value.hint


def test_what_does_not_change_a_managed_document_goes_on(publisher: Publisher) -> None:
    publisher.apply(parsed(_managed(route())), "operator", manager="kubernetes")
    applied = publisher.apply(parsed(_managed(route()), model(version="2")), "bob")
    assert [change.outcome for change in applied.changes] == [Outcome.UNCHANGED, Outcome.CHANGED]
    outcomes = {change.key: change.outcome for change in publisher.rollback(3, "bob").changes}
    assert outcomes[_SHOP] is Outcome.UNCHANGED
    assert outcomes[Key("Model", "faq")] is Outcome.CHANGED


def test_the_manager_itself_changes_rolls_back_and_lets_go(publisher: Publisher) -> None:
    publisher.apply(parsed(_managed(route())), "operator", manager="kubernetes")
    publisher.apply(parsed(_managed(_tuned(0.2))), "operator", manager="kubernetes")
    assert publisher.rollback(1, "operator", manager="kubernetes").snapshot is not None
    publisher.apply(parsed(_tuned(0.3)), "bob")


def test_a_document_may_be_given_to_a_manager_and_restored_for_it(publisher: Publisher) -> None:
    publisher.apply(parsed(_managed(_tuned(0.1))), "bob")
    publisher.apply(parsed(_managed(model("restored"))), "bob")
    with pytest.raises(TiermeshError, match="Model 'restored' is managed by 'kubernetes'"):
        publisher.delete(Key("Model", "restored"), "bob")


def test_a_name_that_stands_in_another_namespace_is_told(publisher: Publisher) -> None:
    with pytest.raises(TiermeshError) as raised:
        publisher.delete(Key("Route", "shop", "team"), "bob")
    assert raised.value.message == "There is no Route 'team/shop'."
    assert "in namespace 'default'" in raised.value.hint


def test_namespaces_do_not_keep_each_others_documents(publisher: Publisher) -> None:
    other = [{**one, "metadata": {**one["metadata"], "namespace": "team"}} for one in shop()]
    publisher.apply([parse(document) for document in other], "bob")
    with pytest.raises(TiermeshError, match="Model 'team/faq' is named by Model 'team/assistant', Route 'team/shop'"):
        publisher.delete(Key("Model", "faq", "team"), "bob")
    publisher.delete(_SHOP, "bob")
    publisher.delete(Key("Model", "assistant"), "bob")
    assert publisher.delete(Key("Model", "faq"), "bob").published


@pytest.mark.parametrize("key", [_SHOP, Key("Model", "assistant"), Key("Tenant", "acme"), Key("Experiment", "wording")])
def test_what_an_experiment_needs_is_not_deleted_from_under_it(publisher: Publisher, key: Key) -> None:
    arms = [{"name": "a"}, {"name": "b", "override": {"tiers": {"heavy": ["assistant"]}}}]
    named = experiment(arms=arms, targeting={"tenants": ["acme"]})
    publisher.apply(parsed(model("light"), route(tiers={"light": ["light"]}), tenant(), named), "alice")
    if key.kind == "Experiment":
        assert publisher.delete(key, "bob").published
        return
    with pytest.raises(TiermeshError, match=f"{key.kind} '{key.name}' is named by Experiment 'wording'") as raised:
        publisher.delete(key, "bob")
    assert raised.value.code is Code.CONFLICT


@pytest.mark.parametrize("in_an_arm", [False, True])
def test_who_compares_answers_for_a_cache_is_not_deleted_from_under_it(publisher: Publisher, in_an_arm: bool) -> None:
    cache = {"semantic": {"compare": "judge", "judge": "assistant"}}
    named = route(tiers={"light": ["light"]}, cache={} if in_an_arm else cache)
    arms = [{"name": "a"}, {"name": "b", "override": {"cache": cache} if in_an_arm else {}}]
    publisher.apply(parsed(model("light"), named, experiment(arms=arms)), "alice")
    with pytest.raises(TiermeshError, match="Model 'assistant' is named by (Experiment 'wording'|Route 'shop')"):
        publisher.delete(Key("Model", "assistant"), "bob")

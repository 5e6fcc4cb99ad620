"""Gates, pins and aliases, with a real registry and a real database."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.models import gates
from control_plane.models.pinning import ModelPinning
from control_plane.models.promotions import Promotions
from control_plane.models.registry import ModelRegistry
from control_plane.prompts.connection import Connection
from control_plane.publisher import Publisher
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Backend
from control_plane.store import model_pins, snapshots
from control_plane.store.model_pins import ModelPin
from tests.integration.control_plane.models.samples import evaluation, questions, registration
from tests.unit.control_plane.samples import generating, model, parsed


def document(name: str, alias: str = "production", **more: Any) -> dict[str, Any]:
    return generating(source=f"models:/{name}@{alias}", **more)


def gated(name: str, folder: Path, **thresholds: Any) -> dict[str, Any]:
    return document(name, gate={"evaluation": f"file://{questions(folder)}", "thresholds": thresholds})


def evaluated(promotions: Promotions, name: str, version: int, folder: Path, passed: int = 2) -> None:
    found = promotions.registry.version(name, version)
    file = gates.read(f"file://{questions(folder)}").sha256
    promotions.registry.evaluated(name, version, evaluation(found.sha256, file, passed))


def backend(promotions: Promotions, name: str = "assistant") -> Backend:
    with promotions.publisher.database.read() as transaction:
        latest = snapshots.latest(transaction)
    assert latest
    return next(one for one in latest.content.backends if one.name == name)


def pin(promotions: Promotions) -> ModelPin:
    with promotions.publisher.database.read() as transaction:
        (found,) = model_pins.read(transaction).values()
    return found


@pytest.fixture
def two(promotions: Promotions, name: str) -> Promotions:
    """Two versions; `production` is the first."""
    for number in (1, 2):
        promotions.registry.register(name, registration(number), "ann")
    promotions.promote(name, 1, "production", "ann")
    return promotions


def test_a_document_that_names_an_alias_serves_its_version(two: Promotions, name: str) -> None:
    two.publisher.apply(parsed(model(), document(name)), "ann")
    found = backend(two)
    assert found.version == "1" and found.weights
    assert (found.weights.source, found.weights.version) == ("https://x.test/1.tar", 1)


def test_moving_the_alias_publishes_the_other_version_and_a_rollback_brings_the_first_back(
    two: Promotions, name: str
) -> None:
    first = two.publisher.apply(parsed(model(), document(name)), "ann").snapshot
    assert first
    promoted = two.promote(name, 2, "production", "bob", "faster")
    assert (promoted.before, promoted.version, promoted.published) == (1, 2, True)
    assert backend(two).version == "2"
    two.publisher.rollback(first, "ann")
    assert backend(two).version == "1"
    assert two.follow() == 0, "a rollback holds until the alias moves again"
    two.promote(name, 1, "production", "ann")
    assert two.promote(name, 2, "production", "ann").published


def test_a_version_is_promoted_only_when_it_has_passed_the_gate(two: Promotions, name: str, tmp_path: Path) -> None:
    evaluated(two, name, 1, tmp_path)
    two.publisher.apply(parsed(model(), gated(name, tmp_path)), "ann")
    with pytest.raises(
        TiermeshError, match="Version 2 of .* has not been evaluated.*tiermesh model evaluate"
    ) as raised:
        two.promote(name, 2, "production", "ann")
    assert raised.value.code is Code.CONFLICT
    evaluated(two, name, 2, tmp_path, passed=1)
    with pytest.raises(TiermeshError, match=r"1 of 2 questions \(50.0%\) passed.*It failed: q0") as raised:
        two.promote(name, 2, "production", "ann")
    assert [error.field for error in raised.value.errors] == ["q0"]
    assert backend(two).version == "1" and two.registry.model(name).aliases == {"production": 1}
    evaluated(two, name, 2, tmp_path)
    assert two.promote(name, 2, "production", "ann").gates == ("assistant",)
    assert backend(two).version == "2"


def test_a_changed_evaluation_closes_the_gate(two: Promotions, name: str, tmp_path: Path) -> None:
    for number in (1, 2):
        evaluated(two, name, number, tmp_path)
    two.publisher.apply(parsed(model(), gated(name, tmp_path)), "ann")
    file = questions(tmp_path)
    file.write_text(file.read_text(encoding="utf-8") + "# harder\n", encoding="utf-8")
    with pytest.raises(TiermeshError, match="has not been evaluated"):
        two.promote(name, 2, "production", "ann")


def test_a_small_file_does_not_reach_a_high_lower_bound(two: Promotions, name: str, tmp_path: Path) -> None:
    evaluated(two, name, 1, tmp_path)
    with pytest.raises(TiermeshError, match=r"shows no more than 0.224 \(95% lower bound\), 0.9 is needed"):
        two.publisher.apply(parsed(model(), gated(name, tmp_path, lowerBound=0.9)), "ann")


def test_a_result_of_fewer_questions_than_the_file_has_does_not_count(
    two: Promotions, name: str, tmp_path: Path
) -> None:
    found = two.registry.version(name, 1)
    file = gates.read(f"file://{questions(tmp_path)}").sha256
    two.registry.evaluated(name, 1, evaluation(found.sha256, file, 1, 1))
    with pytest.raises(TiermeshError, match="has not been evaluated"):
        two.publisher.apply(parsed(model(), gated(name, tmp_path)), "ann")


def test_a_document_with_a_gate_is_not_applied_before_what_it_names_has_passed(
    two: Promotions, name: str, tmp_path: Path
) -> None:
    two.publisher.apply(parsed(model(), document(name)), "ann")
    with pytest.raises(TiermeshError, match="has not been evaluated") as raised:
        two.publisher.apply(parsed(gated(name, tmp_path)), "ann")
    assert raised.value.errors[0].field == "Model/assistant.spec.source"
    evaluated(two, name, 1, tmp_path)
    two.publisher.apply(parsed(gated(name, tmp_path)), "ann")


def test_an_alias_that_leads_nowhere_is_an_error_at_its_field(promotions: Promotions, name: str) -> None:
    with pytest.raises(TiermeshError, match=f"There is no model '{name}'") as raised:
        promotions.publisher.apply(parsed(model(), document(name)), "ann")
    assert raised.value.code is Code.INVALID_DOCUMENT


def test_a_move_in_mlflow_itself_is_followed_if_its_version_may_be_served(
    two: Promotions, name: str, tmp_path: Path, mlflow_url: str
) -> None:
    evaluated(two, name, 1, tmp_path)
    two.publisher.apply(parsed(model(), gated(name, tmp_path)), "ann")
    Connection(mlflow_url, 30).ask(lambda client: client.set_registered_model_alias(name, "production", "2"))
    assert two.follow() == 0
    assert backend(two).version == "1"
    assert "may not be served" in (pin(two).problem or "")
    assert two.follow() == 0, "it is noted once"
    evaluated(two, name, 2, tmp_path)
    Connection(mlflow_url, 30).ask(lambda client: client.set_registered_model_alias(name, "production", "1"))
    two.follow()
    assert pin(two).problem is None
    Connection(mlflow_url, 30).ask(lambda client: client.set_registered_model_alias(name, "production", "2"))
    assert two.follow() == 1
    assert backend(two).version == "2"


def test_a_protected_alias_moves_when_a_second_person_approves(two: Promotions, name: str, mlflow_url: str) -> None:
    protected = replace(two, protected=frozenset({"production"}))
    protected.approvals.register("model-alias", protected.approved)
    two.publisher.apply(parsed(model(), document(name)), "ann")
    with pytest.raises(TiermeshError, match="a second person has to approve it") as raised:
        protected.promote(name, 2, "production", "ann", "faster")
    number = int(raised.value.errors[0].message)
    with pytest.raises(TiermeshError, match="cannot approve it"):
        protected.approvals.approve(number, "ann")
    protected.approvals.approve(number, "bob")
    assert backend(two).version == "2"
    (promotion,) = two.registry.version(name, 2).promotions
    assert (promotion.by, promotion.approved_by, promotion.reason) == ("ann", "bob", "faster")
    Connection(mlflow_url, 30).ask(lambda client: client.set_registered_model_alias(name, "production", "1"))
    assert protected.follow() == 0 and "waits for a second person" in (pin(two).problem or "")


def test_what_is_pinned_is_served_and_written_while_mlflow_is_away(two: Promotions, name: str, tmp_path: Path) -> None:
    two.publisher.apply(parsed(model(), document(name)), "ann")
    gone = ModelRegistry(Connection("http://127.0.0.1:9", 1))
    database = two.publisher.database
    publisher = Publisher(database, two.publisher.serve_url, lambda _: None, models=ModelPinning(database, gone))
    assert publisher.apply(parsed(document(name, resources={"cpus": 2})), "ann").changes
    assert not publisher.reconcile().published
    with pytest.raises(TiermeshError) as raised:
        publisher.apply(parsed(document(name, "staging")), "ann")
    assert raised.value.code is Code.UNAVAILABLE
    assert backend(two).version == "1"


def test_pins_that_no_document_names_are_forgotten(two: Promotions, name: str) -> None:
    two.publisher.apply(parsed(model(), document(name)), "ann")
    two.publisher.apply(parsed(generating()), "ann")
    with two.publisher.database.read() as transaction:
        assert model_pins.read(transaction) == {}
    assert not two.promote(name, 2, "production", "ann").published


def test_an_evaluation_that_cannot_be_read_opens_no_gate(two: Promotions, name: str, tmp_path: Path) -> None:
    wanted = document(name, gate={"evaluation": f"file://{tmp_path}/gone.yaml"})
    with pytest.raises(TiermeshError, match="cannot be read by the control plane"):
        two.publisher.apply(parsed(model(), wanted), "ann")
    far = {"evaluation": "https://x.test/q.yaml", "sha256": "cc" * 32}
    two.registry.evaluated(name, 1, evaluation(two.registry.version(name, 1).sha256, "cc" * 32, 9, 9))
    two.publisher.apply(parsed(model(), document(name, gate=far)), "ann")
    assert [(gate.model, gate.alias, gate.sha256) for gate in two.gates(name)] == [
        ("assistant", "production", "cc" * 32)
    ]

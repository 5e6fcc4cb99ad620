import threading
from functools import partial

import pytest
from mlflow.tracking.client import MlflowClient

from control_plane.models.registry import SHA256, ModelRegistry
from control_plane.prompts.connection import Connection
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.uris import Reference
from control_plane.spec.versions import Promotion
from tests.integration.control_plane.models.samples import AT, evaluation, registration

LINEAGE = {"base": "hf://Qwen/Qwen3-8B", "data": "s3://data/2026-11", "commit": "abc123"}


def promotion(alias: str = "production") -> Promotion:
    return Promotion.model_validate({"alias": alias, "by": "ann", "approvedBy": "bob", "reason": "faster", "at": AT})


def test_a_version_is_kept_with_all_that_was_said_about_it(registry: ModelRegistry, name: str) -> None:
    first = registry.register(name, registration(1, description="the first", lineage=LINEAGE), "ann")
    second = registry.register(name, registration(2, source="file:///weights/2", lineage={"parent": 1}), "bob")
    assert (first.version, first.registered_by, first.description) == (1, "ann", "the first")
    assert first.lineage.model_dump(exclude_none=True) == LINEAGE
    assert (second.version, second.source, second.lineage.parent) == (2, "file:///weights/2", 1)
    assert registry.model(name).versions == (second, first)
    assert name in [model.name for model in registry.models()]


def test_an_alias_stands_for_one_version_and_remembers_who_moved_it(registry: ModelRegistry, name: str) -> None:
    for number in (1, 2):
        registry.register(name, registration(number), "ann")
    registry.promote(name, 1, promotion())
    registry.promote(name, 2, promotion())
    assert registry.model(name).aliases == {"production": 2}
    found = registry.resolve(Reference(name, "production"))
    assert (found.version, found.aliases, found.promotions) == (2, ("production",), (promotion(),))
    assert registry.resolve(Reference(name, version=1)).aliases == ()


def test_a_result_replaces_the_one_of_the_same_questions(registry: ModelRegistry, name: str) -> None:
    version = registry.register(name, registration(), "ann")
    for file, passed in (("aa" * 32, 1), ("bb" * 32, 2), ("aa" * 32, 0)):
        registry.evaluated(name, 1, evaluation(version.sha256, file, passed))
    found = {one.evaluation: one.all.passed for one in registry.version(name, 1).evaluations}
    assert found == {"aa" * 32: 0, "bb" * 32: 2}


def test_of_very_many_failures_the_first_are_kept(registry: ModelRegistry, name: str) -> None:
    version = registry.register(name, registration(), "ann")
    failures = [{"id": f"q{number}", "why": "w" * 1000, "answer": "a" * 2000} for number in range(100)]
    long = evaluation(version.sha256, "aa" * 32, 0, 100)
    said = {**long.model_dump(mode="json"), "failures": failures}
    registry.evaluated(name, 1, type(long).model_validate(said))
    (kept,) = registry.version(name, 1).evaluations
    assert 20 <= len(kept.failures) < 100 and kept.failures[0].id == "q0"
    assert kept.all.asked == 100


def test_what_is_not_there_is_said_with_what_is(registry: ModelRegistry, name: str) -> None:
    registry.register(name, registration(), "ann")
    registry.promote(name, 1, promotion())
    for ask, said in (
        (lambda: registry.model(f"{name}x"), f"Did you mean '{name}'"),
        (lambda: registry.version(name, 7), "It has: 1."),
        (lambda: registry.version(name, "prodution"), "Did you mean 'production'"),
        (lambda: registry.promote(name, 7, promotion()), "no version 7"),
        (lambda: registry.evaluated(name, 7, evaluation("a" * 64, "b" * 64)), "no version 7"),
        (lambda: registry.register(name, registration(2, lineage={"parent": 9}), "ann"), "no version 9"),
    ):
        with pytest.raises(TiermeshError, match=said) as raised:
            ask()
        assert raised.value.code is Code.NOT_FOUND


def test_a_version_that_says_no_checksum_is_not_one_that_can_be_served(
    registry: ModelRegistry, name: str, mlflow_url: str
) -> None:
    registry.register(name, registration(), "ann")
    past = Connection(mlflow_url, 30)
    past.ask(lambda client: client.create_model_version(name, "https://x.test/2", await_creation_for=0))
    past.ask(lambda client: client.set_model_version_tag(name, "1", SHA256 + "x", "{"))
    assert [one.version for one in registry.model(name).versions] == [1]
    with pytest.raises(TiermeshError, match="no version 2 that 'tiermesh model register' wrote"):
        registry.version(name, 2)


def _set_tag(client: MlflowClient, name: str, tag: str) -> None:
    client.set_model_version_tag(name, "1", tag, "{")


def test_tags_that_others_broke_lose_what_they_said_and_no_more(
    registry: ModelRegistry, name: str, mlflow_url: str
) -> None:
    version = registry.register(name, registration(lineage=LINEAGE), "ann")
    for key in ("lineage", "promotions", f"evaluation/{'aa' * 32}"):
        tag = f"tiermesh.dev/{key}"
        Connection(mlflow_url, 30).ask(partial(_set_tag, name=name, tag=tag))
    found = registry.version(name, 1)
    assert (found.sha256, found.evaluations, found.promotions) == (version.sha256, (), ())


def test_a_prompt_is_no_model(registry: ModelRegistry, name: str, mlflow_url: str) -> None:
    Connection(mlflow_url, 30).ask(lambda client: client.create_prompt(name))
    with pytest.raises(TiermeshError, match="already taken by a prompt"):
        registry.register(name, registration(), "ann")
    assert name not in [model.name for model in registry.models()]


def test_versions_registered_at_once_all_count(registry: ModelRegistry, name: str) -> None:
    registry.register(name, registration(), "ann")
    threads = [
        threading.Thread(target=registry.register, args=(name, registration(number), "ann")) for number in range(2, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = registry.model(name).versions
    assert len({(one.version, one.sha256) for one in versions}) == 4

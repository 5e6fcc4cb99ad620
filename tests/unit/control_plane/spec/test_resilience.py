"""A Route's resilience has defaults that may stay, and refuses what contradicts itself or names nothing."""

from pathlib import Path
from typing import Any

import pytest

from control_plane.client.files import read_documents
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import CompiledRoute, Content
from tests.unit.control_plane.samples import generating, model, parsed, route


def compiled(**resilience: Any) -> CompiledRoute:
    """The shop's Route over faq and assistant, with spare and shadow beside them."""
    spare, shadow = (generating(name, generation=None) for name in ("spare", "shadow"))
    content = compile(parsed(model(), generating(), spare, shadow, route(resilience=resilience)))
    assert Content.model_validate_json(content.model_dump_json()) == content
    (found,) = content.routes
    return found


def refusal(**resilience: Any) -> TiermeshError:
    """Why the Route is refused."""
    with pytest.raises(TiermeshError) as raised:
        compiled(**resilience)
    assert raised.value.code is Code.INVALID_DOCUMENT
    return raised.value


def test_a_route_without_a_word_about_it_is_resilient() -> None:
    found = compiled().resilience
    assert found.breaker.enabled and found.outliers.enabled and found.hedging.enabled and found.admission.enabled
    assert (found.fallbacks, found.mirror, found.ladder.canned_answer) == ((), None, None)


def test_routers_get_the_policy_as_it_was_written() -> None:
    found = compiled(
        breaker={"whenAllOpen": "try-least-bad"}, fallbacks=["spare"], mirror={"model": "shadow", "share": 1}
    )
    assert found.resilience.breaker.when_all_open.value == "try-least-bad"
    assert found.resilience.fallbacks == ("spare",)
    assert found.resilience.mirror is not None and found.resilience.mirror.model == "shadow"


def test_who_else_may_answer_changes_a_routes_revision_and_how_it_holds_out_does_not() -> None:
    plain = compiled().revision
    assert compiled(fallbacks=["spare"]).revision != plain
    for same in (
        {"breaker": {"openSeconds": 3}},
        {"mirror": {"model": "shadow", "share": 0.5}},
        {"retries": {"burst": 1}},
    ):
        assert compiled(**same).revision == plain


@pytest.mark.parametrize(
    ("resilience", "field", "cure"),
    [
        ({"fallbacks": ["spare", "spera"]}, "Route/shop.spec.resilience.fallbacks[1]", "did you mean 'spare'?"),
        ({"mirror": {"model": "gone", "share": 1}}, "Route/shop.spec.resilience.mirror.model", "no Model 'gone'"),
    ],
)
def test_a_model_that_does_not_exist_is_named_with_its_field(resilience: dict[str, Any], field: str, cure: str) -> None:
    (wrong,) = refusal(**resilience).errors
    assert wrong.field == field
    assert cure in wrong.message


@pytest.mark.parametrize(
    ("resilience", "cure"),
    [
        ({"fallbacks": ["spare", "spare"]}, "a Model may stand only once"),
        ({"mirror": {"model": "faq", "share": 1}}, "cannot be the shadow too"),
        ({"fallbacks": ["spare"], "mirror": {"model": "spare", "share": 1}}, "cannot be the shadow too"),
        ({"mirror": {"model": "shadow", "share": 0}}, "resilience.mirror.share"),
        ({"breaker": {"openSeconds": 31}}, "openSeconds must not be greater than maxOpenSeconds"),
        ({"breaker": {"whenAllOpen": "pray"}}, "'refuse' or 'try-least-bad'"),
        ({"outliers": {"ejectionSeconds": 301}}, "ejectionSeconds must not be greater than maxEjectionSeconds"),
        ({"outliers": {"maxEjectedShare": 1}}, "resilience.outliers.maxEjectedShare"),
        ({"retries": {"backoffSeconds": 2}}, "backoffSeconds must not be greater than maxBackoffSeconds"),
        ({"ladder": {"light": {"enter": 0.5, "leave": 0.5}}}, "leave must be lower than enter"),
        ({"ladder": {"light": {"enter": 0.9, "leave": 0.1}}}, "a rung must not be entered or left below"),
        ({"hedge": {}}, "unknown field 'hedge'; did you mean 'hedging'?"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_with_the_cure(resilience: dict[str, Any], cure: str) -> None:
    assert cure in str(refusal(**resilience))


@pytest.mark.parametrize("rung", ["light", "cacheOnly", "canned", "refuse"])
def test_each_rung_of_the_ladder_can_be_left_out(rung: str) -> None:
    assert compiled(ladder={rung: None})


def test_the_example_compiles() -> None:
    content = compile(read_documents(Path(__file__).parents[4] / "examples" / "resilience"))
    (found,) = content.routes
    assert found.resilience.fallbacks == ("rented", "small")


def test_every_field_says_what_it_is_and_why() -> None:
    schema = type(parse(route())).model_json_schema()["$defs"]
    parts = ("Breaker", "Outliers", "Retries", "Hedging", "Admission", "Rung", "Ladder", "Mirror", "Resilience")
    silent = [
        f"{part}.{field}"
        for part in parts
        for field, description in schema[part]["properties"].items()
        if "description" not in description and "$ref" not in description
    ]
    assert silent == []

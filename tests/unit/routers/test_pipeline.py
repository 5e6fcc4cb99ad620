"""decide: which Route, which tier, which Models, and why."""

from dataclasses import replace
from typing import Any

import pytest

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Tier
from routers.call import Call
from routers.decision import Decision
from routers.pipeline import decide, lighten, match
from routers.reasons import REASONS
from tests.unit.routers.samples import EASY, HARD, call, chat, faq, model, route, runtime


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def names(decision: Decision) -> list[str]:
    return [backend.name for backend in decision.candidates]


def test_an_easy_request_tries_light_then_heavy() -> None:
    decision = decide(call(chat(EASY)), runtime())
    assert decision.tier is Tier.LIGHT
    assert names(decision) == ["light", "heavy"]
    assert codes(decision) == ["route", "below-threshold"]


def test_a_hard_request_goes_to_the_heavy_tier_alone() -> None:
    decision = decide(call(chat(HARD)), runtime())
    assert decision.tier is Tier.HEAVY
    assert names(decision) == ["heavy"]
    assert codes(decision) == ["route", "at-threshold"]


def test_a_score_that_equals_the_threshold_is_heavy() -> None:
    score = decide(call(chat(EASY)), runtime()).score
    assert score is not None
    documents: list[Document] = [
        model("light"),
        model("heavy", "heavy"),
        route(complexity={"threshold": score.value}),
    ]
    assert decide(call(chat(EASY)), runtime(*documents)).tier is Tier.HEAVY


def test_models_of_a_tier_are_tried_in_the_order_of_the_document() -> None:
    documents: list[Document] = [
        *(model(name) for name in "ab"),
        *(model(name, "heavy") for name in "cd"),
        route(light="ba", heavy="dc"),
    ]
    assert names(decide(call(chat(EASY)), runtime(*documents))) == ["b", "a", "d", "c"]


@pytest.mark.parametrize(("light", "heavy", "tier"), [(("light",), (), Tier.LIGHT), ((), ("heavy",), Tier.HEAVY)])
@pytest.mark.parametrize("text", [EASY, HARD])
def test_where_one_tier_is_empty_the_other_answers_everything(
    light: tuple[str, ...], heavy: tuple[str, ...], tier: Tier, text: str
) -> None:
    decision = decide(
        call(chat(text)), runtime(model("light"), model("heavy", "heavy"), route(light=light, heavy=heavy))
    )
    assert (decision.tier, names(decision)) == (tier, [*light, *heavy])
    assert codes(decision) == ["route", "only-tier"]


def test_a_model_that_cannot_do_the_operation_is_no_candidate() -> None:
    mesh = runtime(faq(), model("heavy", "heavy"), route(light=["faq"]))
    decision = decide(call({"model": "shop", "prompt": "Once"}, Operation.COMPLETIONS), mesh)
    assert names(decision) == ["heavy"]
    assert codes(decision) == ["route", "only-tier"]


def test_embeddings_have_one_candidate_and_no_score() -> None:
    decision = decide(call({"model": "shop", "input": "a"}, Operation.EMBEDDINGS), runtime())
    assert names(decision) == ["light"]
    assert decision.score is None
    assert codes(decision) == ["route", "embeddings"]


def test_an_operation_that_no_model_can_do_is_refused_with_those_that_are_done() -> None:
    mesh = runtime(faq(), route(light=["faq"], heavy=[]))
    with pytest.raises(TiermeshError, match=r"can do completions\. It can do chat, embeddings") as caught:
        decide(call({"model": "shop", "prompt": "Once"}, Operation.COMPLETIONS), mesh)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, "model")


def test_an_unknown_model_is_answered_with_the_nearest_and_all_names() -> None:
    mesh = runtime(model("light"), route("shop", heavy=[]), route("bank", heavy=[]))
    with pytest.raises(TiermeshError, match=r"Did you mean 'shop'\? Models here: bank, shop\.") as caught:
        decide(call(chat() | {"model": "shpo"}), mesh)
    assert (caught.value.code, caught.value.status, caught.value.param) == (Code.UNKNOWN_MODEL, 404, "model")


def test_of_very_many_models_an_error_says_where_they_are_listed() -> None:
    mesh = runtime(model("light"), *(route(f"shop-{number}", heavy=[]) for number in range(101)))
    with pytest.raises(TiermeshError, match=r"There are 101 models here: GET /v1/models lists them\."):
        decide(call(chat() | {"model": "shpo"}), mesh)


def test_without_any_route_the_cure_is_to_apply_one() -> None:
    with pytest.raises(TiermeshError, match="none yet; apply a Route"):
        decide(call(), runtime(model("light")))


@pytest.mark.parametrize(
    ("fields", "headers", "cache", "reason"),
    [
        ({"tools": [{"type": "function"}]}, {}, True, "cache-tools"),
        ({}, {b"cache-control": b"no-cache"}, True, "cache-refused"),
        ({}, {b"cache-control": b"max-age=0, No-Store"}, True, "cache-refused"),
        ({}, {}, False, "cache-off"),
    ],
)
def test_what_may_not_be_cached_has_no_key_and_says_why(
    fields: dict[str, Any], headers: dict[bytes, bytes], cache: bool, reason: str
) -> None:
    documents: list[Document] = [model("light"), route(heavy=[], cache={"exact": {"enabled": cache}})]
    matched = match(call(chat(**fields), headers=headers), runtime(*documents))
    assert matched.cache_key is None
    assert reason in [reason.code for reason in matched.reasons]


@pytest.mark.parametrize("fields", [{}, {"tools": []}, {"temperature": 1}, {"stream": True}])
def test_everything_else_has_a_key(fields: dict[str, Any]) -> None:
    assert match(call(chat(**fields)), runtime()).cache_key is not None


def test_the_same_call_is_decided_the_same_way_twice() -> None:
    assert decide(call(), runtime()) == decide(call(), runtime())


def infer(version: str = "") -> Call:
    """A request with tensors."""
    return replace(call(chat()), operation=Operation.INFER, model="iris", version=version)


IRIS = (
    model("one", engine="kserve", url="http://h:1", version="1"),
    model("two", "heavy", engine="kserve", url="http://h:2", version="2"),
    route("iris", light=["one"], heavy=["two"]),
)


def test_tensors_have_no_score_and_the_models_are_tried_in_order() -> None:
    decision = decide(infer(), runtime(*IRIS))
    assert (decision.score, decision.tier, names(decision)) == (None, Tier.LIGHT, ["one", "two"])
    assert codes(decision) == ["route", "tensors"]


def test_only_models_of_the_version_that_is_asked_for_are_tried() -> None:
    assert names(decide(infer("2"), runtime(*IRIS))) == ["two"]
    with pytest.raises(TiermeshError, match="has no version '3'") as caught:
        decide(infer("3"), runtime(*IRIS))
    assert (caught.value.code, caught.value.status) == (Code.UNKNOWN_MODEL, 404)
    assert "It has 1, 2." in str(caught.value)


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
SEEN = [{"role": "user", "content": [{"type": "text", "text": "what is it?"}, IMAGE]}]


def test_images_go_to_models_that_can_read_them_alone() -> None:
    able = model("able", "heavy", modalities=["text", "image"])
    mesh = runtime(model("light"), able, route(heavy=["able"]))
    assert names(decide(call(chat(messages=SEEN)), mesh)) == ["able"]
    assert names(decide(call(chat()), mesh)) == ["light", "able"]


def test_images_that_no_model_can_read_are_refused() -> None:
    with pytest.raises(TiermeshError, match="can read images") as caught:
        decide(call(chat(messages=SEEN)), runtime())
    assert (caught.value.status, caught.value.param) == (400, "messages")


def test_images_where_a_completion_has_none_bind_nobody() -> None:
    asked = call({"model": "shop", "prompt": "Once", "messages": SEEN}, Operation.COMPLETIONS)
    assert names(decide(asked, runtime()))


def test_every_reason_given_is_in_the_published_list() -> None:
    decisions = [
        decide(call(chat(text, **fields)), runtime()) for text in (EASY, HARD) for fields in ({}, {"tools": [1]})
    ]
    assert {code for decision in decisions for code in codes(decision)} <= set(REASONS)


def test_fallbacks_come_after_all_others_and_each_model_once() -> None:
    spare = model("spare", "heavy")
    mesh = runtime(model("light"), model("heavy", "heavy"), spare, route(resilience={"fallbacks": ["spare", "light"]}))
    assert names(decide(call(chat(EASY)), mesh)) == ["light", "heavy", "spare"]
    assert names(decide(call(chat(HARD)), mesh)) == ["heavy", "spare", "light"]


def test_embeddings_have_no_fallback() -> None:
    mesh = runtime(model("light"), model("heavy", "heavy"), route(resilience={"fallbacks": ["heavy"]}))
    asked = call({"model": "shop", "input": "a"}, Operation.EMBEDDINGS)
    assert names(decide(asked, mesh)) == ["light"]


def test_a_fallback_answers_what_no_tier_can_do() -> None:
    mesh = runtime(faq(), model("spare", "heavy"), route(light=["faq"], heavy=[], resilience={"fallbacks": ["spare"]}))
    asked = call({"model": "shop", "prompt": "a"}, Operation.COMPLETIONS)
    assert names(decide(asked, mesh)) == ["spare"]


def test_a_lightened_decision_tries_the_light_tier_before_what_it_would_have_tried() -> None:
    asked = call(chat(HARD))
    lighter = lighten(asked, decide(asked, runtime()))
    assert (lighter.tier, names(lighter)) == (Tier.LIGHT, ["light", "heavy"])
    assert codes(lighter) == ["route", "at-threshold", "degraded-light"]


def test_what_is_light_already_or_cannot_be_stays_as_it_is() -> None:
    easy = decide(call(chat(EASY)), runtime())
    assert lighten(call(chat(EASY)), easy) is easy
    asked = call(chat(HARD))
    alone = decide(asked, runtime(model("heavy", "heavy"), route(light=[])))
    assert lighten(asked, alone) is alone

"""What an answer may take is never less than what it takes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledPrice
from routers.call import Call
from routers.quotas.costs import CONTEXT_TOKENS, TEMPLATE_TOKENS, estimate, most, use
from tests.unit.routers.samples import call, chat

PRICE = CompiledPrice(inputPicodollarsPerToken=150_000, outputPicodollarsPerToken=600_000, outputTokens=100)
"""$0.15 and $0.60 for a million tokens."""


def completions(**fields: Any) -> Call:
    return call(orjson.dumps({"model": "shop", "prompt": "a", **fields}), Operation.COMPLETIONS)


def image(**fields: Any) -> Call:
    parts = [{"type": "text", "text": "what"}, {"type": "image_url", "image_url": {"url": "http://h/x.png"}}]
    return call(chat() | {"messages": [{"role": "user", "content": parts}]} | fields)


@given(prompt=st.integers(0, 10**7), answer=st.integers(0, 10**7), prices=st.tuples(*[st.integers(0, 10**8)] * 2))
def test_a_part_of_a_microdollar_is_a_whole_one(prompt: int, answer: int, prices: tuple[int, int]) -> None:
    price = CompiledPrice(inputPicodollarsPerToken=prices[0], outputPicodollarsPerToken=prices[1])
    exactly = (prompt * prices[0] + answer * prices[1]) / 1_000_000
    assert exactly <= use(price, prompt, answer).microdollars < exactly + 1.01


def test_a_prompt_has_no_more_tokens_than_bytes_and_its_template() -> None:
    asked = call(chat("你好", max_tokens=7))
    assert most(asked, PRICE).tokens == len(asked.body) + TEMPLATE_TOKENS + 7


def test_a_prompt_is_no_longer_than_the_context_of_its_model() -> None:
    short = PRICE.model_copy(update={"context_tokens": 64})
    assert most(call(chat(max_tokens=7)), short).tokens == 64 + 7


def test_what_the_model_adds_to_a_prompt_by_itself_counts() -> None:
    adding = PRICE.model_copy(update={"added_tokens": 2000})
    assert most(call(), adding).tokens == most(call(), PRICE).tokens + 2000


def test_an_image_may_fill_the_whole_context() -> None:
    assert most(image(), PRICE).tokens == CONTEXT_TOKENS + 100
    assert most(image(), PRICE.model_copy(update={"context_tokens": 8192})).tokens == 8192 + 100


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, 100),
        ({"max_tokens": None}, 100),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 9}, 9),
        ({"max_tokens": 5, "max_completion_tokens": 9}, 9),
        ({"max_tokens": 5, "n": 3}, 15),
    ],
)
def test_an_answer_is_as_long_as_the_request_or_the_model_allows(fields: dict[str, Any], answer: int) -> None:
    asked = call(chat(**fields))
    assert most(asked, PRICE).tokens == len(asked.body) + TEMPLATE_TOKENS + answer
    assert estimate(asked, PRICE).tokens == -(-len(asked.body) // 4) + answer


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"prompt": ["a", "b"]}, 2),
        ({"prompt": [[1, 2], [3]], "n": 2}, 4),
        ({"prompt": [1, 2, 3]}, 1),
        ({"best_of": 4, "n": 2}, 4),
    ],
)
def test_each_prompt_has_its_answers(fields: dict[str, Any], answers: int) -> None:
    asked = completions(**fields)
    assert estimate(asked, PRICE).tokens == -(-len(asked.body) // 4) + answers * 100


def test_embeddings_have_a_prompt_alone() -> None:
    asked = call(orjson.dumps({"model": "shop", "input": "x" * 400}), Operation.EMBEDDINGS)
    assert most(asked, PRICE).tokens == len(asked.body) + TEMPLATE_TOKENS


@pytest.mark.parametrize("value", ["7", 0, -1, 1.5, True, [1]])
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens", "n"])
def test_a_limit_that_is_no_number_is_refused_where_money_hangs_on_it(field: str, value: Any) -> None:
    asked = call(chat(**{field: value}))
    with pytest.raises(TiermeshError, match=f"{field} must be a whole number") as caught:
        most(asked, PRICE)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, field)
    assert estimate(asked, PRICE).tokens > 0

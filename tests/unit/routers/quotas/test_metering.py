"""The usage is read wherever it stands, and only what the caller did not ask for is left out."""

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.quotas.metering import Meter, Usage, usage
from tests.stub_upstream import DONE, completion, event

USAGE = b'data: {"id":"c-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
EVENTS = [event("Hel"), event('lo "usage": {'), USAGE, DONE]


@given(cuts=st.lists(st.integers(0, len(EVENTS)), max_size=4).map(sorted), hides=st.booleans())
def test_however_many_events_come_at_once_the_usage_is_read_and_hidden_or_not(cuts: list[int], hides: bool) -> None:
    meter = Meter(hides)
    bounds = [0, *cuts, len(EVENTS)]
    out = [meter.read(b"".join(EVENTS[begin:end])) for begin, end in itertools.pairwise(bounds)]
    assert b"".join(out) == b"".join(EVENTS[:2] + EVENTS[3:] if hides else EVENTS)
    assert (meter.usage, meter.events) == (Usage(3, 2), len(EVENTS))


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_other_line_ends_are_read_too(ending: bytes) -> None:
    meter = Meter(hides=True)
    out = meter.read(b"".join(EVENTS).replace(b"\n", ending))
    assert out == b"".join(EVENTS[:2] + EVENTS[3:]).replace(b"\n", ending)
    assert meter.usage == Usage(3, 2)


def test_an_event_with_usage_and_content_is_for_the_caller() -> None:
    both = USAGE.replace(b'"choices":[]', b'"choices":[{"index":0,"delta":{"content":"a"}}]')
    meter = Meter(hides=True)
    assert meter.read(both) == both
    assert meter.usage == Usage(3, 2)


@pytest.mark.parametrize("broken", [b'data: {"usage": {\n\n', b'data: {"usage": {}}\n\n', b'"usage": {\n\n'])
def test_a_broken_usage_is_none_and_is_passed_on(broken: bytes) -> None:
    meter = Meter(hides=True)
    assert meter.read(broken) == broken
    assert meter.usage is None


def test_the_usage_of_a_whole_answer_is_read() -> None:
    assert usage(orjson.dumps(completion("hi"))) == Usage(3, 2)
    assert usage(b'{"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}') == Usage(8, 0)


SAID = st.fixed_dictionaries({"prompt_tokens": st.just(8)})
NESTED = st.recursive(
    st.sampled_from(["usage", '"usage": {}', 3, None]) | SAID,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["usage", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["usage", "a", "b"]), NESTED, max_size=3))
def test_only_the_answers_own_usage_is_believed_wherever_else_the_word_stands(answer: dict[str, Any]) -> None:
    own = answer.get("usage")
    said = isinstance(own, dict) and "prompt_tokens" in own
    assert usage(orjson.dumps(answer)) == (Usage(8, 0) if said else None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"usage": null}',
        b'{"usage": {"prompt_tokens": -1}}',
        b'{"usage": {"prompt_tokens": 1e3}}',
        b'{"usage": {"prompt_tokens": true}}',
        b'{"usage": {"prompt_tokens": 1, "completion_tokens": 9999999999}}',
        b'{"usage": {',
        b'["usage", {}]',
        b'{"choices": [{"usage": {"prompt_tokens": 1}}]}',
    ],
)
def test_what_is_no_usage_is_none(body: bytes) -> None:
    assert usage(body) is None

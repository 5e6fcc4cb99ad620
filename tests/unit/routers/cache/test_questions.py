"""Which questions are compared by meaning, whose answers they may have, and which answers may be kept for others."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.models import Operation, Tier
from routers.cache import questions
from routers.cache.exact import Answer
from routers.cache.questions import Owner
from routers.call import Call
from routers.protocols import openai

USER = {"role": "user", "content": "Where is my order?"}


def call(tenant: str = "", operation: Operation = Operation.CHAT, **fields: Any) -> Call:
    """A chat of one turn, unless `fields` say otherwise."""
    said = {"model": "shop", "messages": [USER], **fields}
    return Call(operation, "shop", False, orjson.dumps(said), said, "id", tenant, False, openai.DIALECT)


def partition(tenant: str = "", revision: str = "r", arm: str = "a", versions: tuple[str, ...] = ("m 1",),
              **fields: Any) -> bytes:  # fmt: skip
    """Of a chat of one turn."""
    found = questions.read(call(tenant, **fields), Owner(tenant, "shop", revision, arm), versions)
    assert found is not None
    return found.partition


def test_other_words_are_in_the_same_partition_and_all_else_is_in_another() -> None:
    same = partition()
    assert partition(messages=[{"role": "user", "content": "Where's my parcel?"}]) == same
    others = [
        partition(tenant="acme"),
        partition(revision="s"),
        partition(arm="b"),
        partition(versions=("m 2",)),
        partition(temperature=0.5),
        partition(stream=True),
        partition(user="alice"),
        partition(messages=[{"role": "system", "content": "Be brief."}, USER]),
        partition(messages=[{**USER, "name": "alice"}]),
    ]
    assert len({same, *others}) == 1 + len(others)


_WORDS = st.text(max_size=12)
_SCOPES = st.fixed_dictionaries({"tenant": _WORDS, "revision": _WORDS, "arm": _WORDS, "user": _WORDS})


@given(_SCOPES, _SCOPES)
def test_no_tenant_gets_into_the_partition_of_another_by_what_it_writes(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """Names run into each other, or hold what separates them, and still make different partitions."""

    def of(scope: dict[str, str]) -> bytes:
        return partition(scope["tenant"], scope["revision"], scope["arm"], user=scope["user"])

    assert (of(one) == of(other)) == (one == other)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": "Where?"},
        {"messages": [USER, {"role": "assistant", "content": "There."}, USER]},
        {"messages": [{"role": "assistant", "content": "There."}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "user", "content": "  "}]},
        {"messages": ["Where?"]},
        {"n": 2},
        {"operation": Operation.EMBEDDINGS},
    ],
)
def test_what_is_no_question_of_one_turn_is_left_to_the_exact_cache(fields: dict[str, Any]) -> None:
    assert questions.read(call(**fields), Owner("", "shop", "r", "a"), ()) is None


def whole(finish: str | None = "stop", **message: Any) -> Answer:
    """A whole answer."""
    body = {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish}]}
    return Answer(b"", orjson.dumps(body), False, "m", Tier.LIGHT, None)


def streamed(*chunks: dict[str, Any]) -> Answer:
    """A stream of these choices."""
    events = [b"data: %b\n\n" % orjson.dumps({"choices": [chunk]}) for chunk in chunks]
    return Answer(b"", b"".join(events) + b"data: [DONE]\n\n", True, "m", Tier.LIGHT, None)


def test_a_finished_text_may_be_kept_whole_or_streamed() -> None:
    assert questions.text_of(whole(content="Tomorrow.")) == "Tomorrow."
    pieces: list[dict[str, Any]] = [
        {"delta": {"content": "Tomor"}},
        {"delta": {"content": "row."}},
        {"delta": {}, "finish_reason": "stop"},
    ]
    assert questions.text_of(streamed(*pieces)) == "Tomorrow."


@pytest.mark.parametrize(
    "answer",
    [
        whole("length", content="Tomor"),
        whole("content_filter", content="Tomor"),
        whole("tool_calls", content=None, tool_calls=[{"id": "1", "function": {"name": "track", "arguments": "{}"}}]),
        whole("stop", content="", refusal="I cannot say."),
        whole("stop", content=" "),
        whole(None, content="Tomorrow."),
        streamed({"delta": {"content": "Tomor"}}),
        streamed({"delta": {"content": "Tomor"}, "finish_reason": "length"}),
        Answer(b"", b"not JSON", False, "m", Tier.LIGHT, None),
    ],
)
def test_an_answer_that_is_cut_refused_empty_or_calls_tools_is_never_kept(answer: Answer) -> None:
    assert questions.text_of(answer) is None

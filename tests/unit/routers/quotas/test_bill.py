"""A bill reserves for the dearest Model, tells the Model what it may do, and says what was taken."""

from typing import Any

import orjson
import pytest

from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledPrice
from routers.quotas.bill import Bill
from routers.quotas.costs import Use, most
from tests.stub_upstream import DONE, completion, event
from tests.unit.routers.quotas.test_metering import USAGE
from tests.unit.routers.samples import call, chat

FREE = CompiledPrice()
DEAR = CompiledPrice(inputPicodollarsPerToken=10**6, outputPicodollarsPerToken=2 * 10**6, outputTokens=50)
"""One microdollar for a token of the prompt, two for one of the answer."""


def bill(hard: bool = True, **fields: Any) -> Bill:
    return Bill(call(chat(**fields)), [FREE, DEAR], hard)


def sent(made: Bill) -> Any:
    assert orjson.loads(made.call.body) == made.call.fields
    return made.call.fields


def test_the_dearest_model_is_reserved_for() -> None:
    asked = call(chat(max_tokens=7))
    assert Bill(asked, [FREE, DEAR], hard=True).reserved == most(asked, DEAR)
    assert Bill(asked, [DEAR, FREE], hard=True).reserved == most(asked, DEAR)


def test_the_model_reads_what_was_reserved_for() -> None:
    doubled = b'{"max_tokens": 9999, "model": "shop", "messages": [{"role": "user", "content": "a"}], "max_tokens": 5}'
    made = Bill(call(doubled), [DEAR], hard=True)
    assert made.call.body.count(b"max_tokens") == 1
    assert sent(made) == orjson.loads(doubled)
    assert made.reserved == most(made.call, DEAR)


def test_under_a_hard_quota_alone_the_model_is_told_how_long_its_answer_may_be() -> None:
    longest = max(FREE.output_tokens, DEAR.output_tokens)
    assert sent(bill()) == sent(bill(max_tokens=None)) == chat(max_tokens=longest)
    assert bill().reserved == most(call(orjson.dumps(chat(max_tokens=longest))), DEAR)
    assert sent(bill(hard=False)) == chat()


def test_who_says_how_long_its_answer_may_be_is_taken_at_its_word() -> None:
    assert sent(bill(max_completion_tokens=3)) == chat(max_completion_tokens=3)
    asked = call(orjson.dumps({"model": "shop", "prompt": "a", "max_tokens": 3}), Operation.COMPLETIONS)
    assert Bill(asked, [DEAR], hard=True).call.fields == asked.fields


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
        ("odd", {"include_usage": True}),
    ],
)
def test_a_stream_is_asked_for_its_usage_which_is_kept_from_who_did_not(options: Any, told: Any) -> None:
    made = bill(stream=True, stream_options=options)
    assert sent(made)["stream_options"] == told
    assert made.pass_on(event("a") + USAGE + DONE) == event("a") + DONE
    assert made.taken(DEAR) == Use(5, 3 + 2 * 2)


def test_who_asked_for_the_usage_gets_it() -> None:
    made = bill(stream=True, stream_options={"include_usage": True})
    assert made.pass_on(USAGE) == USAGE


def test_a_whole_answer_costs_what_its_usage_says() -> None:
    made = bill()
    made.whole(orjson.dumps(completion("hi")))
    assert made.taken(DEAR) == Use(5, 7)
    assert made.taken(FREE) == Use(5, 0)


def test_what_nobody_knows_counts_in_full_under_a_hard_quota() -> None:
    made = bill()
    made.whole(b"{}")
    assert made.taken(DEAR) == made.taken(None) == made.reserved


def test_what_nobody_knows_is_counted_under_a_soft_quota() -> None:
    streamed = Bill(call(chat(stream=True)), [DEAR], hard=False)
    streamed.pass_on(event("a") + event("b"))
    assert streamed.taken(DEAR).tokens == -(-len(streamed.call.body) // 4) + 2
    whole = Bill(call(chat()), [DEAR], hard=False)
    whole.whole(b"x" * 40)
    assert whole.taken(DEAR).tokens == -(-len(call(chat()).body) // 4) + 10


def test_embeddings_have_no_stream_to_read() -> None:
    asked = call(orjson.dumps({"model": "shop", "input": "a", "stream": True}), Operation.EMBEDDINGS)
    made = Bill(asked, [DEAR], hard=True)
    assert sent(made) == {"model": "shop", "input": "a", "stream": True}
    assert made.pass_on(b"x") == b"x"

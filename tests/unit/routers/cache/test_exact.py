"""The exact cache: whose answer, how old, how many bytes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.models import Operation, Tier
from routers.cache.exact import ENTRY_OVERHEAD_BYTES, Answer, ExactCache, key
from tests.unit.routers.samples import call, chat

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def answer(size: int = 0) -> Answer:
    return Answer(b"content-type: application/json\r\n", b"x" * size, False, "light", Tier.LIGHT, 0.1)


def test_an_answer_is_kept_until_its_time_and_not_a_moment_longer() -> None:
    cache = ExactCache(10_000)
    cache.put(b"a", answer(), expires_at=5.0)
    assert cache.get(b"a", 4.999) == answer()
    assert cache.get(b"a", 5.0) is None
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_the_least_recently_used_goes_first() -> None:
    cache = ExactCache(2 * ENTRY_OVERHEAD_BYTES)
    for name in (b"a", b"b"):
        cache.put(name, answer(), 9)
    assert cache.get(b"a", 0)
    cache.put(b"c", answer(), 9)
    assert [name for name in (b"a", b"b", b"c") if cache.get(name, 0)] == [b"a", b"c"]


def test_an_answer_larger_than_the_whole_cache_is_not_kept_and_pushes_nothing_out() -> None:
    cache = ExactCache(ENTRY_OVERHEAD_BYTES + 10)
    cache.put(b"a", answer(10), 9)
    cache.put(b"b", answer(11), 9)
    assert cache.get(b"a", 0) and cache.get(b"b", 0) is None


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = ExactCache(0)
    cache.put(b"a", answer(), 9)
    assert len(cache) == 0


def test_a_newer_answer_takes_the_place_of_the_older() -> None:
    cache = ExactCache(10_000)
    cache.put(b"a", answer(1), 2)
    cache.put(b"a", answer(2), 9)
    assert cache.get(b"a", 3) == answer(2)
    assert cache.size_bytes == ENTRY_OVERHEAD_BYTES + 2


PUTS = st.tuples(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), st.integers(0, 3000), st.integers(1, 5))


@given(st.lists(PUTS | st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), max_size=40), st.integers(0, 6000))
def test_it_never_holds_more_bytes_than_it_may(steps: list[tuple[bytes, int, int] | bytes], bound: int) -> None:
    cache, kept = ExactCache(bound), dict[bytes, tuple[int, Answer]]()
    for now, step in enumerate(steps):
        if isinstance(step, tuple):
            name, size, lifetime = step
            cache.put(name, answer(size), now + lifetime)
            if ENTRY_OVERHEAD_BYTES + size <= bound:
                kept[name] = now + lifetime, answer(size)
        else:
            if found := cache.get(step, now):
                expires_at, expected = kept[step]
                assert now < expires_at and found == expected
        assert 0 <= cache.size_bytes <= bound
        assert cache.size_bytes >= len(cache) * ENTRY_OVERHEAD_BYTES


@pytest.mark.parametrize(
    "other",
    [
        key(call(tenant="other"), "r1", "default"),
        key(call(), "r2", "default"),
        key(call(), "r1", "treatment"),
        key(call(chat("Where is it?")), "r1", "default"),
        key(call(chat(temperature=0)), "r1", "default"),
        key(call(chat(stream=True)), "r1", "default"),
        key(call(chat() | {"prompt": "a"}, Operation.COMPLETIONS), "r1", "default"),
    ],
    ids=["tenant", "revision", "arm", "question", "parameter", "stream", "operation"],
)
def test_what_may_not_share_an_answer_has_another_key(other: bytes) -> None:
    assert other != key(call(), "r1", "default")


def test_the_parts_of_a_key_cannot_run_into_each_other() -> None:
    assert key(call(tenant="ab"), "c", "d") != key(call(tenant="a"), "bc", "d") != key(call(tenant="a"), "b", "cd")


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_neither_order_nor_space_changes_the_key(extra: dict[str, Any]) -> None:
    fields = {**extra, **chat(stream=False)}
    reordered = dict(reversed(list(fields.items())))
    spaced = orjson.dumps(reordered, option=orjson.OPT_INDENT_2)
    assert key(call(fields), "r1", "a") == key(call(spaced), "r1", "a")


@given(JSON, JSON)
def test_different_questions_have_different_keys(one: Any, other: Any) -> None:
    same = orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    assert (key(call(chat(x=one)), "r1", "a") == key(call(chat(x=other)), "r1", "a")) is same


def test_two_prompts_with_one_long_prefix_have_two_keys() -> None:
    prefix = "The same very long beginning. " * 10_000
    assert key(call(chat(prefix + "One?")), "r1", "a") != key(call(chat(prefix + "Two?")), "r1", "a")


def test_an_answer_that_is_too_old_is_there_for_an_overloaded_route_until_it_is_too_old_for_that_too() -> None:
    cache = ExactCache(10_000)
    cache.put(b"k", answer(), expires_at=10, stale_seconds=5)
    assert (cache.get(b"k", 10), cache.stale(b"k", 14.9)) == (None, answer())
    assert (cache.stale(b"k", 15), cache.stale(b"other", 0)) == (None, None)
    assert len(cache) == 1
    assert cache.get(b"k", 15) is None
    assert (len(cache), cache.size_bytes) == (0, 0)

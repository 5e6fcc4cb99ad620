"""Slots: questions that are about different things never share an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.cache import slots


def differing(one: str, other: str) -> str | None:
    """The kind of slot in which two short questions differ, whichever comes first."""
    first, second = slots.read(one), slots.read(other)
    assert first is not None and second is not None
    found = slots.differing(first, second)
    assert found == slots.differing(second, first)
    return found


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Where is order 1041?", "Where is order 1042?", "numbers"),
        ("Where is order #A-1041?", "Where is order #B-1041?", "numbers"),
        ("Can I return three shirts?", "Can I return two shirts?", "numbers"),
        ("Open from 3 to 5?", "Open from 5 to 3?", "numbers"),
        ("Does it cost 4.50?", "Does it cost 450?", "numbers"),
        ("Can I pay by card?", "Can I not pay by card?", "negations"),
        ("I can open my account", "I can't open my account", "negations"),
        ("I can open my account", "I can’t open my account", "negations"),
        ("Send it to Alice please", "Send it to Bob please", "names"),
        ("Do you deliver to Paris?", "Do you deliver to Rome?", "names"),
        ("Do you take Apple Pay?", "Do you take Google Pay?", "names"),
        ("订单1041在哪里？", "订单1042在哪里？", "numbers"),
        ("我买了三件衣服", "我买了两件衣服", "numbers"),
        ("可以退货吗", "不可以退货吗", "negations"),
        ("快递到了", "快递还没到", "negations"),
        ("请联系王先生", "请联系李先生", "names"),
        ("可以用PayPal付款吗", "可以用Alipay付款吗", "names"),
        ("我想看《红楼梦》", "我想看《西游记》", "names"),
        ("怎么去北京大学", "怎么去清华大学", "names"),
        ("a flight to paris", "a flight to london", "names"),
        ("a flight to paris", "a flight home", "names"),
        ("call steve", "call mary", "names"),
        ("Paris hotels please", "London hotels please", "names"),
        ("Where Is The Paris Shop Now", "Where Is The London Shop Now", "names"),
        ("what is steve's number", "what is mary's number", "names"),
        ("are you open on friday", "are you open on monday", "names"),
        ("我要去北京", "我要去上海", "names"),
        ("给张伟打电话", "给李娜打电话", "names"),
        ("王小明的订单到了吗", "赵小红的订单到了吗", "names"),
        ("去大兴机场多少钱", "去首都机场多少钱", "names"),
    ],
)
def test_questions_about_different_things_differ_in_a_slot(one: str, other: str, kind: str) -> None:
    assert differing(one, other) == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my order?", "What has become of my order?"),
        ("Where is order 1041?", "Tell me where order 1041 is"),
        ("Can I return two shirts?", "May I send 2 shirts back?"),
        ("I cannot log in", "I can't log in"),
        ("Can Alice return it?", "Is a return possible for alice?"),
        ("I would like to know. When do you open?", "When do you open? I'd like to know."),
        ("WHERE IS MY PARCEL NOW", "where is my parcel now"),
        ("怎么退货？", "退货怎么办理？"),
        ("这个不错，怎么买", "这个很好，怎么买"),
        ("订单１０４１在哪里", "订单1041在哪里？"),
        ("订单1041在哪里", "订单1041现在到哪里了"),
        ("How Do I Return My Order", "how do I return my order"),
        ("is there a flight to paris", "Are there flights to Paris?"),
        ("what is Mary's number", "what is the number of mary"),
        ("a nice mobile for reading", "will a mobile do for books"),
        ("may I bill you in turkey", "could I send a bill"),
        ("去北京怎么走", "北京怎么去"),
        ("我的包裹到哪了", "包裹现在在哪里"),
    ],
)
def test_other_words_for_the_same_thing_differ_in_none(one: str, other: str) -> None:
    assert differing(one, other) is None


def test_a_question_too_long_to_compare_has_no_slots() -> None:
    assert slots.read("a" * slots.MAX_CHARACTERS) is not None
    assert slots.read("a" * (slots.MAX_CHARACTERS + 1)) is None


_TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from([*"去在的张李，.?'", "北京", "上海", "paris", "Paris", "mary's", "O'Brien", "not", "12", "to", " "])
).map("".join)


@given(_TEXTS)
def test_a_question_never_differs_from_itself_whatever_stands_in_it(text: str) -> None:
    assert differing(text, text) is None


@given(_TEXTS, _TEXTS)
def test_it_is_the_same_which_of_two_questions_came_first(one: str, other: str) -> None:
    differing(one, other)


_ENGLISH = st.lists(
    st.sampled_from(["how", "do", "I", "Get", "my", "order", "sent", "with", "not", "12", "?", ".", "to"])
)


@given(_ENGLISH, _ENGLISH, st.permutations(["paris", "london", "Tokyo", "mary", "steve's"]))
def test_a_name_in_the_place_of_another_always_differs(before: list[str], after: list[str], names: list[str]) -> None:
    here, there, *_ = names
    assert differing(" ".join([*before, here, *after]), " ".join([*before, there, *after])) == "names"

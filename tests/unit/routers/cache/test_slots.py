"""Slots: questions that are about different things never share an answer."""

import pytest

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
    ],
)
def test_other_words_for_the_same_thing_differ_in_none(one: str, other: str) -> None:
    assert differing(one, other) is None


def test_a_question_too_long_to_compare_has_no_slots() -> None:
    assert slots.read("a" * slots.MAX_CHARACTERS) is not None
    assert slots.read("a" * (slots.MAX_CHARACTERS + 1)) is None

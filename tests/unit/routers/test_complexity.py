"""The score tells easy from hard, in both languages, and stays in its bounds whatever comes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.complexity import MAX_CHARACTERS, _words, score

QUESTIONS = Path(__file__).parents[3] / "examples" / "shop" / "questions.jsonl"
THRESHOLD = 0.7

WORDS = st.text(alphabet=st.sampled_from("abc 你好?？1=+-*/`\n.,"), max_size=300)
CONTENT = st.none() | WORDS | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": WORDS}), max_size=3)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
MESSAGES = st.lists(st.fixed_dictionaries({"role": ROLES, "content": CONTENT}), min_size=1, max_size=12)


def of(*turns: str, **fields: Any) -> float:
    """The score of a conversation of user turns."""
    return score({"messages": [{"role": "user", "content": turn} for turn in turns], **fields}).value


@given(MESSAGES)
def test_every_conversation_scores_in_zero_to_one_and_twice_the_same(messages: list[dict[str, Any]]) -> None:
    fields = {"messages": messages}
    first = score(fields)
    assert 0 <= first.value < 1
    assert score(json.loads(json.dumps(fields))) == first


@given(WORDS, st.integers(1, 3))
def test_a_longer_text_of_the_same_kind_never_scores_lower(text: str, more: int) -> None:
    assert of(text) <= of(text + " a" * more)


@pytest.mark.parametrize("letter", ["a", "问"])
def test_the_score_grows_with_length_up_to_a_bound(letter: str) -> None:
    scores = [of(letter * count) for count in (1, 10, 100, MAX_CHARACTERS, MAX_CHARACTERS + 1)]
    assert scores[:4] == sorted(set(scores[:4]))
    assert scores[3] == scores[4]


def test_nothing_said_scores_zero() -> None:
    assert of("") == 0
    assert score({"messages": [{"role": "system", "content": "Explain why, step by step."}]}).value == 0


def test_the_system_prompt_does_not_count() -> None:
    asked = {"role": "user", "content": "Where is my parcel?"}
    prompt = {"role": "system", "content": "You are a strategist. Compare, analyse, explain why. " * 50}
    assert score({"messages": [prompt, asked]}) == score({"messages": [asked]})


def test_a_short_follow_up_to_a_hard_plan_is_still_hard() -> None:
    plan = "Compare these two warehouses step by step, weigh pros and cons, and recommend one. Explain the trade-off."
    assert of("yes, do it") < THRESHOLD
    assert of(plan, "yes, do it") > THRESHOLD
    assert of("请比较两个方案的优缺点，分析利弊并给出建议，解释为什么。", "好的，就这样做") > THRESHOLD


def test_what_was_hard_long_ago_is_forgotten() -> None:
    assert of("Compare both, explain why, and recommend one.", *["ok"] * 12) < THRESHOLD


def test_of_two_texts_of_a_length_the_one_of_more_parts_is_harder() -> None:
    assert of("red, blue, green and one more") > of("red or blue or green and one more")
    assert of("红、蓝，绿和白") > of("红或蓝或绿和白")


def test_in_a_long_text_words_that_ask_add_nothing_to_its_size() -> None:
    long = "The parcel came late and was opened. " * 20
    assert score({"prompt": long + "Explain why."}).pushes.keys() == {"length"}
    assert score({"prompt": "Explain why."}).pushes.keys() == {"reasoning"}


@pytest.mark.parametrize("second", ["\nB. 7", "\nB) 7", "\nB、 7"])
def test_a_question_that_gives_its_answers_asks_for_no_reasoning(second: str) -> None:
    asked = "Why is it best to compare both?"
    assert of(asked) >= THRESHOLD
    assert score({"prompt": asked + "\nA. 5" + second}).pushes.keys() <= {"length", "parts"}


def test_chinese_is_counted_by_the_character() -> None:
    assert of("我想知道我的包裹现在到了哪里") > of("wxyzwxyzwxyzwx")


@pytest.mark.parametrize(
    "question",
    [
        "Compare the two phones and explain which one is better for travelling.",
        "Write a friendly letter to a customer whose parcel was lost.",
        "Why is the sky blue? Explain it step by step.",
        "比较这两款手机的优缺点，并推荐一款。",
        "写一封道歉信给丢了包裹的顾客。",
        "请分析这两个方案的区别，并说明理由。",
    ],
)
def test_comparing_reasoning_and_writing_are_hard(question: str) -> None:
    assert of(question) >= THRESHOLD


def test_every_question_of_the_shop_is_easy() -> None:
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    answerable = [question for question in questions if question["entry"] is not None]
    assert {question["language"] for question in answerable} == {"en", "zh"}
    hard = [question["question"] for question in answerable if of(question["question"]) >= THRESHOLD]
    assert len(hard) <= len(answerable) // 100, hard


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "look_up"}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "order"}}},
    ],
)
def test_what_the_light_tier_cannot_do_is_nearly_enough_alone(fields: dict[str, Any]) -> None:
    assert "structure" in score({"messages": [{"role": "user", "content": "Where?"}], **fields}).pushes
    assert of("Where is my parcel today?", **fields) >= THRESHOLD


def test_an_image_counts_as_structure() -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    assert "structure" in score({"messages": [{"role": "user", "content": parts}]}).pushes


def test_plain_text_as_response_format_is_not_structure() -> None:
    assert of("Where is my parcel?", response_format={"type": "text"}) == of("Where is my parcel?")


def test_a_prompt_is_scored_like_a_message() -> None:
    text = "Compare both and explain why."
    assert (
        score({"prompt": text}) == score({"prompt": [text]}) == score({"messages": [{"role": "user", "content": text}]})
    )


@given(
    st.dictionaries(
        st.sampled_from(["messages", "prompt", "tools", "response_format"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "type"]), inner)
            ),
        ),
    )
)
def test_no_shape_of_a_field_breaks_it(fields: dict[str, Any]) -> None:
    assert 0 <= score(fields).value < 1


@given(text=st.text(st.characters(max_codepoint=127)).map(str.lower))
def test_plain_text_is_split_as_any_other(text: str) -> None:
    assert {word for word in _words(text) if len(word) > 1} == set(_words(text + " 字"))

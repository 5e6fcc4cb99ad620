"""The shop's questions, asked with the real OpenAI client and answered by both real models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from model_repo.faq.calibration import TARGET, load
from tests.stack import Stack

QUESTIONS = Path(__file__).parents[2] / "examples" / "shop" / "questions.jsonl"
ASKED_OF_EACH_LANGUAGE = 12

EASY = {"en": "How long does delivery take?", "zh": "多久能送到？"}
HARD = {
    "en": "Compare standard and express delivery and explain which one I should choose for a birthday tomorrow.",
    "zh": "请比较标准配送和加急配送的区别，分析利弊并推荐一种。",
}
UNKNOWN = {"en": "Do you sell live elephants?", "zh": "你们卖大象吗？"}


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=stack.router, api_key="unused", max_retries=0, timeout=120) as client:
        yield client


def ask(client: OpenAI, question: str, **options: Any) -> tuple[str, Any, dict[str, str]]:
    """The answer's text, its completion, and its headers."""
    raw = client.chat.completions.with_raw_response.create(
        model="shop", messages=[{"role": "user", "content": question}], **{"max_tokens": 24, **options}
    )
    completion = raw.parse()
    return completion.choices[0].message.content or "", completion, dict(raw.headers)


def stream(client: OpenAI, question: str) -> tuple[list[str], Any]:
    """The pieces of a streamed answer, and the usage that its last chunk says."""
    pieces, usage = [], None
    for chunk in client.chat.completions.create(
        model="shop",
        messages=[{"role": "user", "content": question}],
        max_tokens=24,
        stream=True,
        stream_options={"include_usage": True},
    ):
        usage = chunk.usage or usage
        pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
    return pieces, usage


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_easy_question_is_answered_by_the_light_model_whole_and_streamed_alike(
    client: OpenAI, language: str
) -> None:
    text, completion, headers = ask(client, EASY[language])
    assert headers["x-tiermesh-tier"] == "light"
    assert headers["x-tiermesh-model"] == "faq"
    assert "below-threshold" in headers["x-tiermesh-reasons"]
    assert completion.usage.total_tokens > 0
    assert ("两" if language == "zh" else "two to four") in text or "2至4" in text
    pieces, usage = stream(client, EASY[language])
    assert "".join(pieces) == text
    assert usage == completion.usage


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_hard_question_goes_to_the_heavy_model_at_once(client: OpenAI, language: str) -> None:
    text, completion, headers = ask(client, HARD[language])
    assert headers["x-tiermesh-tier"] == "heavy"
    assert headers["x-tiermesh-model"] == "assistant"
    assert float(headers["x-tiermesh-score"]) >= 0.7
    assert "at-threshold" in headers["x-tiermesh-reasons"]
    assert text.strip()
    assert 0 < completion.usage.completion_tokens <= 24


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_heavy_answer_is_streamed_piece_by_piece(client: OpenAI, language: str) -> None:
    pieces, usage = stream(client, HARD[language] + " (2)")
    assert len(pieces) > 3
    assert 0 < usage.completion_tokens <= 24


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_the_light_model_abstains_the_heavy_one_answers_and_the_reasons_say_so(
    client: OpenAI, language: str
) -> None:
    text, _, headers = ask(client, UNKNOWN[language])
    assert headers["x-tiermesh-tier"] == "heavy"
    assert headers["x-tiermesh-reasons"] == "route,below-threshold,light-abstained"
    assert text.strip()


def test_the_same_question_is_answered_from_the_cache_word_for_word(client: OpenAI) -> None:
    question = HARD["en"] + " Asked twice."
    first, _, headers = ask(client, question)
    assert headers["x-tiermesh-cache"] == "miss"
    second, _, headers = ask(client, question)
    assert headers["x-tiermesh-cache"] == "hit-exact"
    assert headers["x-tiermesh-model"] == "assistant"
    assert second == first


def test_what_the_light_model_finds_goes_into_the_heavy_models_prompt(client: OpenAI) -> None:
    question = HARD["en"] + " Please."
    alone = client.completions.create(model="shop", prompt=question, max_tokens=1).usage
    _, chat, _ = ask(client, question)
    assert alone is not None
    assert chat.usage.prompt_tokens > alone.prompt_tokens + 100, "the shop's own instructions take about fifty"


def test_embeddings_completions_and_the_list_of_models_use_the_same_name(client: OpenAI) -> None:
    vectors = client.embeddings.create(model="shop", input=["多久能送到？", "How long does delivery take?"])
    assert [len(item.embedding) for item in vectors.data] == [384, 384]
    completion = client.completions.create(model="shop", prompt="Parcels are", max_tokens=5)
    assert completion.choices[0].text
    assert [model.id for model in client.models.list()] == ["shop"]


def test_the_light_models_precision_on_held_out_questions_survives_the_way_through_the_mesh(client: OpenAI) -> None:
    held_out = [question for question in load(QUESTIONS) if question.held_out and question.entry]
    right = []
    for language in ("en", "zh"):
        for question in [each for each in held_out if each.language == language][:ASKED_OF_EACH_LANGUAGE]:
            _, completion, headers = ask(client, question.question, max_tokens=1)
            if headers["x-tiermesh-tier"] == "light":
                right.append(completion.model_extra["tiermesh"]["entry"] == question.entry)
    assert len(right) >= ASKED_OF_EACH_LANGUAGE, "half of them; benchmarks.faq asks all"
    assert sum(right) / len(right) >= TARGET - 0.1, "two dozen questions leave a wide margin"

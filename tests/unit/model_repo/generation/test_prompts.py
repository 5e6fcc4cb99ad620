from typing import Any

import orjson
import pytest

from control_plane.spec.errors import TiermeshError
from control_plane.spec.models import Generation
from model_repo import openai
from model_repo.generation.engine import Sampling
from model_repo.generation.prompts import Prompts, with_passages


class Words:
    """A tokenizer with a word a token; it remembers what it was given."""

    chat_template = "words"

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> dict[str, list[int]]:
        self.messages = messages
        return {"input_ids": [0] * sum(len(message["content"].split()) for message in messages)}

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text.split())}


def prompts(words: Words, **generation: Any) -> Prompts:
    settings = Generation.model_validate({"contextTokens": 128, "outputTokens": 50, **generation})
    return Prompts(words, settings, Sampling(settings.output_tokens, temperature=0.2, top_p=0.9))


def request(*messages: tuple[str, str], **fields: Any) -> openai.ChatRequest:
    said = [{"role": role, "content": content} for role, content in messages]
    return openai.read(openai.ChatRequest, orjson.dumps({"model": "m", "messages": said, **fields}))


async def test_the_system_prompt_is_said_where_the_request_has_none() -> None:
    words = Words()
    await prompts(words, systemPrompt="Be brief.").chat(request(("user", "Hello")))
    assert words.messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    await prompts(words, systemPrompt="Be brief.").chat(request(("developer", "Be long."), ("user", "Hello")))
    assert words.messages[0] == {"role": "system", "content": "Be long."}


async def test_passages_for_the_last_question_go_into_the_system_message() -> None:
    words, asked = Words(), []

    async def search(question: str) -> list[str]:
        asked.append(question)
        return ["Two days.", "By post."]

    found = Prompts(words, Generation(), Sampling(10), search)
    await found.chat(request(("user", "first"), ("assistant", "yes"), ("user", "second")))
    assert asked == ["second"]
    system, *rest = words.messages
    assert system["role"] == "system" and system["content"].endswith("- Two days.\n- By post.")
    assert [message["content"] for message in rest] == ["first", "yes", "second"]


def test_passages_follow_what_the_system_message_says_already() -> None:
    (only,) = with_passages([{"role": "system", "content": "Be brief."}], ["Two days."])
    assert only["content"].startswith("Be brief.\n\n") and only["content"].endswith("- Two days.")
    assert with_passages([{"role": "user", "content": "x"}], []) == [{"role": "user", "content": "x"}]


async def test_sampling_is_the_requests_or_else_the_models() -> None:
    plain = (await prompts(Words()).chat(request(("user", "a")))).sampling
    assert plain == Sampling(50, temperature=0.2, top_p=0.9)
    asked = request(("user", "a"), temperature=0, top_p=1, seed=3, stop="x", max_tokens=9, max_completion_tokens=7)
    assert (await prompts(Words()).chat(asked)).sampling == Sampling(7, 0.0, 1.0, 3, ("x",))


async def test_the_answer_gets_the_room_that_is_left() -> None:
    assert (await prompts(Words()).chat(request(("user", "a " * 100)))).sampling.max_tokens == 28


@pytest.mark.parametrize("fields", [{}, {"max_tokens": 30}])
async def test_a_prompt_that_leaves_no_room_is_refused(fields: dict[str, Any]) -> None:
    words = 100 if fields else 128
    with pytest.raises(TiermeshError, match=f"has {words} tokens.*context holds 128") as raised:
        await prompts(Words()).chat(request(("user", "a " * words), **fields))
    assert (raised.value.status, raised.value.param) == (400, "messages")


def test_a_completion_goes_on_with_the_text_as_it_stands() -> None:
    asked = openai.read(openai.CompletionRequest, b'{"model": "m", "prompt": "a b c", "max_tokens": 4}')
    prompt = prompts(Words(), systemPrompt="Be brief.").completion(asked)
    assert (len(prompt.tokens), prompt.sampling.max_tokens) == (3, 4)

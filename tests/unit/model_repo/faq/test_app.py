import base64
from typing import Any

import numpy as np
import orjson
import pytest
from httpx2 import Response

from model_repo.faq.app import Faq
from model_repo.faq.encoder import Encoder
from model_repo.faq.matching import Index
from tests.unit.model_repo.samples import ENTRIES, chat, client


@pytest.fixture(scope="module")
def faq(encoder: Encoder) -> Faq:
    return Faq("faq", Index(ENTRIES, encoder.embed), encoder, threshold=0.5)


async def post(faq: Faq, path: str, body: Any) -> Response:
    async with client(faq.application()) as http:
        return await http.post(path, json=body)


async def ask(faq: Faq, **body: Any) -> Response:
    return await post(faq, "/v1/chat/completions", body)


async def test_an_answer_comes_in_the_askers_language_with_its_entry_and_confidence(faq: Faq) -> None:
    for question, answer in (("When will it arrive?", "Two days."), ("几天到货？", "两天。")):
        response = await ask(faq, **chat(question))
        said = response.json()
        assert said["choices"][0]["message"] == {"role": "assistant", "content": answer}
        assert said["choices"][0]["finish_reason"] == "stop"
        assert said["tiermesh"]["entry"] == "delivery"
        assert float(response.headers["x-tiermesh-confidence"]) == said["tiermesh"]["confidence"] > 0.5


async def test_usage_is_counted_by_the_tokenizer(faq: Faq, encoder: Encoder) -> None:
    usage = (await ask(faq, **chat("How can I pay?"))).json()["usage"]
    asked, said = encoder.tokens("How can I pay?"), encoder.tokens("By card.")
    assert usage == {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


@pytest.mark.parametrize("stream", [False, True])
async def test_what_it_does_not_know_it_leaves_to_others(faq: Faq, stream: bool) -> None:
    response = await ask(faq, **chat("Write a poem about the sea.", stream=stream))
    assert response.status_code == 422
    assert 0 <= float(response.headers["x-tiermesh-abstained"]) < 0.5
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("model_abstained", None)


@pytest.mark.parametrize(
    "body",
    [
        chat("How can I pay?", tools=[{"type": "function"}]),
        chat("word " * 600),
        chat("  "),
        {
            "model": "faq",
            "messages": [{"role": "user", "content": "How can I pay?"}, {"role": "assistant", "content": "By"}],
        },
    ],
    ids=["tools", "too long", "empty", "not the user's turn"],
)
async def test_what_it_cannot_do_is_an_abstention_too(faq: Faq, body: dict[str, Any]) -> None:
    response = await ask(faq, **body)
    assert (response.status_code, response.headers["x-tiermesh-abstained"]) == (422, "0.0000")


async def test_only_the_last_message_counts(faq: Faq) -> None:
    earlier = [{"role": "user", "content": "How can I pay?"}, {"role": "assistant", "content": "By card."}]
    said = (
        await ask(faq, model="faq", messages=[*earlier, {"role": "user", "content": "When will it arrive?"}])
    ).json()
    assert said["tiermesh"]["entry"] == "delivery"


async def test_a_stream_says_role_content_finish_usage_done(faq: Faq) -> None:
    response = await ask(faq, **chat("How can I pay?", stream=True, stream_options={"include_usage": True}))
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "x-tiermesh-confidence" in response.headers
    *events, done, rest = response.text.split("\n\n")
    role, content, finish, usage = [orjson.loads(event.removeprefix("data: ")) for event in events]
    assert role["choices"][0]["delta"]["role"] == "assistant"
    assert content["choices"][0]["delta"]["content"] == "By card."
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == [] and usage["usage"]["completion_tokens"] > 0
    assert (done, rest) == ("data: [DONE]", "")


async def test_embeddings_come_as_numbers_or_base64_and_are_the_same(faq: Faq) -> None:
    texts = [f"text {number}" for number in range(19)]
    numbers = (await post(faq, "/v1/embeddings", {"model": "e", "input": texts})).json()
    packed = (await post(faq, "/v1/embeddings", {"model": "e", "input": texts, "encoding_format": "base64"})).json()
    assert [item["index"] for item in numbers["data"]] == list(range(19))
    for plain, encoded in zip(numbers["data"], packed["data"], strict=True):
        vector = np.frombuffer(base64.b64decode(encoded["embedding"]), dtype="<f4")
        np.testing.assert_allclose(vector, plain["embedding"], atol=1e-6)
    assert numbers["usage"]["total_tokens"] == numbers["usage"]["prompt_tokens"] > 19


async def test_a_text_that_is_too_long_to_embed_is_named(faq: Faq) -> None:
    response = await post(faq, "/v1/embeddings", {"model": "e", "input": ["short"] * 9 + ["word " * 600]})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "input[9]")


async def test_the_list_of_models_names_it(faq: Faq) -> None:
    async with client(faq.application()) as http:
        assert [model["id"] for model in (await http.get("/v1/models")).json()["data"]] == ["faq"]

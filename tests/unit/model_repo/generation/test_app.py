import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import orjson
import pytest

from control_plane.spec.models import Generation
from model_repo.generation.app import Generator, Served
from model_repo.generation.engine import Piece, Sampling
from model_repo.generation.prompts import Prompts
from tests.unit.model_repo.generation.test_prompts import Words
from tests.unit.model_repo.samples import chat, client


class Echo:
    """An engine that counts aloud, and remembers what was asked of it and whether it was closed."""

    def __init__(self, endless: bool = False) -> None:
        self.asked: list[Sampling] = []
        self.adapters: list[str | None] = []
        self.speaking = asyncio.Event()
        self.closed = asyncio.Event()
        self._endless = endless

    async def generate(
        self, prompt: Sequence[int], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[Piece]:
        self.asked.append(sampling)
        self.adapters.append(adapter)
        try:
            yield Piece("one ", 1)
            while self._endless:
                self.speaking.set()
                await asyncio.sleep(0)
                yield Piece("more ", 2)
            yield Piece("", 2)
            yield Piece("two", 3, "length")
        finally:
            self.closed.set()

    async def check(self) -> None:
        pass

    def close(self) -> None:
        pass


def generator(engine: Echo) -> Generator:
    served = [Served("assistant"), Served("assistant:legal", "legal", {"sha256": "ab"})]
    return Generator(served, engine, Prompts(Words(), Generation(), Sampling(100)))


async def test_an_answer_is_all_pieces_with_their_usage() -> None:
    async with client(generator(Echo()).application()) as http:
        said = (await http.post("/v1/chat/completions", json=chat("a b c"))).json()
    assert said["choices"][0]["message"]["content"] == "one two"
    assert said["choices"][0]["finish_reason"] == "length"
    assert said["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


async def test_a_stream_has_one_chunk_a_piece_of_text() -> None:
    body = {"model": "m", "prompt": "a b", "stream": True, "stream_options": {"include_usage": True}}
    async with client(generator(Echo()).application()) as http:
        response = await http.post("/v1/completions", json=body)
    *events, done, _ = response.text.split("\n\n")
    chunks = [orjson.loads(event.removeprefix("data: ")) for event in events]
    assert [chunk["choices"][0]["text"] for chunk in chunks[:-1]] == ["one ", "two", ""]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, "length"]
    assert chunks[-1]["usage"]["completion_tokens"] == 3
    assert done == "data: [DONE]"


@pytest.mark.parametrize("fields", [{"n": 2}, {"temperature": -1}])
async def test_a_request_that_cannot_be_honoured_never_reaches_the_engine(fields: dict[str, Any]) -> None:
    engine = Echo()
    async with client(generator(engine).application()) as http:
        response = await http.post("/v1/chat/completions", json=chat("a", **fields))
    assert (response.status_code, response.json()["error"]["param"]) == (400, next(iter(fields)))
    assert engine.asked == []


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_stops_the_engine(stream: bool) -> None:
    engine = Echo(endless=True)
    async with client(generator(engine).application()) as http:
        call = asyncio.create_task(http.post("/v1/chat/completions", json=chat("a", stream=stream)))
        await engine.speaking.wait()
        call.cancel()
        await asyncio.wait([call])
    assert engine.closed.is_set()


async def test_the_model_that_a_request_names_chooses_the_adapter() -> None:
    engine = Echo()
    async with client(generator(engine).application()) as http:
        for name in ("assistant", "assistant:legal", "whatever"):
            answer = await http.post("/v1/chat/completions", json=chat("a", model=name))
            assert answer.json()["model"] == name
            await http.post("/v1/completions", json={"model": name, "prompt": "a"})
    assert engine.adapters == [None, None, "legal", "legal", None, None]


async def test_an_adapter_that_is_not_there_is_said_with_those_that_are() -> None:
    async with client(generator(Echo()).application()) as http:
        answer = await http.post("/v1/chat/completions", json=chat("a", model="assistant:medical"))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert "'medical'. There are: assistant, assistant:legal." in answer.json()["error"]["message"]


async def test_the_list_of_models_says_which_weights_each_has() -> None:
    async with client(generator(Echo()).application()) as http:
        base, adapter = (await http.get("/v1/models")).json()["data"]
    assert base["id"] == "assistant" and "tiermesh" not in base
    assert adapter["id"] == "assistant:legal" and adapter["tiermesh"] == {"sha256": "ab"}

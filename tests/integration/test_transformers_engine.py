"""The real small model, converted once for the whole run; its words are not asserted, its behaviour is."""

import asyncio
from pathlib import Path

import orjson
import pytest

from control_plane.spec.models import Generation, ModelSpec
from model_repo import openai
from model_repo.generation import transformers_engine
from model_repo.generation.engine import Engine, Piece, Sampling
from model_repo.generation.prompts import Prompts
from tests.weights import SMOLLM2
from tests.weights import smollm2 as smollm2


@pytest.fixture(scope="module")
def engine(smollm2: Path) -> Engine:
    return transformers_engine.load(
        smollm2, ModelSpec.model_validate({"engine": "transformers", "tier": "heavy", "source": SMOLLM2})
    )


@pytest.fixture(scope="module")
def prompt(smollm2: Path) -> list[int]:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "Count from one to ten."}]})
    prompts = Prompts.load(smollm2, Generation())
    return asyncio.run(prompts.chat(openai.read(openai.ChatRequest, body))).tokens


async def answer(engine: Engine, prompt: list[int], sampling: Sampling) -> list[Piece]:
    return [piece async for piece in engine.generate(prompt, sampling)]


async def test_an_answer_comes_in_pieces_and_says_once_why_it_ends(engine: Engine, prompt: list[int]) -> None:
    pieces = await answer(engine, prompt, Sampling(6, temperature=0))
    assert [piece.tokens for piece in pieces] == [1, 2, 3, 4, 5, 6]
    assert [piece.finish for piece in pieces] == [None] * 5 + ["length"]
    assert "".join(piece.text for piece in pieces).strip()


async def test_a_stop_sequence_ends_the_answer_and_is_not_part_of_it(engine: Engine, prompt: list[int]) -> None:
    whole = "".join(piece.text for piece in await answer(engine, prompt, Sampling(8, temperature=0)))
    stop = whole.split()[2]
    pieces = await answer(engine, prompt, Sampling(8, temperature=0, stops=(stop,)))
    assert pieces[-1].finish == "stop"
    assert "".join(piece.text for piece in pieces) == whole[: whole.index(stop)]


async def test_a_seed_makes_chance_repeat(engine: Engine, prompt: list[int]) -> None:
    first, second = [await answer(engine, prompt, Sampling(6, temperature=1.5, seed=7)) for _ in range(2)]
    assert first == second


async def test_a_reader_who_leaves_stops_the_thread(engine: Engine, prompt: list[int]) -> None:
    pieces = engine.generate(prompt, Sampling(2000, temperature=1.5))
    await anext(pieces)
    await pieces.aclose()
    # The thread takes one request at a time: an answer means that the abandoned one has ended.
    assert len(await answer(engine, prompt, Sampling(1, temperature=0))) == 1

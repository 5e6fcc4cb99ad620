"""A Model is there once it answers, whatever it did before."""

import asyncio
from typing import Any

from control_plane.rollouts.answering import Answering
from tests.stub_upstream import StubUpstream, answer, error, not_deployed
from tests.unit.control_plane.samples import model, parsed


async def test_what_does_not_answer_yet_is_named_in_the_same_words_each_time() -> None:
    found: list[Any] = parsed(model("assistant--v2"))
    async with StubUpstream(answer({"data": []})) as stub:
        asked = Answering(stub.url.removesuffix("/v1"))
        stub.script(not_deployed(), error(503))
        said = [await asyncio.to_thread(asked.missing, found) for _ in range(3)]
    url = f"{asked.serve_url}/assistant--v2/v1"
    assert said == [f"Model 'assistant--v2' does not answer at {url} yet"] * 2 + [None]
    assert stub.requests[0].path == "/assistant--v2/v1/models"
    assert await asyncio.to_thread(asked.missing, found) == said[0]

"""The HTTP face of the light model: chat, embeddings and models."""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control_plane.spec.documents import Model
from control_plane.spec.errors import Code, TiermeshError
from model_repo import openai, web
from model_repo.faq import answering, knowledge, known
from model_repo.faq import encoder as encoders
from model_repo.faq.encoder import MOST_TOKENS, Encoder, Vectors
from model_repo.faq.matching import Index, Match
from model_repo.settings import home

KNOWN = Path("models", "known")
"""Below TIERMESH_HOME: vectors of what shops know."""
_SLICE = 8
"""Texts embedded in one go: a long list must not keep a shopper's question waiting."""

_T = TypeVar("_T")


class Faq:
    """One loaded knowledge base. The network runs on a thread of its own, so that the event loop stays free."""

    def __init__(self, name: str, index: Index, encoder: Encoder, threshold: float) -> None:
        self._name = name
        self._index = index
        self._encoder = encoder
        self._threshold = threshold
        self._since = int(time.time())
        self._thread = ThreadPoolExecutor(1, "encoder")

    @classmethod
    def load(cls, model: Model, state: Path | None = None) -> Self:
        """The knowledge and the encoder that a Model of engine `faq` names.

        `state`, where the knowledge's vectors are kept, is TIERMESH_HOME where not given. Raises TiermeshError(SETUP)
        where knowledge or encoder is missing or wrong.
        """
        faq = model.spec.faq
        assert faq is not None, "a Model of engine `faq` has `faq`"
        encoder = encoders.load(model.spec, state)
        entries = knowledge.load(Path(faq.knowledge.removeprefix("file://")))
        kept = (state or home()) / KNOWN
        embed_known = partial(known.vectors, embed=encoder.embed, encoder=encoders.name(model.spec), folder=kept)
        index = Index(entries, encoder.embed, embed_known)
        return cls(model.metadata.qualified_name, index, encoder, faq.threshold)

    def application(self) -> Starlette:
        """The ASGI application."""
        return web.application(
            [
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/embeddings", self._embeddings, methods=["POST"]),
                Route("/v1/models", self._models),
            ]
        )

    async def search(self, text: str, count: int) -> list[Match]:
        """The nearest entries, nearest first, however unsure."""
        return (await self._run(partial(self._index.search, [text], count)))[0]

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _chat(self, request: Request) -> Response:
        asked = openai.read(openai.ChatRequest, await request.body())
        said = await self._run(lambda: answering.answer(asked, self._index, self._encoder, self._threshold))
        if isinstance(said, answering.Abstention):
            return web.failure(
                TiermeshError(Code.ABSTAINED, said.why), {"x-tiermesh-abstained": f"{said.confidence:.4f}"}
            )
        headers = {"x-tiermesh-confidence": f"{said.confidence:.4f}"}
        writer = openai.Writer.of(asked)
        if asked.stream:
            return web.Events(_chunks(writer, said, asked.includes_usage), headers)
        return web.json(writer.whole(said.text, "stop", said.usage, _extension(said)), headers=headers)

    async def _embeddings(self, request: Request) -> Response:
        asked = openai.read(openai.EmbeddingRequest, await request.body())
        openai.refuse_unsupported(asked)
        data: list[dict[str, Any]] = []
        tokens = 0
        for start in range(0, len(asked.input), _SLICE):
            texts = asked.input[start : start + _SLICE]
            vectors, counted = await self._run(partial(self._embed, texts, start))
            tokens += counted
            for vector in vectors:
                encoded: Any = vector.tolist()
                if asked.encoding_format == "base64":
                    encoded = base64.b64encode(vector.astype("<f4").tobytes()).decode()
                data.append({"object": "embedding", "index": len(data), "embedding": encoded})
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return web.json({"object": "list", "data": data, "model": asked.model, "usage": usage})

    def _embed(self, texts: list[str], start: int) -> tuple[Vectors, int]:
        counts = [self._encoder.tokens(text) for text in texts]
        for position, count in enumerate(counts, start):
            if count > MOST_TOKENS:
                field = f"input[{position}]"
                message = f"{field} has {count} tokens; this model reads at most {MOST_TOKENS}."
                raise TiermeshError(Code.INVALID_REQUEST, message, "Split the text.", param=field)
        return self._encoder.embed(texts), sum(counts)

    async def _models(self, request: Request) -> Response:
        return web.json(openai.models({self._name: {}}, self._since))


def _extension(said: answering.Answer) -> dict[str, Any]:
    return {"entry": said.entry, "confidence": round(said.confidence, 4)}


async def _chunks(writer: openai.Writer, said: answering.Answer, usage: bool) -> AsyncGenerator[web.Event | None]:
    yield writer.opening(_extension(said))
    yield writer.piece(said.text)
    yield writer.closing("stop")
    if usage:
        yield writer.usage(said.usage)

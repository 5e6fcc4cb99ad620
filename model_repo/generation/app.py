"""The HTTP face of a generating model: chat, completions and models."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import ModelSpec
from model_repo import openai, web
from model_repo.generation.engine import Engine, Piece
from model_repo.generation.prompts import Prompt, Prompts
from model_repo.openai import Finish


@dataclass(frozen=True, slots=True)
class Served:
    """One thing that requests may name as their `model`."""

    name: str
    adapter: str | None = None
    """The adapter that answers; None: the base itself."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """Which weights it has: shown to whoever lists the models."""


def served(name: str, spec: ModelSpec) -> list[Served]:
    """The base and its adapters, under the names by which requests choose among them."""
    base = spec.served_name or name
    adapters = (
        Served(f"{base}:{each.name}", each.name, _origin(each.source, each.sha256, each.version))
        for each in spec.adapters
    )
    return [Served(base, None, _origin(spec.source, spec.sha256, spec.version)), *adapters]


def _origin(source: str | None, sha256: str | None, version: str) -> dict[str, str]:
    """What whoever evaluates it wants to know; nothing where no checksum says what it is."""
    return {"source": source, "sha256": sha256, "version": version} if source and sha256 else {}


class Generator:
    """One engine behind the OpenAI API: a base, and adapters of it that requests choose by name."""

    def __init__(self, served: Sequence[Served], engine: Engine, prompts: Prompts) -> None:
        """The first of `served` is the base."""
        self._base, *_ = self._served = tuple(served)
        self._engine = engine
        self._prompts = prompts
        self._since = int(time.time())

    def application(self) -> Starlette:
        """The ASGI application."""
        return web.application(
            [
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/completions", self._completions, methods=["POST"]),
                Route("/v1/models", self._models),
            ]
        )

    async def _chat(self, request: Request) -> Response:
        asked = openai.read(openai.ChatRequest, await request.body())
        openai.refuse_unsupported(asked)
        adapter = self._adapter(asked)  # before the prompt: a passage need not be looked for in vain
        return await self._answer(asked, await self._prompts.chat(asked), adapter)

    async def _completions(self, request: Request) -> Response:
        asked = openai.read(openai.CompletionRequest, await request.body())
        openai.refuse_unsupported(asked)
        return await self._answer(asked, self._prompts.completion(asked), self._adapter(asked))

    async def _models(self, request: Request) -> Response:
        return web.json(openai.models({each.name: dict(each.origin) for each in self._served}, self._since))

    def _adapter(self, asked: openai.Sampled) -> str | None:
        """The adapter that a request names. Any other name stands for the base, as it always has."""
        for each in self._served:
            if each.name == asked.model:
                return each.adapter
        if asked.model.startswith(f"{self._base.name}:"):
            known = ", ".join(each.name for each in self._served)
            message = f"This model has no adapter {asked.model.removeprefix(self._base.name)[1:]!r}."
            raise TiermeshError(Code.UNKNOWN_MODEL, message, f"There are: {known}.", param="model")
        return None

    async def _answer(self, asked: openai.Sampled, prompt: Prompt, adapter: str | None) -> Response:
        writer = openai.Writer.of(asked)
        pieces = self._engine.generate(prompt.tokens, prompt.sampling, adapter)
        if asked.stream:
            return web.Events(_chunks(writer, pieces, len(prompt.tokens), asked.includes_usage))
        text: list[str] = []
        tokens = 0
        finish: Finish = "stop"
        async with aclosing(pieces):
            async for piece in pieces:
                text.append(piece.text)
                tokens, finish = piece.tokens, piece.finish or finish
        return web.json(writer.whole("".join(text), finish, openai.Usage(len(prompt.tokens), tokens)))


async def _chunks(
    writer: openai.Writer, pieces: AsyncGenerator[Piece], prompt_tokens: int, usage: bool
) -> AsyncGenerator[web.Event | None]:
    tokens = 0
    yield writer.opening()
    async with aclosing(pieces):
        async for piece in pieces:
            tokens = piece.tokens
            if piece.text:
                yield writer.piece(piece.text)
            if piece.finish:
                yield writer.closing(piece.finish)
    if usage:
        yield writer.usage(openai.Usage(prompt_tokens, tokens))

"""The HTTP face of a generating model: chat, completions and models."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model_repo import openai, web
from model_repo.generation.engine import Engine, Piece
from model_repo.generation.prompts import Prompt, Prompts
from model_repo.openai import Finish


class Generator:
    """One engine behind the OpenAI API."""

    def __init__(self, name: str, engine: Engine, prompts: Prompts) -> None:
        self._name = name
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
        return await self._answer(asked, await self._prompts.chat(asked))

    async def _completions(self, request: Request) -> Response:
        asked = openai.read(openai.CompletionRequest, await request.body())
        openai.refuse_unsupported(asked)
        return await self._answer(asked, self._prompts.completion(asked))

    async def _models(self, request: Request) -> Response:
        return web.json(openai.models(self._name, self._since))

    async def _answer(self, asked: openai.Sampled, prompt: Prompt) -> Response:
        writer = openai.Writer.of(asked)
        pieces = self._engine.generate(prompt.tokens, prompt.sampling)
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

"""The HTTP faces of the Models that run here: the light one whole, a generating one without its engine."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from typing import Any

import orjson
from starlette.types import ASGIApp

from control_plane.spec.models import Generation
from model_repo.faq.app import Faq
from model_repo.faq.matching import Index
from model_repo.faq.nano_encoder import NanoEncoder
from model_repo.generation.app import Generator, Served
from model_repo.generation.engine import Piece, Sampling
from model_repo.generation.prompts import Prompts
from tests.fuzz.asgi import Asked, called
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutations import bodies
from tests.fuzz.requests import CHATS, COMPLETIONS, EMBEDDINGS
from tests.unit.model_repo.samples import ENTRIES

_ASKED = {"role": "user", "content": "How can I pay?"}
_CHAT = {"model": "faq", "messages": [_ASKED], "stream": False}
_CHATS = [
    _CHAT,
    _CHAT | {"stream": True, "stream_options": {"include_usage": True}, "stop": ["a", ""]},
    _CHAT | {"messages": [{"role": "developer", "content": "Be brief."}, _ASKED], "tools": [], "n": 1},
    _CHAT | {"messages": [{"role": "user", "content": [{"type": "text", "text": "几天到货？"}]}], "seed": 2**63 - 1},
]
_COMPLETION = {"model": "m", "prompt": "Once upon a time", "max_tokens": 5, "temperature": 0, "stop": "a"}
_EMBEDDINGS = [{"model": "faq", "input": ["a", "b\u2028\U0001f600"], "encoding_format": "base64"}]


class _Engine:
    """Says as many words as it is asked for, up to three."""

    async def generate(
        self, prompt: Sequence[int], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[Piece]:
        assert len(prompt) + sampling.max_tokens <= 2**12
        for count in range(1, min(sampling.max_tokens, 3)):
            yield Piece("word ", count)
        yield Piece("", min(sampling.max_tokens, 3), "length")

    async def check(self) -> None: ...
    def close(self) -> None: ...


class _Words:
    """A tokenizer with a word a token."""

    chat_template = "words"

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> dict[str, list[int]]:
        return self(" ".join([message["content"] for message in messages]))

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [0] * len(text.split())}


class _Face:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()

    def ask(self, path: str, body: bytes) -> None:
        answer = self._loop.run_until_complete(called(self._app, Asked("POST", path, body)))
        assert answer.status < 500, answer.body
        if answer.status != 200:
            assert orjson.loads(answer.body)["error"]["code"], answer.body
        elif answer.headers[b"content-type"].startswith(b"text/event-stream"):
            *events, done, rest = answer.body.split(b"\n\n")
            assert (done, rest) == (b"data: [DONE]", b"")
            for event in events:
                orjson.loads(event.removeprefix(b"data: "))
        else:
            assert orjson.loads(answer.body)["object"]


@cache
def _light() -> _Face:
    encoder = NanoEncoder()
    return _Face(Faq("faq", Index(ENTRIES, encoder.embed), encoder, threshold=0.5).application())


@cache
def _heavy() -> _Face:
    prompts = Prompts(_Words(), Generation(), Sampling(100))
    return _Face(Generator([Served("assistant")], _Engine(), prompts).application())


def _read_chat(body: bytes) -> None:
    _light().ask("/v1/chat/completions", body)
    _heavy().ask("/v1/chat/completions", body)


DECODERS = (
    Decoder("model-repo-chat", bodies(*_CHATS, *CHATS), _read_chat),
    Decoder(
        "model-repo-embeddings",
        bodies(*_EMBEDDINGS, *EMBEDDINGS),
        lambda body: _light().ask("/v1/embeddings", body),
    ),
    Decoder(
        "model-repo-completions",
        bodies(_COMPLETION, *COMPLETIONS),
        lambda body: _heavy().ask("/v1/completions", body),
    ),
)

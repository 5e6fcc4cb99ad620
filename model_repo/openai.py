"""The OpenAI wire format as the models here speak it: requests in, answers, chunks and errors out.

Unknown fields pass. A field that is known but asks for something that no engine here does (several choices, tools,
log probabilities …) is never ignored in silence: `unsupported` names it.
Field names and meanings: https://platform.openai.com/docs/api-reference
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from control_plane.spec.documents import field_errors
from control_plane.spec.errors import Code, TiermeshError

Finish = Literal["stop", "length"]
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class TextPart(_Wire):
    """One part of a message; only text can be read here."""

    type: Literal["text"]
    text: str


def _one_or_many(value: Any) -> Any:
    """A single string stands for a list of one."""
    if isinstance(value, str):
        return [value]
    if value is not None and not isinstance(value, list):
        raise ValueError("must be a string or a list")
    return value


def _parts(value: Any) -> Any:
    return [{"type": "text", "text": value}] if isinstance(value, str) else _one_or_many(value)


class Message(_Wire):
    """One turn of a chat. Its content is a string or a list of text parts."""

    role: Role
    content: Annotated[list[TextPart] | None, BeforeValidator(_parts)] = None

    @property
    def text(self) -> str:
        """What was said, parts joined."""
        return "".join(part.text for part in self.content or ())


class StreamOptions(_Wire):
    """How a stream ends."""

    include_usage: bool = False


class Sampled(_Wire):
    """What chat and completions requests share."""

    model: str = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: Annotated[list[str] | None, Field(max_length=4), BeforeValidator(_one_or_many)] = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop sequences; empty ones say nothing."""
        return tuple(filter(None, self.stop or ()))

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with a chunk of usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatRequest(Sampled):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)


class CompletionRequest(Sampled):
    """POST /v1/completions, with one prompt as text."""

    prompt: str = Field(min_length=1)


class EmbeddingRequest(_Wire):
    """POST /v1/embeddings."""

    model: str = Field(min_length=1)
    input: Annotated[
        list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=2048), BeforeValidator(_one_or_many)
    ]
    """One text or several."""
    encoding_format: Literal["float", "base64"] = "float"


_Request = TypeVar("_Request", bound=BaseModel)

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False, 0),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "tools": ([],),
    "functions": ([],),
    "response_format": ({"type": "text"},),
    "echo": (False,),
    "suffix": ("",),
    "dimensions": (),
    "audio": (),
}
"""Known fields that no engine here acts on, with the values that ask for nothing."""


def read(kind: type[_Request], body: bytes) -> _Request:
    """A request from its raw body.

    Raises TiermeshError(INVALID_JSON) with the position, or TiermeshError(INVALID_REQUEST) naming the field.
    """
    try:
        return TypeAdapter(kind).validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            where = first["msg"].removeprefix("Invalid JSON: ")
            raise TiermeshError(Code.INVALID_JSON, f"The body is not JSON: {where}.") from error
        wrong = field_errors(error)[0]
        if first["loc"]:
            message, field = f"{wrong.field}: {wrong.message}.", wrong.field
        else:
            message, field = f"The body: {wrong.message}.", None
        raise TiermeshError(Code.INVALID_REQUEST, message, param=field) from error


def unsupported(request: BaseModel) -> str | None:
    """The first field that asks for something no engine here does, or None."""
    extra = request.model_extra or {}
    for field, neutral in _NEUTRAL.items():
        value = extra.get(field)
        if value is not None and value not in neutral:
            return field
    return None


def refuse_unsupported(request: BaseModel) -> None:
    """Raises TiermeshError(INVALID_REQUEST) where the request asks for something no engine here does."""
    if field := unsupported(request):
        message = f"This model does not support {field!r}."
        raise TiermeshError(Code.INVALID_REQUEST, message, f"Leave {field} out.", param=field)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens in and out."""

    prompt_tokens: int
    completion_tokens: int = 0

    def wire(self) -> dict[str, int]:
        """As the API writes it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the answer to one request: one object, or the chunks of a stream. All parts carry the same id."""

    id: str
    created: int
    model: str
    chat: bool

    @classmethod
    def of(cls, request: Sampled) -> "Writer":
        """The writer for a request; the answer names the model as the request did."""
        chat = isinstance(request, ChatRequest)
        prefix = "chatcmpl" if chat else "cmpl"
        return cls(f"{prefix}-{uuid.uuid4().hex}", int(time.time()), request.model, chat)

    def whole(self, text: str, finish: Finish, usage: Usage, extension: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer as one object."""
        said: dict[str, Any] = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": finish}
        return self._envelope([choice], streamed=False, extension=extension) | {"usage": usage.wire()}

    def opening(self, extension: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """A chat's first chunk, which says the role; completions have none."""
        return self._chunk({"role": "assistant", "content": ""}, None, extension) if self.chat else None

    def piece(self, text: str) -> dict[str, Any]:
        """A chunk with more text."""
        return self._chunk({"content": text} if self.chat else text, None)

    def closing(self, finish: Finish) -> dict[str, Any]:
        """The chunk that says why the answer ended."""
        return self._chunk({} if self.chat else "", finish)

    def usage(self, usage: Usage) -> dict[str, Any]:
        """The chunk of usage that `stream_options.include_usage` asks for."""
        return self._envelope([], streamed=True) | {"usage": usage.wire()}

    def _chunk(self, said: Any, finish: Finish | None, extension: dict[str, Any] | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta" if self.chat else "text": said, "logprobs": None, "finish_reason": finish}
        return self._envelope([choice], streamed=True, extension=extension)

    def _envelope(
        self, choices: list[dict[str, Any]], *, streamed: bool, extension: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if streamed else "chat.completion") if self.chat else "text_completion"
        envelope = {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}
        return envelope | ({"tiermesh": extension} if extension else {})


def models(origins: Mapping[str, Mapping[str, str]], created: int) -> dict[str, Any]:
    """GET /v1/models: names, and what is known of where each comes from."""
    common = {"object": "model", "created": created, "owned_by": "tiermesh"}
    cards = [{"id": name, **common, **({"tiermesh": origin} if origin else {})} for name, origin in origins.items()]
    return {"object": "list", "data": cards}


def error(failure: TiermeshError) -> dict[str, Any]:
    """An error's body."""
    kind = "invalid_request_error" if failure.status < 500 else "server_error"
    inner = {"message": str(failure), "type": kind, "param": failure.param, "code": failure.code.value}
    return {"error": inner}

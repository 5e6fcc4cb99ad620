"""Callers of each protocol: one reads the bytes, the other is the client that people use. Each says what it saw."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import anthropic
import grpc
import httpx2
import openai
import orjson

from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.oip_chat import FINAL, LAST

QUESTION = "Where is my parcel?"
SILENCE, BOTH = "silence", "whole-and-error"
"""In place of an error's code, both wrong: the answer stops and nothing says why; it says that it is whole and that it
is not."""


class Seen(NamedTuple):
    """How an answer came out."""

    status: int
    """200 also of a stream that broke after its beginning, and of gRPC's, whose errors are messages."""
    code: str
    """Of the error that ended it; empty where the answer says that it is whole."""
    text: str


class Callers:
    """The callers of one router."""

    def __init__(self, port: int, http: httpx2.AsyncClient, channel: grpc.aio.Channel) -> None:
        base_url = f"http://127.0.0.1:{port}"
        self._base_url = base_url
        self._http = http
        self._openai = openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any", max_retries=0, http_client=http)
        self._anthropic = anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0, http_client=http)
        self._infer = channel.stream_stream(
            "/inference.GRPCInferenceService/ModelStreamInfer",
            request_serializer=messages.ModelInferRequest.SerializeToString,
            response_deserializer=messages.ModelStreamInferResponse.FromString,
        )

    @property
    def by_protocol(self) -> Mapping[str, Sequence[Callable[[str], Awaitable[Seen]]]]:
        """What asks a Route, by the protocol's name."""
        return {
            "chat": (self._raw_chat, self._openai_chat),
            "responses": (self._raw_response, self._openai_response),
            "messages": (self._raw_message, self._anthropic_message),
            "oip-grpc": (self._grpc,),
        }

    async def _raw_chat(self, route: str) -> Seen:
        status, body = await self._post("chat/completions", model=route, messages=_ASKED)
        if status != 200:
            return Seen(status, orjson.loads(body)["error"]["code"], "")
        events = _events(body.removesuffix(_DONE))
        choices = [choice for event in events for choice in event.get("choices", ())]
        finished = any(choice["finish_reason"] for choice in choices) or _DONE in body
        errors = [event["error"]["code"] for event in events if "error" in event]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        return Seen(status, _judged(finished, errors, "error" in events[-1]), text)

    async def _raw_response(self, route: str) -> Seen:
        status, body = await self._post("responses", model=route, input=QUESTION)
        if status != 200:
            return Seen(status, orjson.loads(body)["error"]["code"], "")
        events = _events(body)
        types = [event["type"] for event in events]
        finished = bool({"response.completed", "response.incomplete"} & set(types))
        errors = [event["code"] for event in events if event["type"] == "error"]
        text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
        return Seen(status, _judged(finished, errors, types[-2:] == ["response.failed", "error"]), text)

    async def _raw_message(self, route: str) -> Seen:
        status, body = await self._post("messages", model=route, max_tokens=99, messages=_ASKED)
        if status != 200:
            return Seen(status, _anthropic_code(orjson.loads(body)), "")
        events = _events(body)
        types = [event["type"] for event in events]
        errors = [_anthropic_code(event) for event in events if event["type"] == "error"]
        text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
        finished = bool({"message_stop", "message_delta"} & set(types))
        return Seen(status, _judged(finished, errors, types[-1] == "error"), text)

    async def _post(self, path: str, **fields: Any) -> tuple[int, bytes]:
        response = await self._http.post(f"{self._base_url}/v1/{path}", json={**fields, "stream": True})
        return response.status_code, response.content

    async def _openai_chat(self, route: str) -> Seen:
        text, finished = "", False
        try:
            stream = await self._openai.chat.completions.create(model=route, messages=_ASKED, stream=True)
            async for chunk in stream:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    finished = finished or choice.finish_reason is not None
        except openai.APIError as error:
            return Seen(_status(error), BOTH if finished else str(error.code), text)
        return Seen(200, "" if finished else SILENCE, text)

    async def _openai_response(self, route: str) -> Seen:
        text, finished = "", False
        try:
            async for event in await self._openai.responses.create(model=route, input=QUESTION, stream=True):
                if event.type == "response.output_text.delta":
                    text += event.delta
                finished = finished or event.type == "response.completed"
        except openai.APIError as error:
            return Seen(_status(error), BOTH if finished else str(error.code), text)
        return Seen(200, "" if finished else SILENCE, text)

    async def _anthropic_message(self, route: str) -> Seen:
        text, finished = "", False
        asked: list[anthropic.types.MessageParam] = [{"role": "user", "content": QUESTION}]
        try:
            stream = await self._anthropic.messages.create(model=route, max_tokens=99, messages=asked, stream=True)
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    text += event.delta.text
                finished = finished or event.type == "message_stop"
        except anthropic.APIStatusError as error:
            return Seen(error.status_code, BOTH if finished else _anthropic_code(error.body), text)
        return Seen(200, "" if finished else SILENCE, text)

    async def _grpc(self, route: str) -> Seen:
        asked = messages.ModelInferRequest(model_name=route)
        text_input = asked.inputs.add(name="text_input", datatype="BYTES", shape=[1])
        text_input.contents.bytes_contents.append(QUESTION.encode())
        asked.parameters[LAST].bool_param = True
        answers = [answer async for answer in self._infer(iter([asked]))]
        errors = [_code_of(answer.error_message) for answer in answers if answer.error_message]
        # An element of a BYTES tensor stands behind its length, in 4 bytes.
        pieces = [piece[4:] for answer in answers for piece in answer.infer_response.raw_output_contents]
        finished = any(answer.infer_response.parameters[FINAL].bool_param for answer in answers)
        return Seen(200, _judged(finished, errors, bool(answers[-1].error_message)), b"".join(pieces).decode())


_ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
_DONE = b"data: [DONE]\n\n"
_WORDS = {
    "stream_cut": "was cut off",
    "deadline_exceeded": "No whole answer within",
    "queue_full": "The queue of model .* is full",
    "model_starting": "Nothing answers at",
    "upstream_failed": "closed the connection|is not valid HTTP|answered HTTP|ended before its first content"
    "|malformed|reported an error",
}
"""Code -> words of its message, where the protocol has no place for codes."""
_ANTHROPIC = {
    "stream_cut": "api_error",
    "deadline_exceeded": "timeout_error",
    "queue_full": "rate_limit_error",
    "model_starting": "overloaded_error",
    "upstream_failed": "api_error",
}


def _judged(finished: bool, errors: Sequence[str], last: bool) -> str:
    """The code of a stream's end; `last` is whether the error is the last that was said."""
    if not errors:
        return "" if finished else SILENCE
    return BOTH if finished or len(errors) > 1 or not last else errors[0]


def _events(body: bytes) -> list[Any]:
    lines = [line for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [orjson.loads(line.removeprefix(b"data: ")) for line in lines]


def _code_of(message: str) -> str:
    return next((code for code, words in _WORDS.items() if re.search(words, message)), message)


def _anthropic_code(body: Any) -> str:
    """The code that the words of an error tell, where its type is the one of that code."""
    code = _code_of(body["error"]["message"])
    return code if _ANTHROPIC[code] == body["error"]["type"] else str(body)


def _status(error: openai.APIError) -> int:
    return error.status_code if isinstance(error, openai.APIStatusError) else 200

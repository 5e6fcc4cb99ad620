"""Requests of every protocol over HTTP, through a whole router."""

from functools import cache
from typing import Any, NamedTuple

import orjson
from hypothesis import strategies as st

from routers.protocols import oip_http
from tests.fuzz.decoder import Decoder
from tests.fuzz.door import Door
from tests.fuzz.mutations import SEEDS, bodies, scratch
from tests.unit.routers.protocols.streams import answer, stream
from tests.unit.routers.protocols.tensor_samples import REQUESTS

_TOOL = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {"a": {}}}}
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
_PROPERTIES = {"temperature": 0.5, "top_p": 1, "max_tokens": 20, "stop": ["a"], "seed": 7, "n": 1, "user": "u"}
_TOOL_CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

CHATS: list[dict[str, Any]] = [
    {"model": "shop", "messages": [{"role": "user", "content": "Where is my parcel?"}], **_PROPERTIES},
    {"model": "plain", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, _IMAGE]}]},
    {"model": "plain", "stream": True, "stream_options": {"include_usage": True}, "messages": [
        {"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": [_TOOL_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "b"}], "tools": [{"type": "function", "function": _TOOL}]},
]  # fmt: skip
COMPLETIONS: list[dict[str, Any]] = [
    {"model": "shop", "prompt": "Once upon a time", **_PROPERTIES},
    {"model": "plain", "prompt": ["a", "b"], "stream": True, "echo": True, "logprobs": 2, "best_of": 2},
]
EMBEDDINGS: list[dict[str, Any]] = [
    {"model": "shop", "input": "parcel"},
    {"model": "plain", "input": [[1, 2, 3], [4]], "dimensions": 3, "encoding_format": "base64"},
]
MESSAGES: list[dict[str, Any]] = [
    {"model": "shop", "max_tokens": 20, "system": "Be brief.", "messages": [{"role": "user", "content": "a"}],
     "temperature": 0.5, "top_k": 3, "metadata": {"user_id": "u"}, "stop_sequences": ["b"]},
    {"model": "plain", "max_tokens": 20, "stream": True, "thinking": {"type": "enabled", "budget_tokens": 10},
     "tools": [{"name": "look", "input_schema": {"type": "object"}}], "tool_choice": {"type": "tool", "name": "look"},
     "messages": [{"role": "user", "content": [
         {"type": "text", "text": "a"},
         {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": ""},
            {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": "b"}]}],
     "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}},
]  # fmt: skip
RESPONSES: list[dict[str, Any]] = [
    {"model": "shop", "input": "a", "instructions": "Be brief.", "max_output_tokens": 20, "metadata": {"a": "b"},
     "reasoning": {"effort": "low"}, "text": {"format": {"type": "json_object"}, "verbosity": "low"}, "store": False},
    {"model": "plain", "stream": True, "tools": [{"type": "function", **_TOOL, "strict": True}],
     "tool_choice": {"type": "function", "name": "look"}, "parallel_tool_calls": False, "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "a"},
                                     {"type": "input_image", "image_url": "http://h/a.png", "detail": "low"}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "b"},
        {"type": "reasoning", "summary": []}]},
]  # fmt: skip
INFERENCES: list[dict[str, Any]] = [
    {"id": "7", "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [5.0, 3.5, 1.5, 0.25]}],
     "outputs": [{"name": "y", "parameters": {"binary_data": True}}], "parameters": {"binary_data_output": True}},
    {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Where is my parcel?"]}],
     "parameters": {"max_tokens": 20, "temperature": "0.5"}},
    {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "INT64", "data": [[1, 2], [3, 4]]},
                {"name": "y", "shape": [0], "datatype": "BOOL", "data": []}]},
]  # fmt: skip
TENSOR_ANSWER = {
    "model_name": "iris-7",
    "model_version": "1",
    "outputs": [{"name": "y", "shape": [1], "datatype": "INT64", "data": [2]}],
}
TARGETS = ("iris", "shop", "plain")


@cache
def door() -> Door:
    """The one that all decoders share: to build one takes longer than to ask."""
    return Door()


def whole(body: bytes, content_type: bytes = b"application/json") -> bytes:
    """A Model's whole answer."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    return head % (content_type, len(body)) + body


def events(body: bytes) -> bytes:
    """A Model's stream."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + body


_SAYS = (whole(answer({"content": "a"})), events(stream("a", "b")))


def _posted(path: str) -> Any:
    def read(body: bytes) -> None:
        # Both, since which of them is asked for is the fuzzer's choice.
        for says in _SAYS:
            heard = door().ask(path, body, {b"cache-control": b"no-store"} if len(body) % 3 else None, [says])
            if heard.status.result() != 200:
                assert orjson.loads(heard.body)["error"], heard.body

    return read


def _posting(name: str, path: str, samples: list[dict[str, Any]]) -> Decoder:
    return Decoder(name, bodies(*samples), _posted(path))


class _Inference(NamedTuple):
    target: str
    length: bytes | None
    body: bytes


@st.composite
def _binary(draw: st.DrawFn) -> _Inference:
    form, body = oip_http.render_request(draw(REQUESTS))
    length = form.rpartition(b": ")[2].rstrip()
    broken = st.sampled_from([b"0", b"-1", b"+5", b"99999999999999999999", b"1e1", b"\xb2", b"", b" 7", b"0x5"])
    shifted = st.integers(-3, 3).map(lambda by: b"%d" % (int(length) + by))
    said = draw(st.just(length) | st.just(length) | shifted | broken)
    return _Inference(draw(st.sampled_from(TARGETS)), said, scratch(body, draw(SEEDS)))


_JSON_INFERENCES = st.builds(_Inference, st.sampled_from(TARGETS), st.none(), bodies(*INFERENCES))


def _read_inference(asked: _Inference) -> None:
    headers = {} if asked.length is None else {oip_http.HEADER_LENGTH: asked.length}
    says = whole(orjson.dumps(TENSOR_ANSWER)) if asked.target == "iris" else _SAYS[0]
    heard = door().ask(f"/v2/models/{asked.target}/infer", asked.body, headers, [says])
    if heard.status.result() != 200:
        assert isinstance(orjson.loads(heard.body)["error"], str), heard.body


DECODERS = (
    _posting("openai-chat", "/v1/chat/completions", CHATS),
    _posting("openai-completions", "/v1/completions", COMPLETIONS),
    _posting("openai-embeddings", "/v1/embeddings", EMBEDDINGS),
    _posting("anthropic", "/v1/messages", MESSAGES),
    _posting("responses", "/v1/responses", RESPONSES),
    Decoder("oip-json", _JSON_INFERENCES, _read_inference),
    Decoder("oip-binary", _binary(), _read_inference),
)

"""What Models answer: whole answers and streams, by every dialect, and the readers of streams by themselves."""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import orjson
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.http import Request
from routers.protocols import anthropic, oip_grpc, openai, responses
from routers.protocols.dialect import StreamEncoder
from routers.protocols.events import WholeEvents
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.oip_calls import ChatDialect
from routers.protocols.oip_forms import STREAMED
from routers.protocols.sse import ChunkReader
from routers.protocols.tensors import TensorRequest
from routers.refusals import refusal
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutations import SEEDS, TOKENS, bodies, dump, scratch, trees
from tests.fuzz.requests import CHATS, INFERENCES, MESSAGES, RESPONSES, TENSOR_ANSWER, door, whole
from tests.unit.routers.protocols.streams import DONE, USAGE, answer, call

MAX_PIECES = 3000

_CALLS = {"content": None, "tool_calls": [call('{"a":1}', 0, "c1", "look"), call("{}", 1, "c2", "see")]}
ANSWERS = [
    orjson.loads(body)
    for body in (
        answer({"content": "a", "reasoning_content": "t", "refusal": None}),
        answer(_CALLS, "tool_calls"),
        answer({"content": "a"}, "length", stop_reason="b"),
    )
]
REFUSALS = [{"error": {"message": "no", "type": "t", "param": "messages", "code": "c"}}, {"error": "no"}, {"detail": 1}]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "c-1", "created": 5, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


STREAMS: list[list[Any]] = [
    [_chunk({"role": "assistant", "content": ""}), _chunk({"content": "a"}), _chunk({"content": "b"}, "stop"),
     {"choices": [], "usage": USAGE}],
    [_chunk({"reasoning_content": "t"}), _chunk({"tool_calls": [call("{", 0, "c1", "look")]}),
     _chunk({"tool_calls": [call("}", 0)]}), _chunk({}, "tool_calls")],
    [{"choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]}, {"error": {"message": "no"}}],
]  # fmt: skip


def _framed(events: Any, seed: int) -> bytes:
    """A stream of these events, framed as servers differ in it."""
    random = Random(seed)
    events = events if isinstance(events, list) else [events]
    end = random.choice((b"\n", b"\n", b"\r\n", b"\r")) if seed else b"\n"
    written = []
    for event in events:
        if seed and random.randrange(8) == 0:
            written.append(
                random.choice((b": ping", b"id: 3", b"retry: 5", b"event: error", b":", b"oops", b"data")) + end
            )
        if seed and random.randrange(8) == 0:
            written.append(end)
        body = dump(event)
        if seed and random.randrange(8) == 0:
            at = random.randrange(len(body) + 1)
            body = body[:at] + random.choice((b"\n", b"\r", end + b"data: ", end + b"data:")) + body[at:]
        written.append(random.choice((b"data: ", b"data: ", b"data:")) + body + end * 2)
    last = (
        random.choice((DONE, DONE, DONE, b"data: [DONE]", b"", b"data:[DONE]\r\n\r\n", b'data: "x"\n\n'))
        if seed
        else DONE
    )
    return scratch(b"".join(written) + last, random.randrange(3) * random.getrandbits(32) if seed else 0)


class _Stream(NamedTuple):
    whole: bytes
    cuts: int
    """Seed of where the bytes are cut; 0 for every single byte."""

    @property
    def pieces(self) -> list[bytes]:
        return cut(self.whole, self.cuts)


def cut(whole: bytes, seed: int) -> list[bytes]:
    """The same bytes in several pieces; seed 0: each by itself, or at most a few thousand pieces."""
    if seed == 0:
        size = 1 + len(whole) // MAX_PIECES
        return [whole[at : at + size] for at in range(0, len(whole), size)]
    random = Random(seed)
    ends = sorted(random.randrange(len(whole) + 1) for _ in range(random.randrange(6)))
    # Where events end is where servers flush.
    ends = sorted(
        {*ends, *[at for at in range(2, len(whole)) if whole[at - 2 : at] == b"\n\n" and random.randrange(2)]}
    )
    return [whole[start:end] for start, end in zip([0, *ends], [*ends, len(whole)], strict=True)]


_STREAMED = st.builds(_Stream, st.builds(_framed, trees(*STREAMS), SEEDS), SEEDS)
_NOISE = st.builds(_Stream, st.lists(st.sampled_from(TOKENS) | st.binary(max_size=3), max_size=30).map(b"".join), SEEDS)


def _chunks(pieces: list[bytes]) -> Any:
    reader = ChunkReader()
    chunks: list[Any] = []
    try:
        for piece in pieces:
            chunks.extend(reader.read(piece))
        reader.finish()
    except TiermeshError as error:
        return chunks, error.message
    return chunks, reader.done


def _read_sse(stream: _Stream) -> None:
    assert _chunks(stream.pieces) == _chunks([stream.whole]), "where it is cut makes a difference"


def _passed(pieces: list[bytes]) -> tuple[bytes, bool]:
    """What goes out, but for the last line ends, and whether the stream was sound."""
    events = WholeEvents(Operation.CHAT)
    passed = b"".join([events.take(piece) for piece in pieces])
    try:
        passed += events.rest() if events.error is None else b""
    except TiermeshError:
        return passed.rstrip(b"\r\n"), False
    return passed.rstrip(b"\r\n"), events.error is None


def _read_events(stream: _Stream) -> None:
    passed, is_sound = _passed(stream.pieces)
    assert (passed, is_sound) == _passed([stream.whole]), "where it is cut makes a difference"
    assert stream.whole.startswith(passed)
    if is_sound and _chunks([stream.whole])[1] is True:
        # Up to its end: what follows that is nobody's.
        assert _chunks([passed + b"\n\n"]) == _chunks([stream.whole]), "something of a whole stream was left out"


def _dialects() -> list[Callable[[], StreamEncoder]]:
    def of(decode: Any, sample: Any) -> Callable[[], StreamEncoder]:
        request = Request(b"POST", "/", {}, orjson.dumps(sample))
        made = decode(request, "id-1", "default").dialect
        return lambda: made.stream("shop", "id-1")

    chat = ChatDialect(STREAMED, TensorRequest([], parameters={"triton_enable_empty_final_response": True}), "id-1")
    return [of(anthropic.decode, MESSAGES[1]), of(responses.decode, RESPONSES[1]), lambda: chat.stream("shop", "id-1")]


_DIALECTS = _dialects()


def _encoded(encoder: StreamEncoder, pieces: list[bytes]) -> bytes:
    written = b""
    try:
        for piece in pieces:
            written += encoder.encode(piece)
        written += encoder.end()
    except TiermeshError as error:
        written += encoder.error(error)
    assert encoder.end() + encoder.error(_LATE) == b"", "something comes after the end"
    return written


_LATE = TiermeshError(Code.STREAM_CUT, "late")


def _read_encoded(stream: _Stream) -> None:
    for open_encoder in _DIALECTS:
        written = _encoded(open_encoder(), stream.pieces)
        assert written == _encoded(open_encoder(), [stream.whole]), "where it is cut makes a difference"
        if open_encoder is _DIALECTS[-1]:
            _check_frames(written)
        else:
            chunks, _ = _chunks([written])
            assert written.count(b"\n\n") == len(chunks), written


def _check_frames(written: bytes) -> None:
    at = 0
    while at < len(written):
        start = at + 5
        at = start + int.from_bytes(written[at + 1 : start], "big")
        messages.ModelStreamInferResponse.FromString(written[start:at])
    assert at == len(written)


_PATHS: tuple[tuple[str, Any], ...] = (
    ("/v1/chat/completions", CHATS[0] | {"model": "plain"}),
    ("/v1/messages", MESSAGES[0] | {"model": "plain"}),
    ("/v1/responses", RESPONSES[0] | {"model": "plain"}),
    ("/v2/models/plain/infer", INFERENCES[1]),
)
_ASKED = ("/v2/models/iris/infer", orjson.dumps(INFERENCES[0]))
CHAT = messages.ModelInferRequest(model_name="plain", raw_input_contents=[b"\1\0\0\0a"])
CHAT.inputs.add(name="text", datatype="BYTES", shape=[1])
TENSORS = messages.ModelInferRequest(model_name="iris", raw_input_contents=[b"\0" * 8])
TENSORS.inputs.add(name="x", datatype="INT64", shape=[1])


def _read_answer(body: bytes) -> None:
    says = [whole(body)]
    for path, asked in _PATHS:
        door().ask(path, orjson.dumps(asked), None, says)
    door().infer(CHAT.SerializeToString(), bool(len(body) % 2), says)


def _read_tensor_answer(body: bytes) -> None:
    says = [whole(body)]
    door().ask(*_ASKED, None, says)
    heard = door().infer(TENSORS.SerializeToString(), False, says)
    if b"grpc-status" not in heard.headers:
        messages.ModelInferResponse.FromString(heard.body)


def _read_streamed_answer(stream: _Stream) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    for path, asked in _PATHS[:3]:
        door().ask(path, orjson.dumps({**asked, "stream": True}), None, [head, *stream.pieces])
    door().infer(CHAT.SerializeToString(), True, [head, *stream.pieces])


def _read_refusal(said: tuple[int, bytes, bytes]) -> None:
    status, value, body = said
    error = refusal("light", status, {b"retry-after": value, b"x-tiermesh-abstained": value} if value else {}, body)
    for writer in (openai.DIALECT, anthropic.DIALECT, STREAMED):
        writer.error(error)


def _read_grpc_answer(message: bytes) -> None:
    oip_grpc.parse_answer(message)


DECODERS = (
    Decoder("sse", _STREAMED | _NOISE, _read_sse),
    Decoder("events", _STREAMED | _NOISE, _read_events),
    Decoder("stream-encoders", _STREAMED | _NOISE, _read_encoded),
    Decoder("model-streams", _STREAMED, _read_streamed_answer),
    Decoder("model-answers", bodies(*ANSWERS), _read_answer),
    Decoder("model-tensors", bodies(TENSOR_ANSWER), _read_tensor_answer),
    Decoder(
        "model-refusals",
        st.tuples(st.integers(100, 999), st.sampled_from([b"", b"1", b"9" * 30, b"\xff"]), bodies(*REFUSALS)),
        _read_refusal,
    ),
)

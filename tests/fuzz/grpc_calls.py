"""gRPC on HTTP/2: the reader of messages by itself, and calls of every method through a whole router."""

from random import Random
from typing import Any

import orjson
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import strategies as st

from control_plane.spec.errors import TiermeshError
from routers.grpc_calls import PREFIX_BYTES, Messages, framed
from routers.grpc_server import SERVICE
from routers.http2.frames import END_HEADERS, END_STREAM, Kind
from routers.http2.hpack import literal
from routers.protocols.inference import open_inference_pb2 as messages
from tests.fuzz.answers import CHAT, TENSORS, cut
from tests.fuzz.decoder import Decoder
from tests.fuzz.http2 import LAST, Frame, Sent, answers, sent
from tests.fuzz.mutations import SEEDS, scratch
from tests.fuzz.requests import TENSOR_ANSWER, door, events, whole
from tests.unit.routers.protocols.streams import answer, stream
from tests.unit.routers.tenants import key

LIMIT = 1000

# Messages.


def _prefixed(compressed: int, shift: int, message: bytes) -> bytes:
    return bytes([compressed]) + max(len(message) + shift, 0).to_bytes(4, "big") + message


_COMPRESSED = [0] * 15 + [1, 255]
_SHIFTS = [0] * 20 + [-3, 1, 5, 1000, 2**31, 2**32 - 2000]
_PREFIXED = st.builds(
    _prefixed, st.sampled_from(_COMPRESSED), st.sampled_from(_SHIFTS), st.binary(max_size=30) | st.just(b"x" * LIMIT)
)
_STREAM = st.lists(_PREFIXED, max_size=6).map(b"".join)


def _messages(pieces: list[bytes]) -> tuple[list[bytes], str | bool]:
    reader = Messages(LIMIT)
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += reader.read(piece)
            assert len(reader._received) < PREFIX_BYTES + LIMIT
    except TiermeshError as error:
        return found, error.code.value
    return found, reader.whole


def _read_messages(said: Sent) -> None:
    found, end = _messages(cut(said.whole, said.cuts))
    assert all(len(message) <= LIMIT for message in found)
    at_once, same_end = _messages([said.whole])
    assert end == same_end, "where it is cut makes a difference"
    assert found[: len(at_once)] == at_once
    if isinstance(end, bool):
        assert found == at_once
        assert said.whole.startswith(b"".join(map(framed, found)))
        assert end is (sum(PREFIX_BYTES + len(message) for message in found) == len(said.whole))


# Calls.

_METHODS: list[tuple[str, Any]] = [
    (f"{SERVICE}/ServerMetadata", messages.ServerMetadataRequest()),
    (f"{SERVICE}/ServerReady", messages.ServerReadyRequest()),
    (f"{SERVICE}/ModelReady", messages.ModelReadyRequest(name="iris")),
    (f"{SERVICE}/ModelMetadata", messages.ModelMetadataRequest(name="shop", version="1")),
    (f"{SERVICE}/ModelMetadata", messages.ModelMetadataRequest(name="iris")),
    ("grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest(service=SERVICE)),
    ("grpc.health.v1.Health/Watch", health_pb2.HealthCheckRequest()),
    ("grpc.health.v1.Health/Watch", health_pb2.HealthCheckRequest(service="none")),
]
_REFLECTION = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
_METHODS += [
    (_REFLECTION, reflection_pb2.ServerReflectionRequest(**asked))
    for asked in (
        {"list_services": "*"},
        {"file_by_filename": "open_inference.proto"},
        {"file_containing_symbol": SERVICE},
        {"file_containing_extension": {"containing_type": "a.B", "extension_number": 2**31 - 1}},
        {"all_extension_numbers_of_type": "inference.ModelInferRequest"},
    )
]
_INFERENCES = [
    (f"{SERVICE}/{method}", message) for method in ("ModelInfer", "ModelStreamInfer") for message in (CHAT, TENSORS)
]
_ELSEWHERE = [("", None), ("a/b", None), ("\xff" * 300, None)]

_EXTRAS = [
    *[b""] * 6,
    literal(b"x-request-id", b"a b"),
    literal(b"x-request-id", b"call-1"),
    literal(b"grpc-timeout", b"1n"),
    literal(b"grpc-encoding", b"gzip"),
    literal(b"x-tiermesh-tenant", b"\xff"),
    literal(b"authorization", b"Bearer \xff"),
]


def _block(method: str, tenant: str, extra: bytes) -> bytes:
    fields = {":method": "POST", ":path": f"/{method}", "content-type": "application/grpc", "te": "trailers"}
    fields |= {"authorization": f"Bearer {key(tenant)}"} if tenant else {}
    return b"".join([literal(name.encode(), value.encode("latin-1")) for name, value in fields.items()]) + extra


def _call(seed: int, mutation: int) -> list[Frame]:
    """A call with one message, or with none or several."""
    random = Random(seed)
    method, message = random.choice(_METHODS + _INFERENCES * 3 + _ELSEWHERE)
    block = _block(method, random.choice(("free", "free", "acme", "")), random.choice(_EXTRAS))
    body = scratch(message.SerializeToString() if message else b"", mutation)
    said = _prefixed(random.choice(_COMPRESSED), random.choice(_SHIFTS), body)
    pieces = random.choice(([said], [said], [said], [], [said, said], [said[:7], said[7:]], [said] * 5))
    frames = [Frame(Kind.HEADERS, END_HEADERS, block, 0), *[Frame(Kind.DATA, 0, piece, LAST) for piece in pieces]]
    frames[-1] = frames[-1]._replace(flags=frames[-1].flags | random.choice((0, END_STREAM, END_STREAM)))
    return frames


_BODIES = st.sampled_from([b"", bytes(5), b"\1\0\0\0\0", b"\0\0\0\0\5ab", b"\0\0\0\x27\x0b"]) | st.builds(
    framed,
    st.sampled_from([message for _, message in _METHODS]).map(lambda message: bytes(message.SerializeToString())),
)
_SAYS = st.sampled_from(
    [
        whole(answer({"content": "a"})),
        whole(orjson.dumps(TENSOR_ANSWER)),
        events(stream("a", "b")),
        events(stream("a", *["bc" * 500] * 200)),
        events(b"data: {\n\n"),
        b"HTTP/1.1 500 no\r\n\r\n",
        b"",
    ]
)


def _read_calls(asked: tuple[Sent, bytes]) -> None:
    said, says = asked
    for answered in answers(door().connect(cut(said.whole, said.cuts), [says])).values():
        if not answered.over:
            continue
        *_, last = answered.heads
        if answered.heads[0][b":status"] == b"415":
            continue
        assert last[b"grpc-status"].isdigit() and last[b"grpc-status"] != b"13", last
        read = Messages(2**20)
        read.read(answered.body)
        assert read.whole


DECODERS = (
    Decoder("grpc-messages", st.builds(Sent, st.builds(scratch, _STREAM, SEEDS), SEEDS), _read_messages),
    Decoder(
        "grpc", st.tuples(sent(st.builds(_call, st.integers(0, 2**32), SEEDS), _BODIES, begun=0), _SAYS), _read_calls
    ),
)

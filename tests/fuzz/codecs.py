"""Tensors, protobuf messages and documents."""

import math
from typing import Any

import yaml
from hypothesis import strategies as st

from control_plane.client.files import parse_documents
from control_plane.spec.compile import compile
from control_plane.spec.documents import dump as dump_document
from routers.protocols import oip_grpc, oip_http, tensors
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.tensors import DATATYPES, Tensor
from routers.runtime import Runtime
from tests.fuzz.decoder import Decoder
from tests.fuzz.door import HEADERS
from tests.fuzz.mutations import SEEDS, Raw, bodies, scratch, trees
from tests.fuzz.requests import door, whole
from tests.unit.routers.protocols.streams import JSON, answer
from tests.unit.routers.protocols.tensor_samples import ANSWERS, REQUESTS
from tests.unit.routers.samples import documents, faq, model, route, snapshot
from tests.unit.routers.tenants import tenant

# Tensors.

_SHAPES = st.lists(st.integers(-1, 4) | st.sampled_from([2**31, 2**63 - 1, 2**63, True, 1.0, "1", None]), max_size=4)
_ELEMENTS = st.lists(JSON, max_size=9) | st.lists(st.lists(st.integers(-1, 2**64), max_size=3), max_size=3)
_TENSORS = st.builds(
    Tensor, st.just("x"), st.sampled_from([*DATATYPES, "", "fp32"]), _SHAPES, st.binary(max_size=40) | _ELEMENTS
)


def _read_tensor(tensor: Tensor) -> None:
    tensors.check(tensor, "inputs[0]")
    assert len(tensors.elements(tensor, "inputs[0]")) == math.prod(tensor.shape)
    raw = tensor._replace(content=tensors.raw(tensor, "inputs[0]"))
    tensors.check(raw, "inputs[0]")
    assert len(tensors.elements(raw, "inputs[0]")) == math.prod(tensor.shape)


# Messages of gRPC.


def _request_message(asked: Any, model: str, version: str, listed: bool) -> bytes:
    message = messages.ModelInferRequest.FromString(oip_grpc.render_request(asked, model))
    message.model_version = version
    if listed:  # elements in lists rather than raw
        del message.raw_input_contents[:]
        for entry in message.inputs:
            entry.contents.int_contents.extend(range(math.prod(entry.shape)))
    return bytes(message.SerializeToString())


_MODELS = st.sampled_from(["iris", "shop", "plain", "", "\0"])
_MESSAGES = st.builds(_request_message, REQUESTS, _MODELS, st.sampled_from(["", "1", "x"]), st.booleans())
_TENSOR_SAYS = (
    oip_http.JSON,
    b'{"model_name":"iris-7","outputs":[{"name":"y","shape":[1],"datatype":"INT64","data":[2]}]}',
)


def _read_message(message: bytes) -> None:
    says = _TENSOR_SAYS[1] if b"iris" in message else answer({"content": "a"})
    for stream in (False, True):
        heard = door().infer(message, stream, [whole(says)])
        if stream:
            messages.ModelStreamInferResponse.FromString(heard.body[5:])


def _read_answer_message(message: bytes) -> None:
    oip_grpc.parse_answer(message)
    oip_grpc.parse_metadata(message)


_ANSWER_MESSAGES = ANSWERS.map(lambda found: bytes(oip_grpc.answer_message(found).SerializeToString()))

# Documents.

DOCUMENTS = [dump_document(each) for each in (*documents(), faq(), tenant("acme", quotas={"tokensPerMinute": 5}))]
DOCUMENTS += [
    dump_document(model("away", urls=["http://a/v1", "http://b/v1"], url=None)),
    dump_document(route("slow", resilience={"retries": {"attempts": 3}}, cache={"exact": {"ttlSeconds": 5}})),
]
_SPELLS = (
    b"a: &a [*a]\n",
    b"a: &a {<<: *a}\n",
    b"- &a [x,x]\n- &b [*a,*a]\n- [*b,*b]\n",
    b"!!python/object/apply:os.system [echo]\n",
    b"? [a, b]\n: c\n",
    b"? {a: b}\n: c\n",
    b"{" * 200 + b"}" * 200,
    b"[" * 2000,
    b"%YAML 9.9\n---\n",
    b"%TAG ! tag:x\n---\n!y z\n",
    b"a: 2001-99-99\n",
    b"a: 1_0:99:99.9\n",
    b"a: !!binary '###'\n",
    b"a: !!int ''\n",
    b"a: !!float x\n",
    b"a: !!timestamp x\n",
    b"a: !!set {a, b}\n",
    b"a: !!omap [a: 1]\n",
    b"a: !!pairs x\n",
    b"a: .nan\n",
    b"=: 1\n",
    b"\xef\xbb\xbfa: 1\n",
    b"a: 0x\n",
    b"a: 0b_\n",
    b"a: 1" + b"0" * 5000 + b"\n",
    b"---\n" * 50,
    b"a: |9\n x\n",
    b"a: \"\\ud800\"\n",
    b"a: \"\\x00\"\n",
    b"\0",
)  # fmt: skip


def _as_yaml(document: Any, spell: bytes, seed: int) -> bytes:
    whole = yaml.safe_dump(_without_raw(document), allow_unicode=True).encode("utf-8", "replace")
    lines = whole.splitlines(keepends=True)
    at = seed % (len(lines) + 1)
    return scratch(b"".join([*lines[:at], spell, *lines[at:]]), seed)


def _without_raw(value: Any) -> Any:
    if isinstance(value, Raw):
        return value.text.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key: _without_raw(inner) for key, inner in value.items()}
    return [_without_raw(inner) for inner in value] if isinstance(value, list) else value


_YAML = st.builds(_as_yaml, trees(*DOCUMENTS), st.just(b"") | st.sampled_from(_SPELLS), SEEDS)


def _read_documents(text: bytes, name: str) -> None:
    found = parse_documents(text.decode("utf-8", "replace"), name)
    check_runtime(Runtime.build(snapshot(compile([*documents(), *found] if len(found) < 3 else found)), {}))


def check_runtime(runtime: Runtime) -> None:
    """What stands in headers fits into them."""
    for made in runtime.routes.values():
        assert HEADERS.fullmatch(made.headers.encode()), made.headers
        for backend in made.backends:
            for endpoint in backend.endpoints:
                for head in endpoint.heads.values():
                    assert HEADERS.fullmatch(head.partition(b"\r\n")[2].lower()), head


DECODERS = (
    Decoder("tensors", _TENSORS, _read_tensor),
    Decoder("oip-grpc", st.builds(scratch, _MESSAGES, SEEDS), _read_message),
    Decoder("oip-grpc-answers", st.builds(scratch, _ANSWER_MESSAGES, SEEDS), _read_answer_message),
    Decoder("documents-json", bodies(*DOCUMENTS, DOCUMENTS), lambda text: _read_documents(text, "a.json")),
    Decoder("documents-yaml", _YAML, lambda text: _read_documents(text, "a.yaml")),
)

"""Requests by all but their bodies: methods, paths, headers; what operators ask; what Models say of themselves."""

from random import Random

import orjson
from hypothesis import strategies as st

from control_plane.spec.errors import Code
from routers.http import Request
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutations import SEEDS, bodies, scratch
from tests.fuzz.requests import CHATS, COMPLETIONS, EMBEDDINGS, TENSOR_ANSWER, door, whole
from tests.unit.routers.tenants import key

_METHODS = [*[b"GET"] * 6, *[b"POST"] * 4, b"HEAD", b"OPTIONS", b"PUT"]
_PATHS = [
    *(
        b"/v1/models",
        b"/v1/models/shop",
        b"/v1/models/sh%6Fp",
        b"/v1/models/",
        b"/v1/chat/completions",
        b"/v1/messages",
    ),
    *(b"/v2", b"/v2/", b"/v2/health/live", b"/v2/health/ready", b"/v2/models/iris", b"/v2/models/iris/ready"),
    *(b"/v2/models/a/b/versions/1/infer", b"/v2/models/iris/versions/1", b"/v2/models/shop/versions/7/ready"),
    *(
        b"/v2/models/shop",
        b"/v2/models/",
        b"/v2/models//versions//infer",
        b"/livez",
        b"/readyz",
        b"/metrics",
        b"/explain",
    ),
    *(b"/", b"", b"*", b"/../v1/models", b"/v1/models/" + b"x" * 5000, b"/v2/models/" + b"/versions/1" * 300),
]
_VALUES = [
    *(b"", b" ", b"1", b"a b", b"call-1", b"x" * 129, b"\xff\xfe", b"Bearer", b"Bearer  ", b"bearer tm-free-key"),
    *(
        b"Basic YTpi",
        b"Bearer tm-acme-key",
        b"tm-free-key",
        b"Bearer \xff",
        b"no-store",
        b"max-age=99999999999999999999",
    ),
    *(b"gzip", b"application/json; charset=\xff", b"text/event-stream", b"-1", b"1e9", b"NaN", b"4.5", b"=?;,\t"),
]
_NAMES = [
    *(
        b"authorization",
        b"x-api-key",
        b"x-request-id",
        b"cache-control",
        b"content-type",
        b"content-encoding",
        b"accept",
    ),
    *(
        b"inference-header-content-length",
        b"x-tiermesh-tenant",
        b"x-tiermesh-tier",
        b"x-tiermesh-cache",
        b"traceparent",
    ),
    *(b"anthropic-version", b"anthropic-beta", b"openai-organization", b"grpc-timeout", b"x-tiermesh-deadline", b"te"),
]
_METADATA = {
    "name": "iris-7",
    "versions": ["1"],
    "platform": "sklearn",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4], "parameters": {"a": 1}}],
    "outputs": [{"name": "y", "datatype": "INT64", "shape": [-1]}],
}


def _request(seed: int, mutation: int, body: bytes) -> Request:
    random = Random(seed)
    headers = {b"authorization": b"Bearer " + key("free").encode()}
    headers |= {name: random.choice(_VALUES) for name in random.sample(_NAMES, random.choice((0, 1, 3)))}
    path = scratch(random.choice(_PATHS), mutation).decode("latin-1")
    return Request(random.choice(_METHODS), path, headers, body)


_BODIES = st.sampled_from([b"", orjson.dumps(CHATS[0]), orjson.dumps(TENSOR_ANSWER), b"{", b"\xff"])
_REQUESTS = st.builds(_request, st.integers(0, 2**32), SEEDS, _BODIES)


def _read_request(request: Request) -> None:
    answers = [door().request(request, [whole(orjson.dumps(_METADATA))]), door().administer(request)]
    for heard in answers:
        if heard.status.result() >= 400 and heard.body[:1] == b"{":
            assert orjson.loads(heard.body)["error"], heard.body


def _read_question(body: bytes) -> None:
    heard = door().administer(Request(b"POST", "/explain", {}, body))
    said = orjson.loads(heard.body)
    assert said["reasons"] if heard.status.result() == 200 else said["error"]["code"] in set(Code), heard.body


_METADATA_REQUEST = Request(b"GET", "/v2/models/iris", {b"authorization": b"Bearer " + key("free").encode()}, b"")


def _read_metadata(body: bytes) -> None:
    heard = door().request(_METADATA_REQUEST, [whole(body)])
    said = orjson.loads(heard.body)
    assert said["name"] == "iris" if heard.status.result() == 200 else said["error"], heard.body


DECODERS = (
    Decoder("paths", _REQUESTS, _read_request),
    Decoder("explain", bodies(*CHATS, *COMPLETIONS, *EMBEDDINGS), _read_question),
    Decoder("model-metadata", bodies(_METADATA), _read_metadata),
)

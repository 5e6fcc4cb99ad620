"""Models that take tensors over HTTP: what they are sent, and what their answers mean."""

from collections.abc import AsyncIterator

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols import oip_http
from routers.protocols.tensors import TensorAnswer
from routers.tensor_models import HttpTensorModels
from routers.upstream import UpstreamClient, UpstreamLimits
from tests.stub_upstream import Behaviour, StubUpstream, answer, head, raw
from tests.unit.routers.protocols.tensor_samples import iris
from tests.unit.routers.tensor_backends import ASKED, backend, over_grpc, over_http, serving

ANSWER = oip_http.render_answer(TensorAnswer([iris()], "m"), ASKED)[1]


@pytest.fixture
async def stub() -> AsyncIterator[StubUpstream]:
    async with StubUpstream(answer(ANSWER)) as stub:
        yield stub


@pytest.fixture
async def models() -> AsyncIterator[HttpTensorModels]:
    client = UpstreamClient(UpstreamLimits())
    yield HttpTensorModels(client)
    client.close()


def url(stub: StubUpstream) -> str:
    """As a Model names it; a path before /v2 is kept."""
    return f"http://127.0.0.1:{stub.port}/base"


async def test_the_callers_bytes_go_on_as_they_came(stub: StubUpstream, models: HttpTensorModels) -> None:
    runtime = serving(url(stub), apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_A")
    call, served = over_http(runtime), backend(runtime)
    begun = await models.begin(call, served, served.endpoints[0], 9.5)
    assert (begun.headers, begun.body, begun.exchange, begun.delimited) == (oip_http.JSON, ANSWER, None, True)
    received = stub.requests[0]
    assert (received.path, received.body) == ("/base/v2/models/iris-7/infer", call.body)
    assert received.headers["content-type"] == "application/octet-stream"
    assert received.headers["inference-header-content-length"] == str(call.body.index(b"}]}") + 3)
    assert (received.headers["x-request-id"], received.headers["authorization"]) == ("id-1", "Bearer secret")
    assert received.headers["x-request-timeout-seconds"] == "10.000"


async def test_what_came_over_grpc_is_written_anew(stub: StubUpstream, models: HttpTensorModels) -> None:
    runtime = serving(url(stub))
    served = backend(runtime)
    await models.begin(over_grpc(runtime), served, served.endpoints[0], 9.5)
    received = stub.requests[0]
    read = oip_http.parse_request(received.body, received.headers["inference-header-content-length"].encode())
    assert (read.id, read.parameters) == ("7", {"binary_data_output": True})
    assert len(read.inputs[0].content) == 16


async def test_an_answer_with_raw_outputs_keeps_its_length(stub: StubUpstream, models: HttpTensorModels) -> None:
    length = {"inference-header-content-length": "42", "content-type": "application/octet-stream"}
    stub.script(answer(ANSWER, headers=length))
    runtime = serving(url(stub))
    served = backend(runtime)
    begun = await models.begin(over_http(runtime), served, served.endpoints[0], 1)
    assert begun.headers == b"content-type: application/octet-stream\r\ninference-header-content-length: 42\r\n"


@pytest.mark.parametrize(
    ("scripted", "code"),
    [
        (answer({"error": "four measures, please"}, 400), Code.INVALID_REQUEST),
        (answer({"error": "busy"}, 503), Code.QUEUE_FULL),
        (answer({"error": "broken"}, 500), Code.UPSTREAM_FAILED),
        (answer(b"oops"), Code.UPSTREAM_FAILED),
        (raw(head(200, {"content-length": "9"}) + b"{"), Code.UPSTREAM_FAILED),
    ],
)
async def test_what_is_no_answer_is_an_error(
    stub: StubUpstream, models: HttpTensorModels, scripted: Behaviour, code: Code
) -> None:
    stub.script(scripted)
    runtime = serving(url(stub))
    served = backend(runtime)
    with pytest.raises(TiermeshError) as caught:
        await models.begin(over_http(runtime), served, served.endpoints[0], 1)
    assert caught.value.code is code
    if code is Code.INVALID_REQUEST:
        assert caught.value.hint == "four measures, please"


@pytest.mark.parametrize(("status", "ready"), [(200, True), (404, False), (503, False)])
async def test_a_model_is_ready_when_it_says_so(
    stub: StubUpstream, models: HttpTensorModels, status: int, ready: bool
) -> None:
    stub.script(answer({}, status))
    served = backend(serving(url(stub), apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_A"))
    assert await models.ready(served, served.endpoints[0]) is ready
    assert (stub.requests[0].method, stub.requests[0].path) == ("GET", "/base/v2/models/iris-7/ready")
    assert stub.requests[0].headers["authorization"] == "Bearer secret"


async def test_a_model_says_what_it_is(stub: StubUpstream, models: HttpTensorModels) -> None:
    # As KServe writes it: no versions, no platform.
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 4]}
    stub.script(answer({"name": "iris-7", "versions": None, "platform": "", "inputs": [tensor], "outputs": []}))
    served = backend(serving(url(stub)))
    about = await models.metadata(served, served.endpoints[0])
    assert (about.name, about.versions, about.inputs[0]._asdict(), about.outputs) == ("iris-7", [], tensor, [])

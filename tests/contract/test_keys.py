"""Keys and quotas as the real clients see them: their own exceptions, their own headers."""

import json
from collections.abc import Iterator

import anthropic
import grpc
import httpx2
import openai
import pytest

from control_plane.spec.documents import Document
from routers.protocols.inference import open_inference_pb2 as messages
from tests.contract.router_process import RouterProcess
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import chat, model, route
from tests.unit.routers.tenants import authorized, key, tenant

QUESTION: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def guarded(_model: StubUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterProcess]:
    """A router with a tenant that may do anything, and one that may ask once."""
    documents: list[Document] = [
        model("stub", url=_model.url),
        route("shop", light=["stub"], heavy=[]),
        tenant("free"),
        tenant("once", quotas={"requestsPerSecond": 0.001, "burst": 1}),
    ]
    with RouterProcess(tmp_path_factory.mktemp("guarded"), documents) as process:
        yield process


def client(router: RouterProcess, api_key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=router.base_url, api_key=api_key, max_retries=0)


def test_openais_client_is_let_in_by_its_key_alone(guarded: RouterProcess, upstream: StubUpstream) -> None:
    with client(guarded, key("free")) as known, client(guarded, "tm-unknown") as unknown:
        assert known.chat.completions.create(model="shop", messages=QUESTION).choices[0].message.content == "ok"
        with pytest.raises(openai.AuthenticationError) as caught:
            unknown.chat.completions.create(model="shop", messages=QUESTION)
    assert caught.value.code == "invalid_api_key"
    assert "tm-unknown" not in str(caught.value)


def test_openais_client_hears_of_its_limit_and_when_to_come_back(
    guarded: RouterProcess, upstream: StubUpstream
) -> None:
    with client(guarded, key("once")) as limited:
        first = limited.chat.completions.with_raw_response.create(model="shop", messages=QUESTION)
        assert first.headers["x-ratelimit-limit-requests"] == "1"
        with pytest.raises(openai.RateLimitError) as caught:
            limited.chat.completions.create(model="shop", messages=QUESTION)
    assert caught.value.code == "rate_limit_exceeded"
    assert 990 <= int(caught.value.response.headers["retry-after"]) <= 1000


def test_anthropics_client_is_let_in_by_its_own_header(guarded: RouterProcess, upstream: StubUpstream) -> None:
    base_url = guarded.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=base_url, api_key=key("free"), max_retries=0) as known:
        known.messages.create(model="shop", max_tokens=5, messages=[{"role": "user", "content": "hi"}])
    with (
        anthropic.Anthropic(base_url=base_url, api_key="tm-unknown", max_retries=0) as unknown,
        pytest.raises(anthropic.AuthenticationError) as caught,
    ):
        unknown.messages.create(model="shop", max_tokens=5, messages=[{"role": "user", "content": "hi"}])
    assert json.loads(caught.value.response.text)["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("path", ["/v2/models/shop/infer", "/v2/models/shop"])
def test_the_open_inference_protocol_asks_for_a_key_over_http(guarded: RouterProcess, path: str) -> None:
    url = guarded.base_url.removesuffix("/v1") + path
    body = {"inputs": [{"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["hi"]}]}
    method, content = ("POST", body) if path.endswith("infer") else ("GET", None)
    refused = httpx2.request(method, url, json=content, trust_env=False)
    assert refused.status_code == 401
    assert set(refused.json()) == {"error"}
    assert httpx2.request(method, url, json=content, trust_env=False, headers=authorized("free")).status_code != 401


def test_the_open_inference_protocol_asks_for_a_key_over_grpc(guarded: RouterProcess) -> None:
    request = messages.ModelInferRequest(model_name="shop").SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{guarded.grpc_port}") as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for metadata, code in (
            ((), grpc.StatusCode.UNAUTHENTICATED),
            ((("authorization", f"Bearer {key('free')}"),), grpc.StatusCode.INVALID_ARGUMENT),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                infer(request, metadata=metadata)
            assert caught.value.code() is code


def test_probes_ask_for_no_key(guarded: RouterProcess) -> None:
    for path in ("/livez", "/readyz"):
        assert httpx2.get(f"http://127.0.0.1:{guarded.admin_port}{path}", trust_env=False).status_code == 200


def test_what_a_caller_says_of_its_tenant_opens_nothing(guarded: RouterProcess) -> None:
    url = f"{guarded.base_url}/chat/completions"
    response = httpx2.post(url, json=chat(), headers={"x-tiermesh-tenant": "free"}, trust_env=False)
    assert response.status_code == 401

"""What stands in front: of vLLM's pods, and of the routers."""

from dataclasses import replace

from operators.render import Port, Rendered, render_model, render_route
from tests.unit.operators.render.samples import (
    BARE,
    EVERYTHING,
    FAQ,
    PLAIN,
    QWEN,
    SITE,
    as_runtime,
    kinds,
    model,
    route,
    the,
)

VLLM = model(as_runtime(QWEN, "deployment"), "qwen")


def test_routers_ask_the_inference_gateway_which_leads_to_the_pool_of_pods() -> None:
    rendered = render_model(VLLM, None, EVERYTHING, SITE)
    assert rendered.url == "http://inference.gateways.svc/shop/model-qwen/v1"
    (rule,) = the("HTTPRoute", rendered)["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/shop/model-qwen"}}]
    assert rule["backendRefs"][0]["kind"] == "InferencePool"
    pool = the("InferencePool", rendered)
    assert pool["metadata"]["name"] == rule["backendRefs"][0]["name"]
    assert pool["spec"]["endpointPickerRef"]["name"] == "model-qwen-epp"


def test_only_vllm_is_understood_by_an_endpoint_picker() -> None:
    assert "InferencePool" not in kinds(render_model(model(as_runtime(FAQ, "deployment")), None, EVERYTHING, SITE))


def test_without_the_extension_routers_ask_the_service_and_a_sentence_says_so() -> None:
    rendered = render_model(VLLM, None, BARE, replace(SITE, accelerators=SITE.accelerators))
    assert rendered.url == "http://model-qwen.shop.svc:8000/v1"
    assert any("no HTTPRoute and no InferencePool" in sentence for sentence in rendered.missing)


def test_a_route_gets_a_path_of_the_gateway_that_waits_a_little_longer_than_the_router() -> None:
    rendered = render_route(route(resilience={"deadlineSeconds": 30}), EVERYTHING, SITE)
    assert rendered.url == "https://models.example.com/shop/shop/v1"
    written = the("HTTPRoute", rendered)
    assert written["spec"]["parentRefs"] == [{"name": "public", "namespace": "gateways"}]
    (rule,) = written["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "tiermesh-router", "port": 8080, "namespace": "tiermesh"}]
    assert rule["timeouts"] == {"request": "35s"}


def test_a_route_beside_the_routers_needs_no_grant() -> None:
    near = replace(SITE, router=Port("tiermesh-router", "shop", 8080))
    (rule,) = the("HTTPRoute", render_route(route(), EVERYTHING, near))["spec"]["rules"]
    assert "namespace" not in rule["backendRefs"][0]


def test_without_a_gateway_nothing_stands_in_front_of_the_routers() -> None:
    assert render_route(route(), EVERYTHING, PLAIN) == Rendered()


def test_a_gateway_that_the_cluster_cannot_have_is_named() -> None:
    rendered = render_route(route(), BARE, SITE)
    assert not rendered.objects
    assert "no HTTPRoute" in rendered.missing[0]

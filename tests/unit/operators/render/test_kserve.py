"""Models as InferenceServices and LLMInferenceServices."""

import pytest

from operators.render import render_model
from tests.unit.operators.render.samples import (
    EVERYTHING,
    QWEN,
    SITE,
    SKLEARN,
    TRITON,
    as_runtime,
    kinds,
    model,
    policy,
    the,
)


def test_kserve_chooses_the_server_and_has_no_say_in_weights() -> None:
    rendered = render_model(model(SKLEARN, "iris"), None, EVERYTHING, SITE)
    predictor = the("InferenceService", rendered)["spec"]["predictor"]
    assert predictor["model"]["modelFormat"] == {"name": "sklearn"}
    assert predictor["model"]["storageUri"] == "s3://models/iris/model.joblib"
    assert "canaryTrafficPercent" not in predictor
    assert the("InferenceService", rendered)["metadata"]["annotations"] == {
        "serving.kserve.io/deploymentMode": "Standard",
        "serving.kserve.io/autoscalerClass": "none",
    }


def test_routers_reach_it_through_a_service_whose_name_and_port_kserve_does_not_choose() -> None:
    rendered = render_model(model(SKLEARN, "iris"), None, EVERYTHING, SITE)
    service = the("Service", rendered)
    assert rendered.url == "http://model-iris-http.shop.svc:8080"
    assert service["spec"]["selector"] == the("InferenceService", rendered)["spec"]["predictor"]["labels"]


@pytest.mark.parametrize(
    ("spec", "chosen"),
    [
        ({**SKLEARN, "source": "gs://models/model.onnx"}, "onnx"),
        ({**SKLEARN, "source": "s3://models/iris", "kubernetes": {"modelFormat": "lightgbm"}}, "lightgbm"),
        (as_runtime(TRITON, "inference-service"), "triton"),
        (as_runtime(QWEN, "inference-service"), "huggingface"),
        ({**SKLEARN, "source": "hf://Qwen/Qwen3-8B", "protocol": "openai"}, "huggingface"),
    ],
)
def test_the_format_is_what_the_document_says_or_shows(spec: dict[str, object], chosen: str) -> None:
    rendered = render_model(model(spec), None, EVERYTHING, SITE)
    assert the("InferenceService", rendered)["spec"]["predictor"]["model"]["modelFormat"] == {"name": chosen}


def test_a_language_model_is_asked_where_kserve_serves_the_openai_api() -> None:
    rendered = render_model(model(as_runtime(QWEN, "inference-service"), "qwen"), None, EVERYTHING, SITE)
    assert rendered.url == "http://model-qwen-http.shop.svc:8080/openai/v1"
    served = the("InferenceService", rendered)["spec"]["predictor"]["model"]
    assert served["storageUri"] == "hf://Qwen/Qwen3-8B:main"
    assert {"--model_name=qwen", "--max-model-len=16384"} <= {*served["args"]}


def test_an_llm_inference_service_is_reached_through_its_gateway() -> None:
    rendered = render_model(model(as_runtime(QWEN, "llm-inference-service"), "qwen"), None, EVERYTHING, SITE)
    spec = the("LLMInferenceService", rendered)["spec"]
    assert rendered.url == "http://inference.gateways.svc/shop/model-qwen/v1"
    assert spec["router"]["gateway"]["refs"] == [{"name": "inference", "namespace": "gateways"}]
    assert spec["model"] == {"uri": "hf://Qwen/Qwen3-8B:main", "name": "qwen"}
    assert spec["parallelism"] == {"tensor": 2}
    assert kinds(rendered) == ["LLMInferenceService", "PodDisruptionBudget"]


def test_an_llm_inference_service_says_that_it_does_not_scale() -> None:
    asked = policy(min=1, max=3, signals=[{"metric": "queue", "target": 4}])
    rendered = render_model(model(as_runtime(QWEN, "llm-inference-service")), asked, EVERYTHING, SITE)
    assert "stays at 1 of 1 to 3 replicas" in rendered.missing[0]

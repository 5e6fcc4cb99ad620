"""Which runtime a Model gets, and what is said where it gets none."""

import re
from pathlib import Path

import pytest
import yaml

from control_plane.spec.documents import Model
from operators.render import Offers, Rendered, render_model
from tests.unit.operators.render.samples import (
    ASSISTANT,
    BARE,
    BENTO,
    EVERYTHING,
    FAQ,
    PLAIN,
    QWEN,
    SITE,
    SKLEARN,
    TRITON,
    as_runtime,
    kinds,
    model,
)


def without(*kinds: str) -> Offers:
    return Offers({kind: version for kind, version in EVERYTHING.versions.items() if kind not in kinds})


def test_a_model_that_runs_already_is_left_alone() -> None:
    addressed = model({"engine": "vllm", "tier": "heavy", "url": "http://vllm.models.svc:8000/v1"})
    assert render_model(addressed, None, EVERYTHING, SITE) == Rendered()


@pytest.mark.parametrize(
    ("spec", "offers", "runs_as"),
    [
        (FAQ, EVERYTHING, "RayService"),
        (FAQ, without("RayService"), "Deployment"),
        (QWEN, EVERYTHING, "RayService"),
        (QWEN, without("RayService"), "Deployment"),
        (as_runtime(QWEN, "llm-inference-service"), EVERYTHING, "LLMInferenceService"),
        (as_runtime(QWEN, "inference-service"), EVERYTHING, "InferenceService"),
        (SKLEARN, EVERYTHING, "InferenceService"),
        (TRITON, EVERYTHING, "Deployment"),
        (BENTO, BARE, "Deployment"),
    ],
)
def test_a_model_runs_as_the_first_of_its_engines_that_the_cluster_offers(
    spec: dict[str, object], offers: Offers, runs_as: str
) -> None:
    assert runs_as in kinds(render_model(model(spec), None, offers, SITE))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (SKLEARN, "no InferenceService, as which engine 'kserve' would run: install KServe, or give the url"),
        (as_runtime(FAQ, "ray"), "no RayService, as which engine 'faq' would run: install KubeRay, or remove kuber"),
    ],
)
def test_what_the_cluster_lacks_is_named_with_the_cure(spec: dict[str, object], said: str) -> None:
    rendered = render_model(model(spec), None, BARE, PLAIN)
    assert not rendered.objects
    assert said in rendered.missing[0]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({**QWEN, "source": "models:/support@production"}, "'models:/support@production' is not resolved to a version"),
        ({**FAQ, "faq": {"knowledge": "file://./../../etc", "threshold": 0.4}}, "lies outside /srv/tiermesh"),
        ({**SKLEARN, "source": "s3://models/iris"}, "spec.kubernetes.modelFormat"),
        ({**SKLEARN, "source": "file:///models/model.onnx"}, "KServe reads no 'file:///models/model.onnx'"),
        ({**SKLEARN, "protocol": "oip-grpc"}, "agree on no port for gRPC"),
        ({**TRITON, "source": "hf://a/b"}, "Triton reads no 'hf://a/b'"),
        ({**TRITON, "protocol": "openai"}, "without its OpenAI front end"),
        ({**BENTO, "protocol": "oip-grpc"}, "A Bento is asked over HTTP"),
        ({"engine": "bento", "tier": "light", "source": "hf://a/b"}, "spec.kubernetes.image"),
        (as_runtime(ASSISTANT, "inference-service"), "KServe's server has no generation.passages"),
        (as_runtime(ASSISTANT, "llm-inference-service"), "reads no 'bundled://"),
        (as_runtime({**QWEN, "sha256": "0" * 64}, "inference-service"), "KServe checks no sha256"),
    ],
)
def test_what_would_answer_otherwise_than_the_document_says_does_not_run(spec: dict[str, object], said: str) -> None:
    rendered = render_model(model(spec), None, EVERYTHING, SITE)
    assert not rendered.objects
    assert said in " ".join(rendered.missing)


def test_the_page_for_users_shows_a_document_that_runs_as_it_says() -> None:
    page = (Path(__file__).parents[4] / "docs" / "operator-objects.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shown = Model.model_validate(yaml.safe_load(written))
    assert kinds(render_model(shown, None, BARE, PLAIN)) == ["Deployment", "Service", "PodDisruptionBudget"]


def test_every_sentence_ends_and_begins_as_one() -> None:
    for spec in (SKLEARN, as_runtime(FAQ, "ray"), {**TRITON, "source": "hf://a/b"}):
        for sentence in render_model(model(spec), None, BARE, PLAIN).missing:
            assert sentence[0].isupper()
            assert sentence.endswith(".")

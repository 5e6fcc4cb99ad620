from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks import quantization
from benchmarks.quantization import FLOAT, INT4, INT8, Found
from model_repo.faq.calibration import Score
from model_repo.faq.encoder import Vectors

WHOLE = Found(0.4, Score(100, 80, 76), [1.0, 1.0], 1.0, 12.0, 180)
SMALL = Found(0.41, Score(100, 78, 73), [0.99, 0.98], 0.97, 4.0, 120)
NANO = Found(0.4, Score(100, 80, 75), [0.999, 0.999], 0.99, 20.0, 70)


def broken(small: Found) -> list[str]:
    return [bar.what for bar in quantization.bars({FLOAT: WHOLE, INT8: small, INT4: NANO}) if not bar.holds]


@pytest.mark.parametrize(
    ("small", "what"),
    [
        (Found(0.4, SMALL.score, [0.9, 0.9], 1, 4, 1), "cosine"),
        (Found(0.4, Score(100, 100, 80), SMALL.cosines, 1, 4, 1), "precision"),
        (Found(0.4, Score(100, 60, 60), SMALL.cosines, 1, 4, 1), "coverage"),
        (Found(0.4, SMALL.score, SMALL.cosines, 1, 11, 1), "fast"),
    ],
)
def test_each_loss_breaks_its_own_bar(small: Found, what: str) -> None:
    assert broken(SMALL) == []
    (found,) = broken(small)
    assert what in found


def test_the_table_has_a_row_for_each_encoder() -> None:
    text = quantization.table({FLOAT: WHOLE, INT8: SMALL, INT4: NANO})
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["float32,", "INT8,", "4"]
    assert "0.730" in text and "0.9850" in text


class Counting:
    """An encoder that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(len(texts))
        return np.ones((len(texts), 2), np.float32)

    def tokens(self, text: str) -> int:
        return 1


def test_each_question_is_timed_alone() -> None:
    encoders = {"a": Counting(), "b": Counting()}
    times = quantization.cpu_ms(encoders, ["x", "y", "z"], rounds=2)
    assert set(times) == {"a", "b"} and min(times.values()) >= 0
    assert encoders["a"].asked == encoders["b"].asked == [1] * 6

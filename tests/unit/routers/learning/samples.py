"""Questions whose gain is known: hard words gain, easy ones do not."""

import numpy as np

from routers.learning.design import Texts
from routers.learning.evaluation import Judged
from routers.learning.pairs import Pairs

HARD, EASY = ("prove", "integrate", "derive"), ("greet", "thank", "name")


def questions(count: int = 300, seed: int = 0, domains: int = 6) -> Judged:
    """Half of them gain 0.8 on average, the other half nothing; all are about as long."""
    generator = np.random.default_rng(seed)
    hard = generator.random(count) < 0.5
    filler = [" ".join(f"w{number}" for number in generator.integers(0, 40, 6)) for _ in range(count)]
    words = [generator.choice(HARD if each else EASY) for each in hard]
    prompts = tuple(f"{word} {rest}" for word, rest in zip(words, filler, strict=True))
    strong = (generator.random(count) < 0.9).astype(float)
    weak = np.where(hard, (generator.random(count) < 0.1).astype(float), strong)
    names = tuple(f"domain {number}" for number in generator.integers(0, domains, count))
    return Judged(Pairs(prompts, weak, strong, names), Texts.of(prompts))

"""The learned complexity router on RouteLLM's published answers: how well it ranks, and whether its contract holds.

`python -m benchmarks.complexity` prints a table; `--json` prints one object. The data is that of RouteLLM's evaluation
(github.com/lm-sys/RouteLLM, Apache-2.0) as `mmlu.csv.gz` and `gsm8k.csv.gz` with the columns prompt, weak, strong and
domain, in `--data` or TIERMESH_BENCHMARK_DATA; by default in `shared/data/routellm` beside the checkout.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import Bar, Report, emit
from control_plane.spec.errors import TiermeshError
from routers.complexity import score
from routers.embedding import Embedding, OneEncoder
from routers.encoder import Encoder, NanoEncoder, Vectors
from routers.learning import choosing, curves, encoding, evaluation, pairs, training
from routers.learning.contract import Contract
from routers.learning.curves import Block, Quality
from routers.learning.design import Texts
from routers.learning.evaluation import Evaluation, Judged
from routers.learning.features import features
from routers.learning.fitting import estimates, fit
from routers.learning.gain import GainModel

BESIDE = Path(__file__).parents[2] / "shared" / "data" / "routellm"
DEALS = 5
SPLITS = 200
SEEN = 0.6
"""Share of the questions that each split trains on. On the rest its contract is checked: on many, so that little of
what is counted as broken is their own chance."""
PROMISE = Contract(max_loss=0.02, confidence=0.95)
_ROUNDS = 7
_EMBEDDED = 50
"""Questions that a router embeds while it is timed."""


def ranking(gsm8k: Judged, with_vectors: Judged, mmlu: Judged) -> list[Bar]:
    """APGR in domain, on domains that are held out, and from one data set to the other."""
    found = [
        ("GSM8K, 5 folds, with embedding", _folds(with_vectors, choosing.near), 0.64),
        ("MMLU, 5 folds", _folds(mmlu, choosing.near), 0.68),
        ("MMLU, subjects held out", _folds(mmlu, choosing.far, grouped=True), 0.64),
        ("MMLU, fitted to GSM8K", [evaluation.hold_out(gsm8k, mmlu, choosing.far, 0)], 0.58),
        ("GSM8K, fitted to MMLU", [evaluation.hold_out(mmlu, gsm8k, choosing.far, 0)], 0.58),
        ("GSM8K, 5 folds, features alone", _folds(gsm8k, choosing.near), None),
    ]
    bars = []
    for what, judged, limit in found:
        router, length = (float(np.mean([part.apgr for part in parts])) for parts in _parts(judged))
        bars.append(Bar(f"{what}: APGR", router, "", limit, "higher"))
        bars.append(Bar(f"{what}: above length", router - length, "", 0, "higher"))
    return bars


def shipped(gsm8k: Judged, mmlu: Judged) -> list[Bar]:
    """APGR of the score that a Route has without a learned router."""
    bars = []
    for name, data in (("GSM8K", gsm8k), ("MMLU", mmlu)):
        scores = np.array([score({"prompt": prompt}).value for prompt in data.pairs.prompts])
        lengths = np.array([len(prompt) for prompt in data.pairs.prompts], dtype=float)
        router, length = (
            curves.quality([Block(each, data.pairs.gains)], 0, resamples=1).apgr for each in (scores, lengths)
        )
        bars.append(Bar(f"{name}, shipped default: APGR", router, "", better="higher"))
        bars.append(Bar(f"{name}, shipped default: above length", router - length, "", 0, "higher"))
    return bars


def _parts(judged: Sequence[Evaluation]) -> tuple[list[Quality], list[Quality]]:
    return [each.router for each in judged], [each.length for each in judged]


def _folds(data: Judged, choose: evaluation.Choice, grouped: bool = False) -> list[Evaluation]:
    """Once for each way of dealing the folds: one way can be lucky by a hundredth."""
    return [evaluation.cross_validate(data, grouped, choose, seed, _say) for seed in range(DEALS)]


def promises(data: Judged, splits: int) -> list[Bar]:
    """Splits into questions to train on, and fresh ones that nothing has seen. A split breaks the contract where its
    fresh questions lose more than the bound, their own chance included.
    """
    seen = np.array([_split(data, seed) for seed in range(splits)])
    broken = float((seen[:, 0] > PROMISE.max_loss).mean())
    return [
        Bar(f"2% at 95%, broken in {splits} splits", broken, "share", limit=1 - PROMISE.confidence),
        Bar("heavy calls saved, mean of the splits", float(seen[:, 1].mean()), "share", limit=0.25, better="higher"),
        Bar("quality lost, mean of the splits", float(seen[:, 0].mean()), "a request"),
    ]


def _split(data: Judged, seed: int) -> tuple[float, float]:
    """What fresh questions lost, and the share of heavy calls saved."""
    dealt = np.random.default_rng(seed).permutation(len(data.pairs))
    seen, fresh = map(data.take, np.split(dealt, [int(SEEN * len(dealt))]))
    trained = training.train(seen, (PROMISE,), choosing.near, seed, lambda what, done, whole: None)
    ((_, kept),) = trained.kept
    light = estimates(trained.model, fresh.texts) < kept.threshold
    _say("splits", seed + 1, SPLITS)
    return float((fresh.pairs.gains * light).mean()), float(light.mean())


def costs(data: Judged) -> list[Bar]:
    """CPU of what a request of MMLU is charged."""
    model = fit(data.texts, data.pairs, choosing.near(data))
    prompts = data.pairs.prompts[::10]
    return [
        Bar("features, CPU a request of MMLU", _micros(features, prompts), "µs", limit=20),
        Bar("shipped default", _micros(lambda prompt: score({"prompt": prompt}), prompts), "µs"),
        Bar("features and estimate", _micros(lambda prompt: _estimate(model, prompt), prompts), "µs"),
    ]


def with_embedding(data: Judged) -> list[Bar]:
    """What a question waits for besides the encoder: the thread, the way there and back, and the estimate."""
    model = fit(data.texts, data.pairs, choosing.near(data))
    beyond = asyncio.run(_beyond(model, data.pairs.prompts[:_EMBEDDED]))
    return [Bar("with embedding, beyond the encoder's own time, p50", beyond, "ms", limit=1)]


async def _beyond(model: GainModel, prompts: Sequence[str]) -> float:
    encoder = _Timed(NanoEncoder())
    embedding = Embedding(OneEncoder(lambda: encoder))
    found = []
    for prompt in prompts:
        started = time.perf_counter()
        model.gain([prompt], await embedding.vector(prompt))
        found.append(time.perf_counter() - started - encoder.seconds)
    embedding.close()
    return float(np.median(found)) * 1e3


class _Timed:
    """An encoder that remembers how long its last text took."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.seconds = 0.0

    def embed(self, texts: Sequence[str]) -> Vectors:
        started = time.perf_counter()
        found = self._encoder.embed(texts)
        self.seconds = time.perf_counter() - started
        return found

    def knows(self, text: str) -> bool:
        return self._encoder.knows(text)


def _estimate(model: GainModel, prompt: str) -> float:
    return model.gain([prompt])


def _micros(call: Callable[[str], object], prompts: Sequence[str]) -> float:
    """Of the quietest round: CPU time grows with what neighbours do to the caches, and never shrinks. Of this thread:
    those of the linear algebra spin for a while after a fit."""
    rounds = []
    for _ in range(_ROUNDS):
        started = time.thread_time()
        for prompt in prompts:
            call(prompt)
        rounds.append(time.thread_time() - started)
    return min(rounds) / len(prompts) * 1e6


def _judged(path: Path) -> Judged:
    found = pairs.read([path])
    return Judged(found, Texts.of(found.prompts))


def _say(what: str, done: int, whole: int) -> None:
    if done == whole or done % 50 == 0:
        print(f"{what}: {done} of {whole}", file=sys.stderr)


def main() -> int:
    """Measure and print. Returns the exit code: 0 where every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.complexity", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="20 splits: a look, not figures to quote")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIERMESH_BENCHMARK_DATA") or BESIDE))
    options = parser.parse_args()
    home = Path(os.environ.get("TIERMESH_HOME") or "~/.tiermesh").expanduser()
    try:
        gsm8k, mmlu = (_judged(options.data / f"{name}.csv.gz") for name in ("gsm8k", "mmlu"))
        vectors = encoding.embed(gsm8k.pairs.prompts, home / "vectors", _say)
        with_vectors = Judged(gsm8k.pairs, Texts.of(gsm8k.pairs.prompts, vectors))
        bars = [*ranking(gsm8k, with_vectors, mmlu), *shipped(gsm8k, mmlu)]
        bars += [*promises(mmlu, 20 if options.quick else SPLITS), *costs(mmlu), *with_embedding(with_vectors)]
    except TiermeshError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return emit(Report("complexity", bars), options.json)


if __name__ == "__main__":
    sys.exit(main())

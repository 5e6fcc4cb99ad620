"""The light model's threshold: what it is fitted to, and what it does on questions it has not seen.

`python -m benchmarks.faq` prints a table; `--json` prints one object.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import yaml

from benchmarks.report import Bar, Report, emit
from control_plane.spec.documents import Model, parse
from model_repo.faq import calibration, knowledge
from model_repo.faq.calibration import Outcome, Score
from model_repo.faq.encoder import Vectors, load
from model_repo.faq.matching import Index

SHOP = Path(__file__).parent.parent / "examples" / "shop"


def document(shop: Path = SHOP) -> Model:
    """The shop's Model document."""
    model = parse(yaml.safe_load((shop / "faq.yaml").read_text(encoding="utf-8")))
    assert isinstance(model, Model)
    return model


def written_threshold(shop: Path = SHOP) -> float:
    """The threshold that the shop's Model document states."""
    spec = document(shop).spec
    assert spec.faq is not None
    return spec.faq.threshold


def measure(shop: Path = SHOP, embed: Callable[[Sequence[str]], Vectors] | None = None) -> list[Outcome]:
    """The nearest entry of every labelled question; by default by the encoder that the document asks for."""
    index = Index(knowledge.load(shop / "knowledge"), embed or load(document(shop).spec).embed)
    return calibration.outcomes(calibration.load(shop / "questions.jsonl"), index)


def once(embed: Callable[[Sequence[str]], Vectors]) -> Callable[[Sequence[str]], Vectors]:
    """The same, for each list of texts once: all of them take seconds."""
    known = cache(embed)
    return lambda texts: known(tuple(texts))


def _parts(outcomes: list[Outcome]) -> dict[str, list[Outcome]]:
    held_out = [outcome for outcome in outcomes if outcome.question.held_out]
    return {
        "fit": [outcome for outcome in outcomes if not outcome.question.held_out],
        "held out": held_out,
        "held out, English": [outcome for outcome in held_out if outcome.question.language == "en"],
        "held out, Chinese": [outcome for outcome in held_out if outcome.question.language == "zh"],
    }


def _interval(part: int, whole: int) -> tuple[float, float]:
    """Two-sided 90% Clopper-Pearson interval."""
    if not whole:
        return math.nan, math.nan
    return calibration.lower_bound(part, whole), calibration.upper_bound(part, whole)


def _bars(threshold: float, scores: dict[str, Score]) -> list[Bar]:
    fitted, judged = scores["fit"], scores["held out"]
    bound = calibration.lower_bound(fitted.right, fitted.answered)
    gap = abs(written_threshold() - threshold)
    return [
        Bar("threshold in examples/shop, away from the fit", gap, "cosine", limit=0),
        Bar("precision on the fit part, 95% lower bound", bound, "share", limit=calibration.TARGET, better="higher"),
        Bar("precision held out", judged.precision, "share", limit=calibration.TARGET, better="higher"),
        *(Bar(f"coverage {part}", scores[part].coverage, "share") for part in scores if part != "fit"),
    ]


def _table(threshold: float, scores: dict[str, Score]) -> str:
    lines = [
        f"threshold {threshold:.3f}: the smallest whose precision on the fit part has a one-sided"
        f" {calibration.CONFIDENCE:.0%} lower bound of at least {calibration.TARGET:.2f}",
        "",
        f"{'questions':20}{'asked':>7}{'answered':>10}{'right':>7}"
        "   precision (90% interval)   coverage (90% interval)",
    ]
    for part, found in scores.items():
        precise, covered = _interval(found.right, found.answered), _interval(found.right, found.asked)
        lines.append(
            f"{part:20}{found.asked:7}{found.answered:10}{found.right:7}"
            f"   {found.precision:.3f} ({precise[0]:.3f} to {precise[1]:.3f})"
            f"     {found.coverage:.3f} ({covered[0]:.3f} to {covered[1]:.3f})"
        )
    lines += ["", "asked: an entry answers it. precision: right of answered. coverage: right of asked.", ""]
    return "\n".join(lines)


def main() -> int:
    """Measure and print. Returns the exit code: 0 where every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faq", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    outcomes = measure()
    threshold = calibration.fit(outcomes)
    scores = {part: calibration.score(found, threshold) for part, found in _parts(outcomes).items()}
    if not as_json:
        print(_table(threshold, scores))
    return emit(Report("faq", _bars(threshold, scores)), as_json)


if __name__ == "__main__":
    sys.exit(main())

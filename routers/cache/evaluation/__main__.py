"""`python -m routers.cache.evaluation`: what `tiermesh cache eval` becomes."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from control_plane.spec.errors import TiermeshError
from routers.cache.evaluation import files, splits
from routers.cache.evaluation.requests import Advance, Couples, Requests, Stream
from routers.cache.evaluation.vectors import Kept
from routers.cache.guard import Promise
from routers.encoder import Encoder, NanoEncoder


def main() -> int:
    """Exit codes: 0 evaluated, 1 the file cannot be, 2 wrong usage."""
    given = _arguments()
    promise = Promise(given.max_error_rate, given.confidence)
    try:
        report = evaluate(given.data, promise, given.splits, given.seed, given.vectors)
    except TiermeshError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(
        json.dumps(report, allow_nan=False) + "\n" if given.json else _table(report, promise, given.splits)
    )
    return 0


def evaluate(data: Path, promise: Promise, count: int, seed: int = 0, vectors: Path | None = None) -> dict[str, Any]:
    """The report of a file; see docs/cache.md. Progress goes to standard error.

    `vectors` is a folder that keeps embeddings between runs. Raises TiermeshError(INVALID_REQUEST) for the file.
    """
    read = files.read(data)
    files.check_size(data, read, splits.FEWEST)
    encoder: Encoder = NanoEncoder() if vectors is None else Kept(NanoEncoder(), vectors)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        reading = bar.add_task("embed and compare", total=2 * read.questions)
        requests = _requests(read, encoder, lambda steps: bar.advance(reading, steps))
        bar.update(reading, completed=2 * read.questions)
        splitting = bar.add_task("splits", total=count)
        learned, static = splits.evaluate(requests, promise, count, seed, lambda steps: bar.advance(splitting, steps))
    return {"n": len(requests), **_rates(learned), "static_best": {**_rates(static), "threshold": _finite(static)}}


def _requests(read: files.Intents | files.Pairs, encoder: Encoder, advance: Advance) -> Requests:
    return Stream(read, encoder, advance) if isinstance(read, files.Intents) else Couples(read, encoder, advance)


def _rates(summary: splits.Summary) -> dict[str, float]:
    rates = asdict(summary)
    del rates["threshold"]
    return rates


def _finite(summary: splits.Summary) -> float:
    """As a similarity: every question is at least at -1, none above 1."""
    return min(max(summary.threshold, -1.0), 1.0)


def _table(report: Mapping[str, Any], promise: Promise, count: int) -> str:
    lines = [
        f"{report['n']} questions, {count} splits; promised: errors ≤ {promise.max_error_rate:.2%} of all requests"
        f" with {promise.confidence:.0%} confidence",
        f"{'':24}{'hits':>8}{'errors':>9}{'bound broken':>15}",
    ]
    for name, rates in (("learned and guarded", report), ("best static threshold", report["static_best"])):
        shares = f"{rates['hit_rate']:>8.1%}{rates['error_rate']:>9.2%}{rates['violation_share']:>15.1%}"
        lines.append(f"{name:24}{shares}")
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m routers.cache.evaluation", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--max-error-rate", type=float, default=0.01)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

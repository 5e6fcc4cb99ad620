"""A learned router by which longer questions need the heavy tier, as a file and as it is pinned."""

from pathlib import Path
from typing import Any

from control_plane.spec import learned
from control_plane.spec.learned import SUFFIX, Kept, LearnedRouter, name_of
from routers.embedding import ENCODER
from routers.learning.artifact import Artifact, Origin
from routers.learning.features import MEASURES, Term
from routers.learning.gain import GainModel, Odds

SLOPE, INTERCEPT = 0.8, -2.8057
"""Of the heavy tier's odds, by the logarithm of the length: 19 characters gain -0.1, and 90 gain 0.2."""
PROMISE = {"maxQualityLoss": 0.02, "confidence": 0.95}


def text(
    threshold: float | None = 0.05,
    terms: dict[Term, float] | None = None,
    embedding: tuple[float, ...] = (),
    encoder: str = ENCODER,
) -> str:
    """Its JSON."""
    none = (0.0,) * (len(MEASURES) - 1)
    heavy = Odds(INTERCEPT, (SLOPE, *none), terms or {}, embedding)
    light = Odds(0.0, (0.0, *none), {}, (0.0,) * len(embedding))
    model = GainModel((0.0,) * len(MEASURES), (10.0,) * len(MEASURES), light, heavy)
    kept = Kept.model_validate({**PROMISE, "threshold": threshold, "saved": 0.3, "calibratedOn": 500})
    origin = Origin(files={}, rows=1000, seed=0)
    return Artifact.of(model, encoder, (kept,), origin).text()


NAME = name_of(text())


def summary(of: str | None = None) -> LearnedRouter:
    """What outside a router is read of it."""
    of = of or text()
    return learned.read(name_of(of), of)


def pins(*texts: str) -> dict[str, LearnedRouter]:
    """As `compile` is told of them."""
    return {name_of(one): summary(one) for one in texts or (text(),)}


def saved(folder: Path, of: str | None = None) -> Path:
    """Write it down under its name."""
    of = of or text()
    path = folder / f"{name_of(of)}{SUFFIX}"
    path.write_text(of, encoding="utf-8")
    return path


def complexity(name: str = NAME, **contract: Any) -> dict[str, Any]:
    """What a Route says that has it."""
    return {"router": name, "contract": PROMISE | contract}

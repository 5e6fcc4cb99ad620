"""Folds: which questions a model is not shown, because it is judged by them. Seeded."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError

FOLDS = 5

Rows = NDArray[np.intp]


def split(count: int, groups: Sequence[str] | None, seed: int, folds: int = FOLDS) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of rows to fit and rows to judge by; each row is judged once, and a group is never in both.

    Raises TiermeshError(INVALID_REQUEST) where there are fewer rows or groups than folds.
    """
    units = sorted(set(groups)) if groups is not None else None
    if (found := len(units) if units is not None else count) < folds:
        kind = "rows" if units is None else "groups"
        message = f"{found} {kind} are too few for {folds} folds."
        raise TiermeshError(Code.INVALID_REQUEST, message, f"Give at least {folds}.")
    dealt = np.random.default_rng(seed).permutation(found) % folds
    if groups is not None and units is not None:
        places = {name: place for place, name in enumerate(units)}
        dealt = dealt[[places[name] for name in groups]]
    for fold in range(folds):
        yield np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)

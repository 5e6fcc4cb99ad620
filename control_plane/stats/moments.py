"""Moments: what is left of a metric's values in one arm once the units are forgotten."""

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = float | NDArray[np.float64]


class Unit(NamedTuple):
    """What one unit (a user, a session) has to its name so far."""

    value: float
    """Sum of what is measured; 0 or 1 for a proportion."""
    base: float = 1.0
    """What the sum is taken over: the denominator of a ratio, such as the unit's requests."""
    before: float = 0.0
    """The covariate: the same metric before the experiment (CUPED); 0 where nothing is known."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over units of value (y), base (d), covariate (x) and their products.

    All that proportions, means, ratios and their adjusted forms need, in ten numbers however many units there are. They
    merge by `+`, and a unit that goes on is taken out and put back (`replace`). Whole numbers stay exact up to 2**53.
    Each field may be an array as well: then all that is computed from it is elementwise.
    """

    units: Numbers = 0.0
    y: Numbers = 0.0
    d: Numbers = 0.0
    x: Numbers = 0.0
    yy: Numbers = 0.0
    dd: Numbers = 0.0
    xx: Numbers = 0.0
    yd: Numbers = 0.0
    yx: Numbers = 0.0
    dx: Numbers = 0.0

    @classmethod
    def of(cls, value: float, base: float = 1.0, before: float = 0.0) -> Self:
        """One unit's."""
        y, d, x = float(value), float(base), float(before)
        return cls(1.0, y, d, x, y * y, d * d, x * x, y * d, y * x, d * x)

    @classmethod
    def from_arrays(cls, values: ArrayLike, base: ArrayLike = 1.0, before: ArrayLike = 0.0) -> Self:
        """Of many units at once; each array has one entry a unit. Raises ValueError where shapes differ."""
        y, d, x = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (values, base, before)))
        products = [np.vdot(left, right) for left, right in ((y, y), (d, d), (x, x), (y, d), (y, x), (d, x))]
        return cls(float(y.size), *map(float, (y.sum(), d.sum(), x.sum(), *products)))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, name) + getattr(other, name) for name in FIELDS))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, name) - getattr(other, name) for name in FIELDS))

    def add(self, unit: Unit) -> Self:
        """With one more unit."""
        return self + type(self).of(*unit)

    def replace(self, old: Unit, new: Unit) -> Self:
        """With a unit's values changed, such as by a late outcome."""
        return self - type(self).of(*old) + type(self).of(*new)

    def row(self) -> tuple[float, ...]:
        """The numbers in the order of `FIELDS`, for a table; `Moments(*row)` reads them back."""
        return tuple(float(getattr(self, name)) for name in FIELDS)


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Moments))
"""The names of the sums, in order."""

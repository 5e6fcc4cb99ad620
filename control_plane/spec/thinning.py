"""Thinning: few moments of a long course, evenly over its time. Pure."""

from collections.abc import Sequence
from datetime import datetime


def dispensable(moments: Sequence[datetime]) -> int:
    """The index of the one that is missed least, of three or more in order: whose neighbours are nearest to each other.
    The first and the last stay.

    Done each time that there is one too many, it leaves no gap wider than some four of the average.
    """
    return min(range(1, len(moments) - 1), key=lambda index: moments[index + 1] - moments[index - 1])

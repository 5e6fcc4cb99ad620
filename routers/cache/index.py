"""The index: the nearest of up to some 100,000 vectors, in process (usearch, a graph of small worlds)."""

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from routers.cache.evidence import NEIGHBOURS

_CONNECTIVITY, _ADDING, _SEARCHING = 16, 64, 32
"""Edges of a vector, and candidates looked at: of a hundred true neighbours, one is missed."""


class VectorIndex:
    """Unit vectors by number. In bfloat16: 1.5 kB each with their edges, and half the time of half precision."""

    def __init__(self, width: int) -> None:
        self._index = Index(
            ndim=width,
            metric="ip",
            dtype="bf16",
            connectivity=_CONNECTIVITY,
            expansion_add=_ADDING,
            expansion_search=_SEARCHING,
        )

    def __len__(self) -> int:
        return len(self._index)

    def add(self, number: int, vector: NDArray[np.float32]) -> None:
        """Remember a vector under a number that is not there yet."""
        self._index.add(number, vector, threads=1)

    def remove(self, number: int) -> None:
        """Forget one."""
        self._index.remove(number)

    def search(self, vector: NDArray[np.float32]) -> tuple[list[int], list[float]]:
        """The numbers of the nearest NEIGHBOURS, nearest first, and their cosines."""
        if not len(self._index):
            return [], []
        found = self._index.search(vector, NEIGHBOURS, threads=1)
        return found.keys.tolist(), (1.0 - found.distances).tolist()

"""Answers: when two of them are the same.

Same answers have the same number. Where texts alone are compared, the number is the text's. Where embeddings are, an
answer has the number of a near one that came before it: of the first of its kind, so that a chain of small steps does
not lead from one answer to quite another. Numbers, names and negations are compared as they are written there too:
an encoder puts "in 3 days" next to "in 5 days". Where a judge compares them (`routers.comparing`), an answer has the
number of the one that it was said to be the same as: again the first of its kind.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from routers.cache import slots
from routers.cache.slots import Slots
from routers.encoder import Vectors


class Meaning(NamedTuple):
    """What an answer says, to be compared."""

    vector: Vectors
    """A unit vector."""
    slots: Slots

    def is_same(self, other: "Meaning", least_similarity: float) -> bool:
        """Whether they say the same."""
        near = float(self.vector @ other.vector) >= least_similarity
        return near and slots.differing(self.slots, other.slots) is None


class Kind(NamedTuple):
    """All answers that are the same."""

    number: int
    first: Meaning | None
    """Of the first of them; None where meanings are not compared."""
    text: str | None = None
    """Of the first of them that is known here; None where no judge compares them."""


def answer_number(answer: str) -> int:
    """The same for answers that are equal but for space."""
    return int.from_bytes(hashlib.sha256(" ".join(answer.split()).encode()).digest()[:8]) >> 1


def kind_of(answer: str, meaning: Meaning | None, known: Iterable[Kind], least_similarity: float | None) -> Kind:
    """Of which of the known kinds an answer is, the nearest first, or that it is of its own. Without a `meaning` it is
    the same as equal ones alone."""
    own = Kind(answer_number(answer), meaning)
    kinds = {kind.number: kind for kind in known}
    if own.number in kinds or meaning is None or least_similarity is None:
        return kinds.get(own.number, own)
    same = [kind for kind in kinds.values() if kind.first and meaning.is_same(kind.first, least_similarity)]
    return max(same, key=lambda kind: float(kind.first.vector @ meaning.vector) if kind.first else 0.0, default=own)

"""The same questions about somebody else: one name is put in the place of another, in lower case as everything there.

The names are the twenty places and the twenty first names that CLINC150 holds most often, of one word each and never
meant as anything else in it: chosen by that alone, so that some are in no dictionary of names.
"""

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_PLACES = (
    "mexico chicago france dallas canada seattle denver phoenix boston tampa miami houston spain paris russia italy "
    "japan brazil london china"
)
_PEOPLE = "john bob steve chris kevin tom carl jim james dave dan joe ben mary josh sam david charles jude jason"
_NAMES = (_PLACES.split(), _PEOPLE.split())
_OTHERS = {name: [other for other in names if other != name] for names in _NAMES for name in names}
_NAME = re.compile(rf"\b(?:{'|'.join(_OTHERS)})\b")


class Renamed(NamedTuple):
    """A question about another name than the one that was asked before."""

    text: str
    name: str

    def is_of(self, text: str) -> bool:
        """Whether a question is about the same name."""
        return self.name in re.findall(r"\w+", text)


def renamed(texts: Sequence[str], seed: int) -> Iterator[Renamed]:
    """Of each question with one of the names, the same with another."""
    chance = random.Random(seed)
    for text in texts:
        found = _NAME.findall(text)
        if len(found) == 1:
            other = chance.choice(_OTHERS[found[0]])
            yield Renamed(_NAME.sub(other, text), other)

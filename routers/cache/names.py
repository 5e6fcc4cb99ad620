"""Names that no capital and no mark shows: in lower case, and in Chinese. Known from other people's dictionaries.

English: a spelling dictionary (Hunspell's) says how a word is written. "paris" is misspelt and "Paris" is not: that is
a name, a day or a month. What is a word as well stays one: nice, reading, may, will, mobile; john and tom too. Other
languages' little words would be names by that ("que", "der"), so it is asked for English texts alone.
Chinese: a segmenter (jieba) parts a text into words and says of each what it is; names that its dictionary lacks it
guesses from their characters.
"""

from collections.abc import Iterable
from functools import cache

import rjieba
from hunspell import Hunspell

_SHORTEST = 3
"""Letters of an English name: shorter ones are mostly slips of the finger. Of a Chinese one, a character less."""
_NAMES = ("nr", "ns", "nt", "nz")
"""What jieba's tags of people, places, organisations and other names begin with."""


def in_english(words: Iterable[str]) -> frozenset[str]:
    """Those of a text's casefolded words that are names; none where more words are strange to English than known."""
    spelt = _dictionary().spell
    plain = [word for word in set(words) if len(word) >= _SHORTEST and word.isascii() and word.isalpha()]
    misspelt = [word for word in plain if not spelt(word)]
    found = [word for word in misspelt if spelt(word.capitalize())]
    known, strange = len(plain) - len(misspelt), len(misspelt) - len(found)
    return frozenset(found if strange <= known else ())


def in_chinese(text: str) -> frozenset[str]:
    """The names in a Chinese text, as they stand there."""
    tagged = rjieba.tag(text)
    return frozenset(word for word, kind in tagged if kind.startswith(_NAMES) and len(word) >= _SHORTEST - 1)


@cache
def _dictionary() -> Hunspell:
    return Hunspell("en_US", system_encoding="UTF-8")

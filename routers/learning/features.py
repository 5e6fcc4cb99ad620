"""Features: what can be told of a text in a few microseconds, without any model.

`MEASURES` are numbers (how long, which marks, how alike the answers are of which one is to be chosen); *terms* are the
different words and the pairs of neighbouring words, in Chinese, Japanese and Korean of characters. Of a number only how
many digits it has is kept.
"""

import math
import re
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import NamedTuple

VERSION = 3
"""Of what the features are; a model that was fitted to others cannot be used."""
MAX_CHARACTERS = 8000
"""Of one text."""
HALF_OF_WORDS = 32
"""So many words are looked at from the beginning, and as many from the end: a long text says there what it is about
and what is asked."""

MARKS = "$%/\n(=,?-:."
MEASURES = (
    *("length", "words that options share", "numbers in the options", "capitals"),
    *("words", "characters a word", "different words", *MARKS),
)
"""The names of what `Features.measures` holds, in order."""
CARRIED = 4
"""So many measures, the first, mean the same whatever a text is about."""

Term = str | tuple[str, str]

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ODD = re.compile(r"[^\w\n]|_")
_DIGIT = re.compile(r"\d")
_MARKS = MARKS.encode()


def _plain(byte: int) -> int:
    letter = chr(byte)
    if byte < 128 and letter.isdigit():
        return ord("0")
    if letter == "\n":
        return byte
    return ord(letter.lower()) if byte < 128 and letter.isalpha() else ord(" ")


_PLAIN = bytes(map(_plain, range(256)))
"""A table of `bytes.translate`: small letters, every digit a 0, and all but the ends of lines a space."""
_NEITHER = bytes(byte for byte in range(256) if byte not in _MARKS and not 65 <= byte < 91)
"""Neither a mark nor a capital."""


class Features(NamedTuple):
    """Of one text."""

    measures: tuple[float, ...]
    words: list[str]
    """Those that are looked at, in order."""
    different: set[str]

    @property
    def term_count(self) -> int:
        """How many terms there are, known or not."""
        return len(self.different) + max(0, len(self.words) - 1)

    def terms(self) -> Iterator[Term]:
        """Each different word, and each pair of neighbours."""
        yield from self.different
        yield from pairwise(self.words)


def features(text: str) -> Features:
    """The features of a text."""
    text = text[:MAX_CHARACTERS]
    raw = text.encode("utf-8", "replace")
    plain = raw.translate(_PLAIN).decode() if len(raw) == len(text) else _spaced(text)
    # Answers to choose from stand at the end, in lines that begin with a letter of their own.
    first = plain.find("\na ")
    cut = first if plain.find("\nb ", first) > first >= 0 else len(plain)
    asked, answers = plain[:cut], plain[cut:]
    options = [line.split() for line in answers.split("\n")]
    words = asked.split()
    words.extend(chain.from_iterable(options))
    count = len(words)
    if count > 2 * HALF_OF_WORDS:
        words = words[:HALF_OF_WORDS] + words[-HALF_OF_WORDS:]
    different = set(words)
    kept = raw.translate(None, _NEITHER)
    marks = list(map(kept.count, _MARKS))
    log = math.log1p
    length = len(text)
    measures = (
        log(length),
        _shared(options) if answers else 0.0,
        float("0" in answers),
        (len(kept) - sum(marks)) / (length + 1),
        log(count),
        length / (count + 1),
        len(different) / (len(words) + 1),
        *map(log, marks),
    )
    return Features(measures, words, different)


def _shared(options: list[list[str]]) -> float:
    """The share of the options' words that an earlier option has too. Numbers and words of one or two letters do not
    count: they say little of how alike two answers are."""
    said = [{word for word in option if word >= "a" and len(word) > 2} for option in options]
    count = sum(map(len, said))
    return 1 - len(set().union(*said)) / count if count else 0.0


def _spaced(text: str) -> str:
    """The same of a text that is not all ASCII: each wide character is a word."""
    return _DIGIT.sub("0", _ODD.sub(" ", _WIDE.sub(r" \g<0> ", text.lower())))

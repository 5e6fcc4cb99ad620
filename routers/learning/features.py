"""Features: what can be told of a text in a few microseconds, without any model.

`MEASURES` are numbers (how long, how many numbers, which marks, how alike the answers are of which one is to be
chosen); *terms* are the different words and the pairs of
neighbouring words, in Chinese, Japanese and Korean of characters. Of a number only how many digits it has is kept.
"""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

VERSION = 2
"""Of what the features are; a model that was fitted to others cannot be used."""
MAX_CHARACTERS = 8000
"""Of one text."""
HALF_OF_WORDS = 32
"""So many words are looked at from the beginning, and as many from the end: a long text says there what it is about
and what is asked."""

MARKS = "$%/\n(=,\"_|?'-:;^+*."
MEASURES = (
    *("length", "words said again in the options", "numbers in the options", "capitals"),
    *("words", "characters a word", "numbers", "different words", *MARKS),
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
_DIGITS = bytes(byte if 48 <= byte < 58 else 32 for byte in range(256))


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
    cut = plain.find("\na ") if "\nb " in plain else -1
    options = plain[cut:] if cut >= 0 else ""
    chosen = options.split()
    words = plain[:cut].split() + chosen if chosen else plain.split()
    count = len(words)
    numbers = len(raw.translate(_DIGITS).split())
    if count > 2 * HALF_OF_WORDS:
        words = words[:HALF_OF_WORDS] + words[-HALF_OF_WORDS:]
    different = set(words)
    kept = raw.translate(None, _NEITHER)
    marks = [kept.count(mark) for mark in _MARKS]
    log = math.log1p
    length = len(text)
    measures = (
        log(length),
        1 - len(set(chosen)) / len(chosen) if chosen else 0.0,
        float("0" in options),
        (len(kept) - sum(marks)) / (length + 1),
        log(count),
        length / (count + 1),
        log(numbers),
        len(different) / (len(words) + 1),
        *[log(found) if found else 0.0 for found in marks],
    )
    return Features(measures, words, different)


def _spaced(text: str) -> str:
    """The same of a text that is not all ASCII: each wide character is a word."""
    return _DIGIT.sub("0", _ODD.sub(" ", _WIDE.sub(r" \g<0> ", text.lower())))

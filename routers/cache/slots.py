"""Slots: what a question is about beside what it asks. Two questions whose slots differ never share an answer, however
near their vectors are: an encoder puts "order 1041" next to "order 1042" and "can" next to "cannot".

Read from the characters, without a model. Names are known by how they are written: a capital inside a sentence, Latin
letters or quotation marks in a Chinese text, a form of address or a kind of place at the end; others from dictionaries
(`routers.cache.names`). What neither shows is a word like any other here: the evidence (`routers.cache.evidence`) has
to tell it apart.
"""

import re
import unicodedata
from dataclasses import dataclass

from routers.cache import names

MAX_CHARACTERS = 4000
"""A longer question is not compared: see `read`."""

_WORD = re.compile(r"[^\W_\u3400-\u9fff]+(?:['.,:/-][^\W_\u3400-\u9fff]+)*")
"""Chinese is written without spaces: a number or a Latin name between its characters is a word of its own."""
_SENTENCE_END = re.compile(r"[.!?。！？:：\n]\s*[\"'“‘(]*$")
_APOSTROPHE = str.maketrans("’", "'")
_PRONOUN = re.compile(r"i(?:'\w+)?")

_COUNTED = ("zero", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
"""Without "one", which is mostly a pronoun."""
_TENS = {"twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "thousand": "1000", "million": "1000000"}
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_COUNTED) if word} | _TENS | {"twice": "2"}
_CHINESE_NUMBER = re.compile(r"第[一二三四五六七八九十]|[一二两三四五六七八九十百千万亿零〇]{2,}|[二两三四五六七八九]")
_NOT_NUMBERS = re.compile("千万|万一|十分|一一|四处|三心二意|七七八八")

_NEGATIONS = frozenset(
    {"no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "without", "unable", "cannot", "cant", "dont"}
    | {"doesnt", "didnt", "wont", "isnt", "arent", "wasnt", "werent", "havent", "hasnt", "hadnt", "couldnt", "wouldnt"}
    | {"shouldnt", "aint"}
)
_CHINESE_NEGATION = re.compile(r"没有|不|没|别|无法|未|非(?!常)|勿")
_NOT_NEGATIONS = re.compile(
    r"不错|不好意思|差不多|不过|不管|不仅|特别|别的|别人|分别|是不是|有没有|能不能|可不可以|要不要|会不会|对不对|好不好"
)

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_QUOTED = re.compile(r"[“「『《\"]([^”」』》\"]{1,40})[”」』》\"]")
_CHINESE_NAME = re.compile(
    r"[\u4e00-\u9fff](?=先生|女士|小姐|老师|经理)"
    r"|[\u4e00-\u9fff]{2}(?=大学|医院|机场|火车站|地铁站|博物馆|博物院|公园|广场|市|省|县|寺)"
)
_NO_NAME = re.compile("[的个家些么哪这那附近周边个去在到有一]")


@dataclass(frozen=True, slots=True)
class Slots:
    """What is compared. Numbers and ids stand in their order, for "from 3 to 5" is not "from 5 to 3"."""

    numbers: tuple[str, ...]
    """Numbers, and whatever holds a digit: dates, amounts, order ids."""
    names: frozenset[str]
    negations: int
    words: frozenset[str]
    text: str
    """Casefolded: where a name of the other question is looked for."""


def read(text: str) -> Slots | None:
    """The slots of a question; None where it is too long to compare, so that nothing is answered from the cache."""
    if len(text) > MAX_CHARACTERS:
        return None
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHE)
    found = list(_WORD.finditer(text))
    words = [_word(match) for match in found]
    return Slots(
        numbers=_numbers(words, text),
        names=_names(text, found, words),
        negations=_negations(words, text),
        words=frozenset(words),
        text=text.casefold(),
    )


def differing(one: Slots, other: Slots) -> str | None:
    """The first kind of slot in which two questions differ; None where they differ in none."""
    if one.numbers != other.numbers:
        return "numbers"
    if one.negations != other.negations:
        return "negations"
    if _unshared(one, other) or _unshared(other, one):
        return "names"
    return None


def _unshared(one: Slots, other: Slots) -> bool:
    """Whether a name of one is nowhere in the other: in lower case it may be there as a word."""
    if one.names <= other.words:
        return False
    return any(name not in other.words and (name.isascii() or name not in other.text) for name in one.names)


def _numbers(words: list[str], text: str) -> tuple[str, ...]:
    written = [_NUMBER_WORDS.get(word, word) for word in words if word in _NUMBER_WORDS or _holds_digit(word)]
    if not _CHINESE.search(text):
        return tuple(written)
    return (*written, *_CHINESE_NUMBER.findall(_NOT_NUMBERS.sub(" ", text)))


def _holds_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _negations(words: list[str], text: str) -> int:
    count = sum(word in _NEGATIONS or word.endswith("n't") for word in words)
    if _CHINESE.search(text):
        count += len(_CHINESE_NEGATION.findall(_NOT_NEGATIONS.sub(" ", text)))
    return count


def _names(text: str, found: list[re.Match[str]], words: list[str]) -> frozenset[str]:
    quoted = frozenset(quoted.casefold() for quoted in _QUOTED.findall(text))
    if _CHINESE.search(text):
        latin = (word for word in words if word.isascii() and not _holds_digit(word))
        titled = (name for name in _CHINESE_NAME.findall(text) if not _NO_NAME.search(name))
        return quoted.union(latin, titled, (name.casefold() for name in names.in_chinese(text)))
    capitals = [match for match in found if match.group()[0].isupper()]
    if len(found) > 4 and 5 * len(capitals) > 4 * len(found):  # a headline, or shouted: capitals say nothing
        capitals = []
    return quoted.union(names.in_english(words), (_word(match) for match in capitals if _is_name(text, match)))


def _word(match: re.Match[str]) -> str:
    """As it is compared: whose something is says the same name."""
    return match.group().casefold().removesuffix("'s")


def _is_name(text: str, match: re.Match[str]) -> bool:
    word, before = match.group(), text[: match.start()]
    return bool(before.strip()) and not _SENTENCE_END.search(before) and not _PRONOUN.fullmatch(word.casefold())

"""Complexity: how hard a request is, in [0, 1), from cheap features of its text.

Each feature pushes on its own: score = 1 - exp(-sum of pushes), so that the score grows with every sign of
difficulty and never leaves [0, 1). A request without any is 0; 0.7 takes a sum of 1.2: two signs of reasoning, or some
600 characters. A text is as hard as its size (length, parts) or as what its words ask for, whichever is more: in a long
text such words stand by chance, and there the size tells more. Only what users say counts, for a caller's system prompt
is the same for easy and hard requests. A short follow-up inherits most of the difficulty of the turns before it: "yes,
do it" after a hard plan is not an easy request.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from routers.vocabulary import VOCABULARIES

MAX_CHARACTERS = 4000
"""Of one turn; what is longer is hard by its length alone."""
MAX_TURNS = 8
"""Earlier user turns that are looked at."""
INHERITED = 0.9
"""Share of an earlier turn's push that the next turn keeps."""
LENGTH_TOKENS = 120
"""A text of so many tokens pushes by 1: alone, it is at 0.63."""
CHARACTERS_A_TOKEN = 4.0
"""Of alphabetic text; a Chinese, Japanese or Korean character counts as a token of its own."""
STRUCTURE_PUSH = 1.2
"""Of tools, a JSON schema or an image: the light tier can do none of them."""
PART_PUSH, MOST_PARTS = 0.1, 10
"""Of each comma: between them stand clauses, conditions and the items of a list."""
FORMULA_PUSH = 0.8
QUESTION_PUSH, MOST_QUESTIONS = 0.3, 3
"""Of each question after the first."""

UNSTRUCTURED: tuple[Any, ...] = (None, {"type": "text"}, {})
"""Response formats that ask for nothing."""

_WORD = re.compile(r"[a-z]{2,}")
_LETTERS = re.sub(rb"[^a-z]", b" ", bytes(range(256)))
"""A table of `bytes.translate`: what is no letter becomes a space."""
_OPTIONS = ("\nb.", "\nb)", "\nb、")
"""A text that gives the answers to choose from asks for none to be written or reasoned out."""
_ARITHMETIC = re.compile(r"\d\s*[+*^]\s*\d")
_EQUATION = re.compile(r"\w\s*=\s*\w")
_TEX = re.compile(r"\\[a-z]+\{")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


_SIGNS = {word: name for name, vocabulary in VOCABULARIES.items() for word in vocabulary.words}
_WORDS = frozenset(_SIGNS)
_PHRASES = tuple((phrase, name) for name, vocabulary in VOCABULARIES.items() for phrase in vocabulary.phrases)
_CHINESE = tuple((phrase, name) for name, vocabulary in VOCABULARIES.items() for phrase in vocabulary.chinese)
"""What a text is looked through for at once, and the vocabulary that it is of."""


class Score(NamedTuple):
    """The score in [0, 1), each feature's push, and what was seen besides."""

    value: float
    pushes: dict[str, float]
    holds_image: bool = False


def score(fields: Mapping[str, Any]) -> Score:
    """Score a chat or completion request by its parsed body."""
    turns, holds_image = read(fields)
    pushes = _pushes(turns[-1]) if turns else {}
    if holds_image or fields.get("tools") or fields.get("response_format") not in UNSTRUCTURED:
        pushes["structure"] = STRUCTURE_PUSH
    own = sum(pushes.values())
    if len(turns) > 1 and (inherited := _inherited(turns[-1 - MAX_TURNS : -1])) > own:
        pushes["conversation"] = inherited - own
        own = sum(pushes.values())
    return Score(1.0 - math.exp(-own), pushes, holds_image)


def of_pushes(pushes: Mapping[str, float], holds_image: bool) -> Score:
    """The score that these pushes made, to the last bit: what is written down of a request scores the same again."""
    return Score(1.0 - math.exp(-sum(pushes.values())), dict(pushes), holds_image)


def _inherited(turns: Sequence[str]) -> float:
    inherited = 0.0
    for text in turns:
        inherited = INHERITED * max(inherited, sum(_pushes(text).values()))
    return inherited


def _pushes(text: str) -> dict[str, float]:
    text = text[:MAX_CHARACTERS].lower()
    size, asked = _size(text), _asked(text)
    return asked if asked and sum(asked.values()) > sum(size.values()) else size


def _size(text: str) -> dict[str, float]:
    """The pushes of how much is said."""
    is_plain = text.isascii()
    wide = 0 if is_plain else len(_WIDE.findall(text))
    pushes = {"length": (wide + (len(text) - wide) / CHARACTERS_A_TOKEN) / LENGTH_TOKENS}
    if parts := text.count(",") if is_plain else text.count(",") + text.count("，") + text.count("、"):
        pushes["parts"] = PART_PUSH * min(parts, MOST_PARTS)
    return pushes


def _asked(text: str) -> dict[str, float]:
    """The pushes of what is asked for."""
    if "\nb" in text and any(option in text for option in _OPTIONS):
        return {}
    pushes: dict[str, float] = {}
    if signs := _signs(text, _words(text)):
        for name, vocabulary in VOCABULARIES.items():
            if found := signs.count(name):
                pushes[name] = vocabulary.weight * min(found, vocabulary.most)
    if _holds_formula(text):
        pushes["formulas"] = FORMULA_PUSH
    if (questions := text.count("?") + text.count("？")) > 1:
        pushes["questions"] = QUESTION_PUSH * min(questions - 1, MOST_QUESTIONS)
    return pushes


def _words(text: str) -> Sequence[str]:
    if text.isascii():  # four times as fast as the pattern
        return text.encode().translate(_LETTERS).decode().split()
    return _WORD.findall(text)


def _signs(text: str, words: Sequence[str]) -> list[str]:
    """The vocabulary of each different word and phrase that is in one."""
    signs = [] if _WORDS.isdisjoint(words) else [_SIGNS[word] for word in _WORDS.intersection(words)]
    signs += [name for phrase, name in _PHRASES if phrase in text]
    if not text.isascii():
        signs += [name for phrase, name in _CHINESE if phrase in text]
    return signs


def _holds_formula(text: str) -> bool:
    # The patterns look at every character; most texts have none of what a match needs.
    return bool(
        "```" in text
        or ("=" in text and _EQUATION.search(text))
        or (("+" in text or "*" in text or "^" in text) and _ARITHMETIC.search(text))
        or ("\\" in text and _TEX.search(text))
    )


def read(fields: Mapping[str, Any]) -> tuple[list[str], bool]:
    """What users say, turn by turn, and whether any message holds an image. Only of a chat request are messages
    checked; of others anything may stand there."""
    prompt, messages = fields.get("prompt"), fields.get("messages")
    turns = [] if prompt is None else [_prompt_text(prompt)]
    holds_image = False
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        if isinstance(content, list):
            holds_image = holds_image or any(
                isinstance(part, dict) and part.get("type") == "image_url" for part in content
            )
        if message.get("role") == "user":
            turns.append(content if isinstance(content, str) else _text_of(content))
    return turns, holds_image


def _prompt_text(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    return "\n".join(part for part in prompt if isinstance(part, str)) if isinstance(prompt, list) else ""


def _text_of(content: Any) -> str:
    """The text parts of a message's content."""
    parts = content if isinstance(content, list) else ()
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))

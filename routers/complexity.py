"""Complexity: how hard a request is, in [0, 1), from cheap features of its text.

Each feature pushes on its own: score = 1 - exp(-sum of pushes), so that the score grows with every sign of
difficulty and never leaves [0, 1). A request without any is 0; 0.7 takes a sum of 1.2: two signs of reasoning, or
one and a long question. Only what users say counts, for a caller's system prompt is the same for easy and hard
requests. A short follow-up inherits most of the difficulty of the turns before it: "yes, do it" after a hard plan is
not an easy request.
"""

import math
import re
from collections.abc import Iterator, Mapping
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
NUMBER_PUSH, MOST_NUMBERS = 0.12, 5
FORMULA_PUSH = 0.8
QUESTION_PUSH, MOST_QUESTIONS = 0.3, 3
"""Of each question after the first."""

_WORD = re.compile(r"[a-z]{2,}")
_NUMBER = re.compile(r"\d+")
_FORMULA = re.compile(r"\d\s*[-+*/^=<>]\s*\d|\w\s*=\s*\w|\\[a-z]+\{")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Score(NamedTuple):
    """The score in [0, 1) and each feature's push."""

    value: float
    pushes: dict[str, float]


def score(fields: Mapping[str, Any]) -> Score:
    """Score a chat or completion request by its parsed body."""
    turns = list(_user_texts(fields))
    pushes = _pushes(turns[-1]) if turns else {}
    if fields.get("tools") or _is_structured(fields.get("response_format")) or has_image(fields):
        pushes["structure"] = STRUCTURE_PUSH
    inherited = 0.0
    for text in turns[-1 - MAX_TURNS : -1]:
        inherited = INHERITED * max(inherited, sum(_pushes(text).values()))
    own = sum(pushes.values())
    if inherited > own:
        pushes["conversation"] = inherited - own
    return Score(1.0 - math.exp(-max(own, inherited)), pushes)


def _pushes(text: str) -> dict[str, float]:
    text = text[:MAX_CHARACTERS].lower()
    ascii_only = text.isascii()
    wide = 0 if ascii_only else len(_WIDE.findall(text))
    tokens = wide + (len(text) - wide) / CHARACTERS_A_TOKEN
    pushes = {"length": tokens / LENGTH_TOKENS}
    words = set(_WORD.findall(text))
    for name, vocabulary in VOCABULARIES.items():
        phrases = vocabulary.phrases if ascii_only else vocabulary.phrases + vocabulary.chinese
        found = len(words & vocabulary.words) + sum([phrase in text for phrase in phrases])
        if found:
            pushes[name] = vocabulary.weight * min(found, vocabulary.most)
    numbers = len(_NUMBER.findall(text))
    if numbers:
        pushes["numbers"] = NUMBER_PUSH * min(numbers, MOST_NUMBERS)
    # The pattern looks at every character; most texts have none of what each match begins or goes on with.
    if "```" in text or ((numbers > 1 or "=" in text or "\\" in text) and _FORMULA.search(text)):
        pushes["formulas"] = FORMULA_PUSH
    if (questions := text.count("?") + text.count("？")) > 1:
        pushes["questions"] = QUESTION_PUSH * min(questions - 1, MOST_QUESTIONS)
    return pushes


def _user_texts(fields: Mapping[str, Any]) -> Iterator[str]:
    prompt = fields.get("prompt")
    if isinstance(prompt, str):
        yield prompt
    elif isinstance(prompt, list):
        yield "\n".join(part for part in prompt if isinstance(part, str))
    for message in _messages(fields):
        if message.get("role") == "user":
            yield text_of(message.get("content"))


def _messages(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages, whatever stands there: only of a chat request are they checked."""
    messages = fields.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _is_structured(response_format: Any) -> bool:
    return bool(response_format) and response_format != {"type": "text"}


def has_image(fields: Mapping[str, Any]) -> bool:
    """Whether a message holds an image."""
    for message in _messages(fields):
        content = message.get("content")
        if isinstance(content, list) and any(
            isinstance(part, dict) and part.get("type") == "image_url" for part in content
        ):
            return True
    return False

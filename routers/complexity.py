"""Complexity: how hard a request is, in [0, 1], from cheap features of its text.

Each feature pushes on its own: score = 1 - exp(-sum(weight x feature)), so that the score grows with every sign of
difficulty and never leaves [0, 1). A request without any is 0; 0.7 takes a sum of 1.2: two signs of reasoning, or
one and a long question. Only what users say counts, for a caller's system prompt is the same for easy and hard
requests. A short follow-up inherits most of the difficulty of the turns before it: "yes, do it" after a hard plan is
not an easy request.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MAX_CHARACTERS = 4000
"""Of one turn; what is longer is hard by its length alone."""
MAX_TURNS = 8
"""Earlier user turns that are looked at."""
INHERITED = 0.9
"""Share of an earlier turn's score that a later turn keeps, for each turn between."""
CHARACTERS_A_TOKEN = 4.0
"""Of alphabetic text; a Chinese, Japanese or Korean character is counted as a token of its own."""


class Feature(NamedTuple):
    """A sign of difficulty: what it weighs, how much of it counts, and what is looked for."""

    weight: float
    most: float
    pattern: re.Pattern[str]


_WORDS = re.IGNORECASE

FEATURES: dict[str, Feature] = {
    # Asks for thought rather than for a fact.
    "reasoning": Feature(
        0.7,
        3,
        re.compile(
            r"\b(?:why|explain|compar|differen|analy[sz]|evaluat|justif|prove|deriv|recommend|advis|pros and cons"
            r"|trade-?off|step by step|strateg|plan\b|which .{0,40}\b(?:should|better|best))"
            r"|为什么|为何|解释|比较|对比|相比|区别|分析|评估|证明|推导|推荐|建议|利弊|优缺点|步骤|规划|计划|怎么选|哪个更|哪款更",
            _WORDS,
        ),
    ),
    # Asks for a new text rather than for a known one.
    "writing": Feature(
        1.3,
        1,
        re.compile(
            r"\b(?:write|draft|compose|rewrite|rephrase|translat|summari[sz]e|brainstorm|generate|invent)"
            r"|撰写|写一|写个|写封|起草|改写|翻译|总结|概括|润色|生成|编一|拟一",
            _WORDS,
        ),
    ),
    # Conditions that an answer must respect together.
    "constraints": Feature(
        0.25,
        4,
        re.compile(
            r"\b(?:but|however|unless|without|must|at least|at most|exactly|except|assuming|given that|in case)\b"
            r"|但是|不过|除非|必须|至少|最多|不要|不能|假设|如果|并且|同时|前提",
            _WORDS,
        ),
    ),
    "numbers": Feature(0.12, 5, re.compile(r"\d+(?:[.,]\d+)?")),
    "formulas": Feature(
        0.8, 1, re.compile(r"```|\\frac|\\sum|[=<>]\s*\d|\d\s*[-+*/^]\s*\d|\bdef \w+\(|\bSELECT\b.+\bFROM\b")
    ),
    "questions": Feature(0.3, 3, re.compile(r"[?？](?=.*[?？])", re.DOTALL)),
}
"""Looked for in the user's text. Each match counts once, `most` matches at most."""

LENGTH_WEIGHT = 1.0
"""Of each `LENGTH_TOKENS` tokens."""
LENGTH_TOKENS = 120
STRUCTURE_WEIGHT = 1.2
"""Of tools, a JSON schema or an image: the light tier can do none of them."""

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Score(NamedTuple):
    """The score in [0, 1) and each feature's push, before the exponential."""

    value: float
    pushes: dict[str, float]


def score(fields: Mapping[str, Any]) -> Score:
    """Score a chat or completion request by its parsed body."""
    turns = list(_user_texts(fields))
    pushes = _pushes(turns[-1]) if turns else {}
    if fields.get("tools") or fields.get("response_format") or _has_image(fields):
        pushes["structure"] = STRUCTURE_WEIGHT
    inherited = 0.0
    for text in turns[-1 - MAX_TURNS : -1]:
        inherited = max(INHERITED * inherited, sum(_pushes(text).values()))
    inherited *= INHERITED
    own = sum(pushes.values())
    if inherited > own:
        pushes["conversation"] = inherited - own
    return Score(1.0 - math.exp(-max(own, inherited)), pushes)


def _pushes(text: str) -> dict[str, float]:
    text = text[:MAX_CHARACTERS]
    wide = len(_WIDE.findall(text))
    tokens = wide + (len(text) - wide) / CHARACTERS_A_TOKEN
    pushes = {"length": LENGTH_WEIGHT * tokens / LENGTH_TOKENS}
    for name, feature in FEATURES.items():
        found = len(feature.pattern.findall(text))
        if found:
            pushes[name] = feature.weight * min(found, feature.most)
    return pushes


def _user_texts(fields: Mapping[str, Any]) -> Iterator[str]:
    prompt = fields.get("prompt")
    if isinstance(prompt, str):
        yield prompt
    for message in fields.get("messages") or ():
        if message["role"] == "user":
            yield text_of(message.get("content"))


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _has_image(fields: Mapping[str, Any]) -> bool:
    return any(
        isinstance(part, dict) and part.get("type") == "image_url"
        for message in fields.get("messages") or ()
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )

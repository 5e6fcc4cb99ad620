"""A shop's traffic, made up: what people ask the shop of `examples/shop`, in which words, and how often.

Popularity is Zipf's, of topics and of the wordings of each; every week other topics are in season. Wordings are those
of the shop's knowledge and of its labelled questions, with greetings, reasons, thanks and slips of the finger. A part
asks about one order, whose answer is nobody else's, and a part asks what no entry answers. All of it is seeded.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

EXPONENT = 1.0
_WEEK = 5000
"""Requests."""
_IN_SEASON, _FACTOR = 5, 4.0
_OWN_ORDER, _UNANSWERED = 0.08, 0.05
_BEFORE = {
    "en": ("Hi, ", "Hello! ", "Hey there, ", "Good morning. ", "Quick question: ", "Sorry to bother you. "),
    "zh": ("你好，", "您好，请问", "在吗？", "请问", "想问一下，", "打扰一下，"),
}
_AFTER = {
    "en": (
        " Thanks!",
        " Thank you.",
        " I need to know soon.",
        " Please help.",
        " Cheers",
        " I could find nothing on it.",
    ),
    "zh": ("谢谢！", "麻烦了", "比较急", "帮忙看一下", "多谢", "网站上找了半天"),
}
_ORDERS = {
    "en": ("Where is order {}?", "What is the status of order {}?", "Has order {} been shipped?"),
    "zh": ("订单{}到哪里了？", "订单{}是什么状态？", "订单{}发货了吗？"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what the right answer is: equal for questions with the same answer."""

    text: str
    answer: str


def traffic(shop: Path, count: int, seed: int) -> Iterator[Question]:
    """So many questions, in the order in which they come."""
    chance = random.Random(seed)
    wordings = _wordings(shop)
    unanswered = wordings.pop(None)
    topics = sorted(wordings, key=str)
    chance.shuffle(topics)
    weights = _zipf(len(topics))
    for number in range(count):
        if number % _WEEK == 0:
            season = {chance.randrange(len(topics)) for _ in range(_IN_SEASON)}
            shares = [weight * (_FACTOR if row in season else 1) for row, weight in enumerate(weights)]
        drawn = chance.random()
        if drawn < _OWN_ORDER:
            yield _about_an_order(chance)
        elif drawn < _OWN_ORDER + _UNANSWERED:
            language, text = chance.choice(unanswered)
            yield Question(_reworded(text, language, chance), f"no entry: {text}")
        else:
            (topic,) = chance.choices(topics, shares)
            language, text = chance.choices(wordings[topic], _zipf(len(wordings[topic])))[0]
            yield Question(_reworded(text, language, chance), f"{topic} ({language})")


def _wordings(shop: Path) -> dict[str | None, list[tuple[str, str]]]:
    """Entry -> (language, question); None for what no entry answers."""
    found: dict[str | None, list[tuple[str, str]]] = {}
    for path in sorted((shop / "knowledge").glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            for language in _BEFORE:
                found.setdefault(entry["id"], []).extend((language, text) for text in entry[language]["questions"])
    for line in (shop / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        labelled = json.loads(line)
        found.setdefault(labelled["entry"], []).append((labelled["language"], labelled["question"]))
    for texts in found.values():
        random.Random(len(texts)).shuffle(texts)
    return found


def _zipf(count: int) -> list[float]:
    return [1 / rank**EXPONENT for rank in range(1, count + 1)]


def _about_an_order(chance: random.Random) -> Question:
    number, language = chance.randrange(10_000, 99_999), chance.choice(list(_ORDERS))
    return Question(chance.choice(_ORDERS[language]).format(number), f"order {number} ({language})")


def _reworded(text: str, language: str, chance: random.Random) -> str:
    if chance.random() < 0.25:
        text = _slipped(text, chance.randrange(1, len(text) - 1))
    if chance.random() < 0.3:
        text = text.rstrip("?？.。!！") + chance.choice(("", ".", "??"))
    if chance.random() < 0.4:
        text = chance.choice(_BEFORE[language]) + text
    if chance.random() < 0.3:
        text += chance.choice(_AFTER[language])
    return text


def _slipped(text: str, place: int) -> str:
    """With a letter left out, or where letters are no Latin ones, said twice."""
    return text[:place] + ("" if text[place].isascii() else text[place] * 2) + text[place + 1 :]

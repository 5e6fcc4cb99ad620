"""Warming: a file of questions, asked at a bounded rate, so that their answers are kept before callers come."""

import asyncio
import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2

from control_plane.client.reaching import trusted
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.warming import WARMING

MOST_BYTES = 64 * 1024 * 1024
MOST_TRIES = 3
"""Of one question, where the mesh says when to come back."""
MOST_WAIT_SECONDS = 30.0
SECONDS = 300.0
"""For one answer."""
_CACHED = frozenset({"hit-exact", "hit-semantic", "coalesced"})


class Question(NamedTuple):
    """What is asked, and of whom; None: of the model that the command names."""

    text: str
    model: str | None


@dataclass
class Tally:
    """What came of the questions."""

    asked: int = 0
    answered: int = 0
    cached: int = 0
    failed: int = 0
    unreached: int = 0
    """Of the failed, those that nobody took."""
    errors: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: str) -> None:
        """One more: `answered`, `cached`, or why not."""
        self.asked += 1
        if outcome == "answered":
            self.answered += 1
        elif outcome == "cached":
            self.cached += 1
        else:
            self.failed += 1
            self.errors[outcome] += 1


class Pace(NamedTuple):
    """How fast to ask."""

    per_second: float
    at_once: int


class Mesh(NamedTuple):
    """Whom to ask, and how."""

    url: str
    """With /v1 at its end."""
    key: str | None
    model: str | None
    fields: dict[str, Any]
    """What else each request says."""


def read(path: Path) -> list[Question]:
    """The questions of a file, each once: CSV (.csv) or JSON lines (.jsonl) with `text` and maybe `model`, or one a
    line.

    Raises TiermeshError(INVALID_REQUEST) with the line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TiermeshError(Code.INVALID_REQUEST, f"{path} is larger than {MOST_BYTES} bytes.", "Split it.")
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Give a text file in UTF-8.") from error
    readers: dict[str, Callable[[str], Iterable[tuple[int, object, object]]]] = {".csv": _csv, ".jsonl": _lines}
    found = [_question(*row, path) for row in readers.get(path.suffix.lower(), _plain)(content)]
    if not found:
        raise TiermeshError(Code.INVALID_REQUEST, f"There is no question in {path}.", "Write one a line.")
    return list(dict.fromkeys(found))


def _plain(content: str) -> Iterable[tuple[int, object, object]]:
    return ((number, line, None) for number, line in enumerate(content.splitlines(), 1) if line.strip())


def _csv(content: str) -> Iterable[tuple[int, object, object]]:
    rows = csv.DictReader(io.StringIO(content, newline=""))
    return ((rows.line_num, row.get("text"), row.get("model") or None) for row in rows)


def _lines(content: str) -> Iterable[tuple[int, object, object]]:
    for number, line, _ in _plain(content):
        try:
            row = json.loads(str(line))
        except ValueError:
            row = None
        yield (number, row.get("text"), row.get("model")) if isinstance(row, dict) else (number, None, None)


def _question(number: int, text: object, model: object, path: Path) -> Question:
    if not isinstance(text, str) or not text.strip() or not (model is None or isinstance(model, str)):
        hint = 'Each has a text, and may name a model: text,model in CSV, {"text": "…", "model": "…"} in JSON lines.'
        raise TiermeshError(Code.INVALID_REQUEST, f"Line {number} of {path} is no question.", hint)
    return Question(text.strip(), model)


async def warm(questions: Iterable[Question], mesh: Mesh, pace: Pace, told: Callable[[], object]) -> Tally:
    """Ask all; `told` is called after each.

    Raises TiermeshError(UNAVAILABLE) where nobody answers at the address.
    """
    tally, turns = Tally(), asyncio.Semaphore(pace.at_once)
    headers = {} if mesh.key is None else {"authorization": f"Bearer {mesh.key}"}
    limits = httpx2.Limits(max_connections=pace.at_once)
    url = mesh.url.rstrip("/")
    async with httpx2.AsyncClient(
        trust_env=False, verify=trusted(url), headers=headers, limits=limits, timeout=SECONDS
    ) as http:

        async def ask(question: Question) -> None:
            try:
                tally.count(await _asked(http, f"{url}/chat/completions", question, mesh))
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                tally.unreached += 1
                tally.count(type(error).__name__)
            finally:
                turns.release()
            told()

        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, question in enumerate(questions):
                await asyncio.sleep(max(0.0, begun + number / pace.per_second - time.monotonic()))
                await turns.acquire()
                if tally.unreached and tally.unreached == tally.asked:
                    break
                group.create_task(ask(question))
    if tally.unreached and tally.unreached == tally.asked:
        hint = "Start it, or give its address with --mesh."
        raise TiermeshError(Code.UNAVAILABLE, f"Nobody answers at {url}: {next(iter(tally.errors))}.", hint)
    return tally


async def _asked(http: httpx2.AsyncClient, url: str, question: Question, mesh: Mesh) -> str:
    """answered, cached, or why not."""
    said = [{"role": "user", "content": question.text}]
    body = {**mesh.fields, "model": question.model or mesh.model, "messages": said}
    for _ in range(MOST_TRIES):
        response = await http.post(url, json=body, headers={"x-request-id": f"{WARMING}{uuid4().hex}"})
        wait = _seconds(response.headers.get("retry-after"))
        if response.status_code != httpx2.codes.TOO_MANY_REQUESTS or wait is None:
            break
        await asyncio.sleep(wait)
    if response.is_error:
        return _why(response)
    return "cached" if response.headers.get("x-tiermesh-cache") in _CACHED else "answered"


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After; None where it does not say, or asks for too long."""
    if text is None or not text.isascii() or not text.isdigit() or int(text[:9]) > MOST_WAIT_SECONDS:
        return None
    return float(text)


def _why(response: httpx2.Response) -> str:
    try:
        error = response.json()["error"]
        return f"{response.status_code} {error.get('code')}: {str(error.get('message'))[:200]}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{response.status_code}: no answer of a mesh"

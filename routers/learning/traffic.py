"""Traffic: requests that a router has logged, and what was reported of their answers; read for a replay.

A log holds lines of two kinds. `{"requestId", "tier", "propensity", "artifact", "gain", "prompt"?}` is a request, as a
router writes it; `prompt` is what its user said, a text or a list of turns, and is there only where content is
recorded. `{"requestId", "value", "name"?}` is a report of its answer, as callers send it. A request may carry its own
`reward`.
"""

import gzip
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from control_plane.spec.errors import Code, TiermeshError
from routers.encoder import Vectors
from routers.learning.gain import GainModel, embedded
from routers.learning.off_policy import Logged

_TIERS = {"light": False, "heavy": True}
_HEAVY = 1.0
"""A gain that is below no threshold."""

Embed = Callable[[Sequence[str]], Vectors]
"""One vector a text."""


@dataclass(frozen=True, slots=True)
class Request:
    """One logged request. `turns` is None where what was said is not recorded."""

    place: str
    """File and line."""
    id: str | None
    heavy: bool
    propensity: float
    artifact: str | None
    gain: float | None
    turns: tuple[str, ...] | None
    reward: float | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was read."""

    requests: tuple[Request, ...]
    """Those of which it is known how good the answer was."""
    unjudged: int
    """The others."""


def read(paths: Sequence[Path], outcome: str) -> Traffic:
    """All files together; reports of another name than `outcome` are left out, and of several the first counts.

    Raises TiermeshError(INVALID_REQUEST) naming file, line and field.
    """
    requests: list[Request] = []
    rewards: dict[str, float] = {}
    for path in paths:
        for place, fields in _lines(path):
            if "tier" in fields:
                requests.append(_request(place, fields))
            elif fields.get("name", outcome) == outcome:
                rewards.setdefault(_text(place, fields, "requestId"), _number(place, fields, "value", 0, 1))
    known = (one if one.reward is not None else _rewarded(one, rewards.get(one.id or "")) for one in requests)
    judged = [one for one in known if one.reward is not None]
    if len(judged) < 2:
        message = f"Of {len(requests)} requests, {len(judged)} have a report named {outcome!r}."
        hint = "Give the reports too, a JSON line each with requestId, name and value, or name another --outcome."
        raise TiermeshError(Code.INVALID_REQUEST, message, hint)
    return Traffic(tuple(judged), len(requests) - len(judged))


def scored(requests: Sequence[Request], model: GainModel, name: str, embed: Embed) -> Logged:
    """The requests as this model, of this name, estimates them: as it did then, or by what was said. `embed` is asked
    at most once, and where the model has an embedding alone.

    Raises TiermeshError(INVALID_REQUEST) where another model has estimated them, and what was said is not recorded;
    and what `embed` raises.
    """
    known = [one.gain if one.artifact == name else None for one in requests]
    said = [_said(one, name) for one, gain in zip(requests, known, strict=True) if gain is None]
    fresh = iter(_gains(said, model, embed))
    return Logged(
        gains=np.array([next(fresh) if gain is None else gain for gain in known]),
        heavy=np.array([one.heavy for one in requests]),
        propensities=np.array([one.propensity for one in requests]),
        rewards=np.array([one.reward for one in requests], dtype=np.float64),
    )


def _gains(said: Sequence[Sequence[str]], model: GainModel, embed: Embed) -> list[float]:
    if not model.embedding:
        return [model.gain(turns) for turns in said]
    texts = sorted({text for turns in said if (text := embedded(turns))})
    vectors = dict(zip(texts, embed(texts).tolist(), strict=True)) if texts else {}
    # Where nothing is there to be embedded, a router asks the heavy tier.
    return [model.gain(turns, vectors[text]) if (text := embedded(turns)) else _HEAVY for turns in said]


def _said(one: Request, name: str) -> tuple[str, ...]:
    if one.turns is not None:
        return one.turns
    message = f"{one.place}: what was said is not recorded, and {name} did not estimate it then."
    hint = "Another artifact can be replayed only on a log with content: TIERMESH_ROUTER_TRAFFIC_CONTENT=true."
    raise TiermeshError(Code.INVALID_REQUEST, message, hint)


def _request(place: str, fields: Mapping[str, Any]) -> Request:
    tier = _text(place, fields, "tier")
    if tier not in _TIERS:
        raise _wrong(place, "tier", f"is {tier!r}", "Write light or heavy.")
    said = fields.get("prompt")
    turns = (said,) if isinstance(said, str) else said
    if turns is not None and not (isinstance(turns, list | tuple) and all(isinstance(turn, str) for turn in turns)):
        raise _wrong(place, "prompt", "is neither a text nor a list of texts", "Write what the user said.")
    if not _is_unicode(turns or ()):
        raise _wrong(place, "prompt", "holds half a character (a lone surrogate)", "Write what the user said.")
    propensity = _number(place, fields, "propensity", 0, 1)
    if not propensity:
        raise _wrong(place, "propensity", "is 0, and the tier was given all the same", "Write the true probability.")
    return Request(
        place=place,
        id=None if fields.get("requestId") is None else _text(place, fields, "requestId"),
        heavy=_TIERS[tier],
        propensity=propensity,
        artifact=None if fields.get("artifact") is None else _text(place, fields, "artifact"),
        gain=None if fields.get("gain") is None else _number(place, fields, "gain", -math.inf, math.inf),
        turns=None if turns is None else tuple(turns),
        reward=None if fields.get("reward") is None else _number(place, fields, "reward", 0, 1),
    )


def _is_unicode(texts: Iterable[str]) -> bool:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def _rewarded(one: Request, reward: float | None) -> Request:
    return replace(one, reward=reward)


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                place = f"{path}, line {number}"
                try:
                    fields = json.loads(line)
                except ValueError as error:
                    raise _wrong(place, "", "is not JSON", "Write one object a line.") from error
                if not isinstance(fields, dict):
                    raise _wrong(place, "", "is no object", "Write one object a line.")
                yield place, fields
    except (OSError, EOFError, UnicodeError) as error:
        raise _wrong(str(path), "", f"cannot be read: {error}", "Give JSON lines in UTF-8, plain or gzip.") from error


def _text(place: str, fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(place, name, "is not there" if value is None else "is no text", f"Each line has {name!r}.")
    return value


def _number(place: str, fields: Mapping[str, Any], name: str, low: float, high: float) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or value != value:
        raise _wrong(place, name, f"is {str(value)[:40]}", f"Write a number from {low:g} to {high:g}.")
    return float(value)


def _wrong(place: str, field: str, what: str, cure: str) -> TiermeshError:
    return TiermeshError(Code.INVALID_REQUEST, f"{place}{', ' if field else ''}{field} {what}.", cure)

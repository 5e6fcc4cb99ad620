"""Labelled pairs: what was asked, and how good the answer of each tier was."""

import csv
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError

Vector = NDArray[np.float64]

MAX_CHARACTERS = 1_000_000
"""Of one field."""
_NEEDED = ("prompt", "weak", "strong")
_TEXT: dict[str, Any] = {"encoding": "utf-8-sig", "newline": ""}
_LEFT_OUT = "contaminated"
"""A row with 1 here is known to stand in the training data of whoever made the file."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """n questions with the quality of each tier's answer in [0, 1], and the domain of each where the data has any."""

    prompts: tuple[str, ...]
    weak: Vector
    strong: Vector
    domains: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def gains(self) -> Vector:
        """What the heavy tier's answer is better by: shape (n,), in [-1, 1]."""
        return self.strong - self.weak

    def take(self, rows: NDArray[np.intp]) -> "Pairs":
        """These rows."""
        domains = None if self.domains is None else tuple(self.domains[row] for row in rows)
        return Pairs(tuple(self.prompts[row] for row in rows), self.weak[rows], self.strong[rows], domains)


def read(paths: Sequence[Path]) -> Pairs:
    """The rows of all files: CSV with a heading or JSON lines, either with `.gz`.

    Scores other than 0 to 1 are divided by the largest of their file. Raises TiermeshError(INVALID_REQUEST) naming
    file, line and column.
    """
    parts = [_file(path) for path in paths]
    domains = [part.domains for part in parts]
    return Pairs(
        tuple(prompt for part in parts for prompt in part.prompts),
        np.concatenate([part.weak for part in parts]),
        np.concatenate([part.strong for part in parts]),
        None if None in domains else tuple(name for part in domains for name in part or ()),
    )


def _file(path: Path) -> Pairs:
    try:
        rows = list(_rows(path))
    except (OSError, EOFError, UnicodeError, csv.Error, gzip.BadGzipFile) as error:
        raise _wrong(path, f"cannot be read: {error}", "Give CSV or JSON lines in UTF-8, plain or gzip.") from error
    rows = [(line, row) for line, row in rows if str(row.get(_LEFT_OUT) or "0").lower() not in ("1", "true")]
    if not rows:
        raise _wrong(path, "holds no rows", "Give at least one question with the score of each tier's answer.")
    scores = np.array([[_score(path, line, row, name) for name in ("weak", "strong")] for line, row in rows])
    scores /= max(1.0, float(scores.max()))
    has_domains = all(row.get("domain") for _, row in rows)
    return Pairs(
        tuple(_prompt(path, line, row) for line, row in rows),
        scores[:, 0],
        scores[:, 1],
        tuple(str(row["domain"]) for _, row in rows) if has_domains else None,
    )


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row and its line."""
    with gzip.open(path, "rt", **_TEXT) if path.suffix == ".gz" else path.open(**_TEXT) as lines:
        if ".jsonl" in path.suffixes:
            yield from _json_rows(path, lines)
        else:
            csv.field_size_limit(MAX_CHARACTERS)
            reader = csv.DictReader(lines)
            if missing := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
                found = ", ".join(reader.fieldnames or ()) or "none"
                raise _wrong(path, f"lacks the column {missing[0]!r}", f"Its first line names {found}.")
            for row in reader:
                yield reader.line_num, row


def _json_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _wrong(path, f"line {number} is not JSON", "Write one object a line.") from error
        if not isinstance(row, dict) or (missing := [name for name in _NEEDED if name not in row]):
            lacking = missing[0] if isinstance(row, dict) else _NEEDED[0]
            raise _wrong(path, f"line {number} lacks {lacking!r}", "Each line is an object with prompt, weak, strong.")
        yield number, row


def _score(path: Path, line: int, row: Mapping[str, Any], name: str) -> float:
    try:
        score = float(row[name])
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score) or score < 0:
        cure = "A score is a number of at least 0: 0 and 1, or marks."
        raise _wrong(path, f"line {line}, column {name!r}: {str(row[name])[:40]!r} is no score", cure)
    return score


def _prompt(path: Path, line: int, row: Mapping[str, Any]) -> str:
    prompt = row["prompt"]
    if not isinstance(prompt, str) or not prompt.strip():
        raise _wrong(
            path, f"line {line}, column 'prompt': there is no text", "Leave the row out, or say what was asked."
        )
    return prompt


def _wrong(path: Path, what: str, cure: str) -> TiermeshError:
    return TiermeshError(Code.INVALID_REQUEST, f"{path} {what}.", cure)

"""Files of labelled questions: CSV with a header, plain or gzipped; other columns are ignored.

`text,intent`: questions with the same intent have the same answer.
`q1,q2,label`: the cache holds the answer to q1; label is 1 where it answers q2 too.
"""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from control_plane.spec.errors import Code, TiermeshError

INTENTS, PAIRS = ("text", "intent"), ("q1", "q2", "label")
_GZIP = b"\x1f\x8b"
_LABELS = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class Intents:
    """Questions, and what each means."""

    texts: Sequence[str]
    intents: Sequence[str]

    @property
    def questions(self) -> int:
        """How many there are to embed."""
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Questions in the cache, as many that are asked, and whether the one's answer is the other's."""

    cached: Sequence[str]
    asked: Sequence[str]
    same: Sequence[bool]

    @property
    def questions(self) -> int:
        """How many there are to embed."""
        return len(self.cached) + len(self.asked)


def read(path: Path) -> Intents | Pairs:
    """The questions of a file.

    Raises TiermeshError(INVALID_REQUEST) that names the file, the line and the cure where it is another kind of file.
    """
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if content.startswith(_GZIP) else content).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise _wrong(path, f"it cannot be read: {error}", "Give a CSV file in UTF-8, plain or gzipped.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = reader.fieldnames or ()
    try:
        if set(INTENTS) <= set(columns):
            rows = _rows(path, reader, INTENTS)
            return Intents([row[0] for row in rows], [row[1] for row in rows])
        if set(PAIRS) <= set(columns):
            rows = _rows(path, reader, PAIRS)
            return Pairs([row[0] for row in rows], [row[1] for row in rows], [_LABELS[row[2]] for row in rows])
    except csv.Error as error:
        raise _wrong(path, f"line {reader.line_num}: {error}", "Write it as CSV.") from error
    cure = f"Name them {','.join(INTENTS)} or {','.join(PAIRS)} in its first line."
    raise _wrong(path, f"it has the columns {', '.join(columns) or '(none)'}", cure)


def check_size(path: Path, read: Intents | Pairs, fewest: int) -> None:
    """Raises TiermeshError(INVALID_REQUEST) where there are too few lines to be dealt out."""
    lines = len(read.texts) if isinstance(read, Intents) else len(read.same)
    if lines < fewest:
        raise _wrong(path, f"it has {lines} questions", f"Give at least {fewest}; the bounds need some thousands.")


def _rows(path: Path, reader: "csv.DictReader[str]", columns: Sequence[str]) -> list[list[str]]:
    rows = []
    for row in reader:
        rows.append([(row[column] or "").strip() for column in columns])
        _check(path, reader.line_num, dict(zip(columns, rows[-1], strict=True)))
    return rows


def _check(path: Path, line: int, row: Mapping[str, str]) -> None:
    if empty := [column for column, value in row.items() if not value]:
        raise _wrong(path, f"line {line} has no {' and no '.join(empty)}", "Fill it in, or leave the line out.")
    if row.get("label", "0") not in _LABELS:
        raise _wrong(path, f"line {line} has the label {row['label']!r}", "Write 1 for the same answer, 0 for another.")


def _wrong(path: Path, why: str, cure: str) -> TiermeshError:
    return TiermeshError(Code.INVALID_REQUEST, f"{path} cannot be evaluated: {why}.", cure)

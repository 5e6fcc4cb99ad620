"""Knowledge: the questions a shop is asked and what it says, read from a folder of YAML files.

A file is a list of entries; each says the same thing in one or more languages:

    - id: delivery-time
      en:
        questions: [How long does delivery take?]
        answer: Two to four working days.
      zh:
        questions: [多久能送到？]
        answer: 两到四个工作日。
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from control_plane.spec.documents import field_errors
from control_plane.spec.errors import Code, TiermeshError

_Text = Annotated[str, Field(min_length=1)]


class Wording(BaseModel):
    """An entry in one language: ways to ask, and the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    questions: tuple[_Text, ...] = Field(min_length=1)
    answer: _Text


class _Written(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}$")]
    __pydantic_extra__: dict[str, Wording] = Field(init=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the shop knows."""

    id: str
    wordings: Mapping[str, Wording]
    """Language code -> wording, in the order of the file."""

    def answer(self, language: str) -> str:
        """The answer in this language, or in the entry's first where it has none."""
        first = next(iter(self.wordings))
        return self.wordings.get(language, self.wordings[first]).answer


def load(folder: Path) -> tuple[Entry, ...]:
    """All entries of a folder's *.yaml files, files in order of their names.

    Raises TiermeshError(SETUP) that names the file and the field where the folder is missing or wrong.
    """
    if not folder.is_dir():
        raise _wrong(folder, "it is not a folder")
    entries: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.yaml")):
        for entry in _entries(path):
            if entry.id in entries:
                raise _wrong(path, f"the id {entry.id!r} stands twice")
            entries[entry.id] = entry
    if len(entries) < 2:
        raise _wrong(folder, "it needs at least two entries, so that a question can be nearer to one than to another")
    return tuple(entries.values())


def _entries(path: Path) -> Iterator[Entry]:
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise _wrong(path, f"it is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, list):
        raise _wrong(path, "it must be a list of entries")
    for position, item in enumerate(data):
        try:
            written = _Written.model_validate(item)
        except ValidationError as error:
            first = field_errors(error)[0]
            raise _wrong(path, f"[{position}].{first.field}: {first.message}") from error
        if not written.__pydantic_extra__:
            raise _wrong(path, f"[{position}] has no language: write en: or zh: with questions and answer")
        yield Entry(written.id, written.__pydantic_extra__)


def _wrong(path: Path, why: str) -> TiermeshError:
    return TiermeshError(
        Code.SETUP, f"The knowledge in {path} cannot be used: {why}.", "Correct it; see examples/shop/."
    )

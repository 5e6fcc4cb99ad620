"""Learned routers: what a Route and a control plane have to know of an artifact of `tiermesh router train`.

An artifact is named by the hash of its text, so that whoever has one under its name has what was trained.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.written import Written

SUFFIX = ".router.json"
"""Of a file with an artifact; before it stands its name."""
MAX_BYTES = 8 * 1024 * 1024
"""Of one: ten times what 30,000 words and pairs of words take."""
RouterName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""The first 16 hex digits of the sha256 of its text."""


class Kept(Spec):
    """A quality contract and the threshold that keeps it."""

    max_quality_loss: float = Field(gt=0, lt=1)
    confidence: float = Field(gt=0, lt=1)
    threshold: float | None
    """Requests of an estimate below it go to the light tier; null: nothing could be shown, all go to the heavy tier."""
    saved: float = Field(ge=0, le=1)
    """The share of the questions below it, of those that chose it."""
    calibrated_on: int = Field(ge=0)


class LearnedRouter(Written):
    """What is read of an artifact outside routers; these read the rest, and refuse what they cannot use."""

    schema_version: int
    kind: Literal["GainModel"]
    features: int
    """The version of what a text's features are."""
    encoder: str | None
    """What embeds its texts; None where nothing does."""
    contracts: tuple[Kept, ...]

    def keeps(self, max_quality_loss: float, confidence: float) -> Kept | None:
        """As `keeping`."""
        return keeping(self.contracts, max_quality_loss, confidence)


def keeping(contracts: Iterable[Kept], max_quality_loss: float, confidence: float) -> Kept | None:
    """Of the contracts that promise as much or more, the one that promises least; None where there is none."""
    enough = [kept for kept in contracts if kept.max_quality_loss <= max_quality_loss and kept.confidence >= confidence]
    return max(enough, key=lambda kept: (kept.max_quality_loss, -kept.confidence), default=None)


def name_of(text: str) -> str:
    """What an artifact of this text is named."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(name: str, text: str) -> LearnedRouter:
    """What an artifact says. Raises TiermeshError(INVALID_DOCUMENT) where it is none, or not the one of this name."""
    if name_of(text) != name:
        message = f"{name}{SUFFIX} does not hold what its name says: its content has the hash {name_of(text)}."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, "Take the file anew, under the name it was written with.")
    try:
        return LearnedRouter.model_validate_json(text)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"])) or "the document"
        message = f"{name}{SUFFIX} is no router's artifact: {field}: {wrong['msg']}."
        hint = "Train it with this version of 'tiermesh router train'."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, hint, errors=(FieldError(field, wrong["msg"]),)) from error

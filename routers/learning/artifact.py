"""The artifact: a gain model as a file that says what it is, whose name is the hash of what it holds."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import SUFFIX, Kept, name_of
from routers.learning.features import MEASURES, VERSION, Term
from routers.learning.gain import GainModel, Line


class Origin(Spec):
    """What the model was fitted to."""

    files: dict[str, str]
    """The sha256 of each file, by its name."""
    rows: int = Field(ge=1)
    seed: int


class Artifact(Spec):
    """A fitted model. Terms are words, and pairs of them with a space between."""

    schema_version: Literal[1] = 1
    kind: Literal["GainModel"] = "GainModel"
    features: Literal[1]
    """The version of the features: `routers.learning.features.VERSION`."""
    intercept: float
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    slopes: tuple[float, ...]
    terms: dict[str, float]
    encoder: str | None
    embedding: tuple[float, ...]
    contracts: tuple[Kept, ...]
    origin: Origin

    @model_validator(mode="after")
    def _whole(self) -> "Artifact":
        if any(len(part) != len(MEASURES) for part in (self.lows, self.highs, self.slopes)):
            raise ValueError(f"lows, highs and slopes hold {len(MEASURES)} numbers each")
        if (self.encoder is None) != (not self.embedding):
            raise ValueError("encoder and embedding stand together")
        return self

    @classmethod
    def of(cls, model: GainModel, encoder: str | None, contracts: tuple[Kept, ...], origin: Origin) -> "Artifact":
        """As a file."""
        return cls(
            features=VERSION,
            intercept=model.intercept,
            lows=tuple(line.low for line in model.lines),
            highs=tuple(line.high for line in model.lines),
            slopes=tuple(line.slope for line in model.lines),
            terms={term if isinstance(term, str) else " ".join(term): weight for term, weight in model.terms.items()},
            encoder=encoder if model.embedding else None,
            embedding=model.embedding,
            contracts=contracts,
            origin=origin,
        )

    def model(self) -> GainModel:
        """What scores."""
        lines = tuple(map(Line, self.lows, self.highs, self.slopes))
        return GainModel(
            self.intercept, lines, {_term(text): each for text, each in self.terms.items()}, self.embedding
        )

    def text(self) -> str:
        """Its JSON: the same for the same content."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), ensure_ascii=False, sort_keys=True) + "\n"

    def save(self, folder: Path) -> Path:
        """Write it under its hash."""
        text = self.text()
        path = folder / f"{name_of(text)}{SUFFIX}"
        path.write_text(text, encoding="utf-8")
        return path


def load(path: Path) -> Artifact:
    """Read an artifact. Raises TiermeshError(INVALID_DOCUMENT) naming the wrong field, or where its content is not what
    its name says."""
    try:
        text = path.read_text(encoding="utf-8")
        found = Artifact.model_validate_json(text)
    except (OSError, UnicodeError) as error:
        raise TiermeshError(Code.NOT_FOUND, f"{path} cannot be read: {error}.", "Name an artifact.") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"])) or "the document"
        message = f"{path} is no router's artifact: {field}: {wrong['msg']}."
        raise TiermeshError(
            Code.INVALID_DOCUMENT, message, "Train it with this version of 'tiermesh router train'."
        ) from error
    if path.name != f"{name_of(text)}{SUFFIX}":
        message = f"{path} does not hold what its name says: its content has the hash {name_of(text)}."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, "Take the file anew, under the name it was written with.")
    return found


def _term(text: str) -> Term:
    first, _, second = text.partition(" ")
    return (first, second) if second else first

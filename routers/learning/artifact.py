"""The artifact: a gain model as a file that says what it is, whose name is the hash of what it holds."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import SUFFIX, Kept, name_of
from routers.learning.features import MEASURES, VERSION, Term
from routers.learning.gain import GainModel, Odds


class Origin(Spec):
    """What the model was fitted to."""

    files: dict[str, str]
    """The sha256 of each file, by its name."""
    rows: int = Field(ge=1)
    seed: int


class Weights(Spec):
    """A tier's odds to be right. Terms are words, and pairs of them with a space between."""

    intercept: float
    slopes: tuple[float, ...]
    terms: dict[str, float]
    embedding: tuple[float, ...]

    @classmethod
    def of(cls, odds: Odds) -> "Weights":
        """As a file."""
        terms = {term if isinstance(term, str) else " ".join(term): weight for term, weight in odds.terms.items()}
        return cls(intercept=odds.intercept, slopes=odds.slopes, terms=terms, embedding=odds.embedding)

    def odds(self) -> Odds:
        """What scores."""
        terms = {_term(text): each for text, each in self.terms.items()}
        return Odds(self.intercept, self.slopes, terms, self.embedding)


class Artifact(Spec):
    """A fitted model."""

    schema_version: Literal[3] = 3
    kind: Literal["GainModel"] = "GainModel"
    features: Literal[3]
    """The version of the features: `routers.learning.features.VERSION`."""
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    light: Weights
    heavy: Weights
    encoder: str | None
    """The encoder of the embeddings that it needs: `routers.encoder.NanoEncoder.name`. Null: it needs none."""
    contracts: tuple[Kept, ...]
    origin: Origin

    @model_validator(mode="after")
    def _whole(self) -> "Artifact":
        if any(len(part) != len(MEASURES) for part in (self.lows, self.highs, self.light.slopes, self.heavy.slopes)):
            raise ValueError(f"lows, highs and slopes hold {len(MEASURES)} numbers each")
        if len(self.light.embedding) != len(self.heavy.embedding):
            raise ValueError("the embeddings of light and heavy hold as many numbers")
        if (self.encoder is None) != (not self.light.embedding):
            raise ValueError("encoder and embedding stand together")
        return self

    @classmethod
    def of(cls, model: GainModel, encoder: str | None, contracts: tuple[Kept, ...], origin: Origin) -> "Artifact":
        """As a file."""
        return cls(
            features=VERSION,
            lows=model.lows,
            highs=model.highs,
            light=Weights.of(model.light),
            heavy=Weights.of(model.heavy),
            encoder=encoder if model.embedding else None,
            contracts=contracts,
            origin=origin,
        )

    def model(self) -> GainModel:
        """What scores."""
        return GainModel(self.lows, self.highs, self.light.odds(), self.heavy.odds())

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

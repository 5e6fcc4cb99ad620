"""Gate: what a version of the model registry must have shown before a Model serves it."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.uris import Sha256

Share = Annotated[float, Field(ge=0, le=1)]


class Thresholds(Spec):
    """How well a version must do on the questions of the evaluation file."""

    pass_rate: Share = 1
    """The share of the questions that it has to pass."""
    lower_bound: Share | None = None
    """The one-sided 95% Clopper-Pearson lower bound of that share. A small file cannot show much: 10 of 10 questions
    give .74, 59 of 59 give .95."""
    tags: dict[str, Share] = Field(default_factory=dict, max_length=100)
    """The share of the questions that carry a tag: `{safety: 1}`."""


def _file(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("file", "https", "http") or not rest:
        raise ValueError("must be file://PATH or https://HOST/PATH of a YAML or JSON lines file")
    return value


Evaluation = Annotated[
    str, Field(max_length=2000, json_schema_extra={"pattern": "^(file|https?)://."}), AfterValidator(_file)
]


class Gate(Spec):
    """An evaluation that has to be passed, with exactly the weights that will be served."""

    evaluation: Evaluation
    """The file with the questions, which the control plane reads: see docs/models.md."""
    sha256: Sha256 | None = None
    """Of that file. By default what the file says now is what counts, so that changing it closes the gate."""
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _is_fixed_where_it_is_far(self) -> Self:
        if self.sha256 is None and not self.evaluation.startswith("file://"):
            raise ValueError("an evaluation at a URL needs sha256: what is there may change unseen")
        return self

"""Written: what routers write down for the control plane."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from control_plane.spec.base import Moment, Spec

_LATEST_SECONDS = 2e10
_SECONDS = {"type": "number", "minimum": 0, "maximum": _LATEST_SECONDS, "description": "Since 1970."}


def _moment(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST_SECONDS:
        return datetime.fromtimestamp(value, UTC)
    return value


WrittenMoment = Annotated[
    Moment,
    BeforeValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, _SECONDS]}, mode="validation"),
]
"""Routers write seconds: they have no time for more."""


class Written(Spec):
    """A part of a record. Routers are upgraded before the control plane: what only they know is left out here."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, data: Any) -> Any:
        return data

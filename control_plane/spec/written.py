"""Written: what routers write down for the control plane."""

from typing import Any

from pydantic import ConfigDict, model_validator

from control_plane.spec.base import Spec


class Written(Spec):
    """A part of a record. Routers are upgraded before the control plane: what only they know is left out here."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, data: Any) -> Any:
        return data

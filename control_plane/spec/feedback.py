"""Feedback as callers write it: of a request by its id, or of a unit by the name that it has outside."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from control_plane.spec.arms import UnitId
from control_plane.spec.base import Moment, Spec
from control_plane.spec.decisions import RequestId
from control_plane.spec.events import Caller, Feedback, unit_hash
from control_plane.spec.names import OutcomeName

MOST_REPORTS = 100
"""Of one body."""


class Report(Spec):
    """One outcome."""

    id: RequestId | None = None
    """The same report, sent again, counts once. Without an id each one counts."""
    request_id: RequestId | None = None
    """The `x-request-id` of the answer that it is about."""
    unit: UnitId | None = None
    """Whom it is about, as requests say it. Kept as a hash alone."""
    name: OutcomeName
    """As metrics name it in `outcome`: `click`, `resolved`, `order_value`."""
    value: Annotated[float, Field(ge=-1e15, le=1e15)] = 1
    at: Moment | None = None
    """When it happened; now, where it is left out."""

    @model_validator(mode="after")
    def _about_one(self) -> Self:
        if (self.request_id is None) == (self.unit is None):
            raise ValueError("exactly one of requestId and unit must be given")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Two shapes: of a request, and of a unit."""
        whole = handler.resolve_ref_schema(handler(schema))
        return {"oneOf": [_about(whole, "requestId", "unit"), _about(whole, "unit", "requestId")]}

    def event(self, tenant: str, drawn: str, now: datetime) -> Feedback:
        """As it is counted; `drawn` is its id where it has none."""
        said = {
            "id": self.id or drawn,
            "tenant": tenant,
            "at": self.at or now,
            "requestId": self.request_id,
            "unit": None if self.unit is None else unit_hash(self.unit),
            "name": self.name,
            "value": self.value,
        }
        return Feedback.model_validate(said)


def _about(whole: JsonSchemaValue, given: str, other: str) -> JsonSchemaValue:
    properties = {name: said for name, said in whole["properties"].items() if name != other}
    (properties[given],) = (said for said in properties[given]["anyOf"] if said != {"type": "null"})
    return {**whole, "properties": properties, "required": [*whole["required"], given]}


class TenantReport(Report):
    """One outcome, reported to the control plane: nobody's key says whose request it was."""

    tenant: Caller = "default"
    """Whose key the request had; `default` where there are no Tenants."""


class _Reports(Spec):
    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, said: Any) -> Any:
        return {"items": [said]} if isinstance(said, dict) and "items" not in said else said


class Reports(_Reports):
    """One report, or several as `items`: all of them count, or none."""

    items: tuple[Report, ...] = Field(min_length=1, max_length=MOST_REPORTS)


class TenantReports(_Reports):
    """The same, as the control plane takes them."""

    items: tuple[TenantReport, ...] = Field(min_length=1, max_length=MOST_REPORTS)


class ReportsTaken(Spec):
    """The answer."""

    taken: int
    """So many are counted as soon as what they are about is known; those that came before are not counted again."""

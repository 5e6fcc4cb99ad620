"""Feedback: what callers report of their requests and units, at the address that they know.

The key says whose report it is; what it says of a request counts if that was the same Tenant's. Whose a unit is nobody
knows: any key that is in force may report of it.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import ValidationError

from control_plane.spec.documents import field_path
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.feedback import Reports, ReportsTaken
from routers.http import Request
from routers.protocols.openai import parse, wrong
from routers.tenants import Tenant

PATH = "/v1/feedback"
MAX_BODY_BYTES = 128 * 1024
"""More than as many reports as one body may hold."""
BURST_SECONDS = 5.0
"""So many seconds' worth of reports may come at once."""


class FeedbackBox:
    """Takes reports and gives them on as events."""

    def __init__(
        self, add: Callable[[Sequence[bytes]], None], per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Each Tenant may report so many outcomes a second in the long run."""
        self._add = add
        self._per_second = per_second
        self._clock = clock
        self._due: dict[str, float] = {}

    def take(self, request: Request, tenant: Tenant) -> bytes:
        """The answer's body. Raises TiermeshError: INVALID_JSON, INVALID_REQUEST, BODY_TOO_LARGE, RATE_LIMITED."""
        if len(request.body) > MAX_BODY_BYTES:
            hint = "Send the reports in several pieces."
            raise TiermeshError(Code.BODY_TOO_LARGE, f"The body is larger than {MAX_BODY_BYTES} bytes.", hint)
        reports = _read(request.body)
        self._spend(tenant.name, len(reports.items))
        now = datetime.now(UTC)
        events = (report.event(tenant.name, uuid4().hex, now) for report in reports.items)
        self._add([event.model_dump_json(exclude_none=True).encode() for event in events])
        return ReportsTaken(taken=len(reports.items)).model_dump_json().encode()

    def _spend(self, tenant: str, count: int) -> None:
        # When all that came would have come at an even pace (GCRA).
        now = self._clock()
        due = max(self._due.get(tenant, now), now) + count / self._per_second
        late = due - now - max(BURST_SECONDS, count / self._per_second)
        if late > 0:
            raise TiermeshError(
                Code.RATE_LIMITED,
                f"More than {self._per_second:g} outcomes a second are reported.",
                "Report them again a little later: with an id of its own, each counts once.",
                retry_after_seconds=int(late) + 1,
            )
        self._due[tenant] = due


def taken(box: FeedbackBox | None, request: Request, tenant: Tenant) -> bytes:
    """What the box answers. Raises TiermeshError(NOT_FOUND) where there is none."""
    if box is None:
        message = "This router follows no control plane, so nobody counts outcomes."
        raise TiermeshError(Code.NOT_FOUND, message, "Set TIERMESH_ROUTER_CONTROL_PLANE_URL in place of a file.")
    return box.take(request, tenant)


def _read(body: bytes) -> Reports:
    fields = parse(body)
    try:
        return Reports.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        path = field_path(first["loc"])
        if "items" not in fields:
            path = path.removeprefix("items[0]").removeprefix(".")
        message = first["msg"].removeprefix("Value error, ")
        if path:
            raise wrong(path, f"is not valid: {message}") from error
        raise TiermeshError(Code.INVALID_REQUEST, f"The report is not valid: {message}.", "Correct it.") from error

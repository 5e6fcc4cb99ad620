"""Unexpected: what a caller hears of a bug, and what the log does."""

import logging

from control_plane.spec.errors import Code, TiermeshError

_LOG = logging.getLogger(__name__)


def as_error(error: Exception, request_id: str = "") -> TiermeshError:
    """The error itself where it is one that callers understand; of another the log hears, and the caller that there
    was one. For outermost handlers."""
    if isinstance(error, TiermeshError):
        return error
    fields = {"fields": {"request_id": request_id}}
    _LOG.error("A request failed in a way that it should not.", exc_info=error, extra=fields)
    cure = "Report this with the x-request-id." if request_id else "Look at its log."
    return TiermeshError(Code.INTERNAL, "The router failed.", cure)

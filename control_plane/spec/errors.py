"""The one error type. Wire layers translate it; everything else raises it or lets it pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """What went wrong: a closed list that callers may branch on."""

    INVALID_JSON = "invalid_json"
    INVALID_REQUEST = "invalid_request"
    INVALID_DOCUMENT = "invalid_document"
    UNKNOWN_MODEL = "model_not_found"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    APPROVAL_REQUIRED = "approval_required"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    INVALID_API_KEY = "invalid_api_key"
    RATE_LIMITED = "rate_limit_exceeded"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    BODY_TOO_LARGE = "body_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    ABSTAINED = "model_abstained"
    QUEUE_FULL = "queue_full"
    MODEL_STARTING = "model_starting"
    UPSTREAM_FAILED = "upstream_failed"
    STREAM_CUT = "stream_cut"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UNAVAILABLE = "unavailable"
    SETUP = "setup"
    INTERNAL = "internal"


# Code -> (HTTP status, whether the same request may succeed later).
_MEANING: dict[Code, tuple[int, bool]] = {
    Code.INVALID_JSON: (400, False),
    Code.INVALID_REQUEST: (400, False),
    Code.INVALID_DOCUMENT: (422, False),
    Code.UNKNOWN_MODEL: (404, False),
    Code.NOT_FOUND: (404, False),
    Code.METHOD_NOT_ALLOWED: (405, False),
    Code.CONFLICT: (409, False),
    Code.APPROVAL_REQUIRED: (409, False),
    Code.UNAUTHENTICATED: (401, False),
    Code.FORBIDDEN: (403, False),
    Code.INVALID_API_KEY: (401, False),
    Code.RATE_LIMITED: (429, True),
    Code.INSUFFICIENT_QUOTA: (429, True),
    Code.BODY_TOO_LARGE: (413, False),
    Code.HEADERS_TOO_LARGE: (431, False),
    Code.REQUEST_TIMEOUT: (408, True),
    Code.ABSTAINED: (422, False),
    Code.QUEUE_FULL: (429, True),
    Code.MODEL_STARTING: (503, True),
    Code.UPSTREAM_FAILED: (502, True),
    Code.STREAM_CUT: (502, True),
    Code.DEADLINE_EXCEEDED: (504, True),
    Code.UNAVAILABLE: (503, True),
    Code.SETUP: (500, False),
    Code.INTERNAL: (500, False),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its path in dots and brackets (`spec.tiers.light[0]`) and what is wrong with it."""

    field: str
    message: str


class TiermeshError(Exception):
    """A failure that a person can act on.

    `message` says what is wrong, `hint` what to do about it, `param` which request field it is about.
    `retry_after_seconds` is set where waiting helps and the wait is known. `members` are further members of the problem
    on the wire: of a CONFLICT of versions, `current` and `yours`.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        hint: str = "",
        *,
        param: str | None = None,
        retry_after_seconds: int | None = None,
        errors: tuple[FieldError, ...] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.errors = errors
        self.members: Mapping[str, Any] = members or {}

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return _MEANING[self.code][0]

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return _MEANING[self.code][1]

    @property
    def stale(self) -> bool:
        """Whether a write was refused because the document is no longer the one it was made from: read it and try
        again."""
        return self.code is Code.CONFLICT and "current" in self.members

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()

"""What a model's refusal means to the caller: an HTTP answer other than 200 becomes a TiermeshError. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from control_plane.spec.errors import Code, TiermeshError

ABSTAINED = b"x-tiermesh-abstained"
"""Header by which a light model says that it is not sure enough; its value is the model's confidence."""
STARTING_RETRY_SECONDS = 2
QUEUE_RETRY_SECONDS = 1


def refusal(model: str, status: int, headers: Mapping[bytes, bytes], body: bytes) -> TiermeshError:
    """The error for a model's answer that is not 200."""
    said = _error_of(body)
    if ABSTAINED in headers:
        confidence = headers[ABSTAINED].decode("latin-1")[:16]
        message = f"Model {model!r} abstained with confidence {confidence}."
        return TiermeshError(Code.ABSTAINED, message, "Ask in other words, or give the Route a heavy Model.")
    if status == 404 and said is None:
        # Ray Serve has no such application yet; it answers in plain text.
        message = f"Model {model!r} is starting."
        return TiermeshError(
            Code.MODEL_STARTING, message, "Try again in a moment.", retry_after_seconds=STARTING_RETRY_SECONDS
        )
    if status in (429, 503):
        message = f"The queue of model {model!r} is full."
        wait = _seconds(headers.get(b"retry-after")) or QUEUE_RETRY_SECONDS
        return TiermeshError(Code.QUEUE_FULL, message, "Try again in a moment.", retry_after_seconds=wait)
    if status in (400, 413, 415, 422) and said is not None:
        # The caller's own mistake, which only this model could see.
        param = said.get("param")
        # Its words go to the caller as the hint; the message alone is logged, and such words may quote the question.
        hint = str(said.get("message") or "It did not say why.")
        message = f"Model {model!r} refused the request."
        return TiermeshError(Code.INVALID_REQUEST, message, hint, param=param if isinstance(param, str) else None)
    message = f"Model {model!r} answered HTTP {status}."
    return TiermeshError(Code.UPSTREAM_FAILED, message, "Try again; if it stays so, look at the model's log.")


def _error_of(body: bytes) -> dict[str, Any] | None:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = fields.get("error") if isinstance(fields, dict) else None
    if isinstance(error, str):  # as the Open Inference Protocol has it
        return {"message": error}
    return error if isinstance(error, dict) else None


def _seconds(value: bytes | None) -> int | None:
    return int(value) if value is not None and value.isdigit() and len(value) < 6 else None

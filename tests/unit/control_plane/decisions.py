"""Records of decisions, as routers write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.spec.decisions import DecisionRecord

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""Not long ago: what is old is forgotten."""


def record(request_id: str, second: int = 0, **changes: Any) -> DecisionRecord:
    """One answer, so many seconds after `BEGAN`."""
    return DecisionRecord.model_validate(written(request_id, second) | changes)


def written(request_id: str, second: int = 0) -> dict[str, Any]:
    """The same in JSON."""
    choice = {
        "tier": "light",
        "score": 0.25,
        "features": {"length": 0.2876820724517809},
        "holdsImage": False,
        "candidates": ["faq", "assistant"],
    }
    return {
        "requestId": request_id,
        "at": (BEGAN + timedelta(seconds=second)).isoformat(),
        "seconds": 0.5,
        "router": "router-1",
        "tenant": "default",
        "protocol": "openai",
        "operation": "chat",
        "model": "shop",
        "version": "",
        "stream": False,
        "fresh": False,
        "tools": False,
        "route": "shop",
        "revision": "0123456789ab",
        "snapshot": 1,
        "arm": "default",
        "cache": "miss",
        "choice": choice,
        "strain": None,
        "steps": [{"code": "route", "text": "model 'shop' is Route 'shop'"}, {"code": "failed", "text": "faq: broke"}],
        "decided": 1,
        "answeredBy": "faq",
        "tier": "light",
        "score": 0.25,
        "status": 200,
        "error": None,
    }

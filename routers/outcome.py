"""Outcome: what became of a call, as headers and as a log line."""

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Tier
from routers.call import Call
from routers.decision import Match, Reason
from routers.http import Headers
from routers.runtime import Backend


class Outcome:
    """Which Model answered and why. Callers who share an answer share its outcome."""

    __slots__ = ("match", "model", "reasons", "score", "tier")

    def __init__(
        self, match: Match, tier: Tier, score: float | None, reasons: tuple[Reason, ...], model: str = ""
    ) -> None:
        self.match = match
        self.tier = tier
        self.score = score
        self.reasons = list(reasons)
        self.model = model

    def answered_by(self, backend: Backend) -> None:
        """This Model's answer is the one that goes out."""
        self.model = backend.name
        self.tier = backend.tier

    def passed_over(self, backend: Backend, error: TiermeshError) -> None:
        """This Model gave no answer; the next one may."""
        code = "light-abstained" if error.code is Code.ABSTAINED else "failed"
        self.reasons.append(Reason(code, f"{backend.name}: {error.message}"))

    def headers(self, request_id: str, cache: str) -> Headers:
        """What a caller is told about how it was answered."""
        match = self.match
        codes = [reason.code for reason in self.reasons]
        if cache == "coalesced":
            codes.append(cache)
        headers: Headers = [
            (b"x-request-id", request_id.encode()),
            *match.route.headers,
            (b"x-tiermesh-snapshot", b"%d" % match.snapshot),
            (b"x-tiermesh-arm", match.arm.encode()),
            (b"x-tiermesh-tier", self.tier.value.encode()),
            (b"x-tiermesh-cache", cache.encode()),
            (b"x-tiermesh-reasons", ",".join(codes).encode()),
        ]
        if self.score is not None:
            headers.append((b"x-tiermesh-score", b"%.3f" % self.score))
        if self.model:
            headers.append((b"x-tiermesh-model", self.model.encode()))
        return headers

    def log_fields(self, call: Call, cache: str, status: int, error: TiermeshError | None) -> dict[str, object]:
        """What the access log says; never what was asked or answered."""
        return {
            "request_id": call.request_id,
            "operation": call.operation.value,
            "stream": call.stream,
            "route": self.match.route.name,
            "snapshot": self.match.snapshot,
            "arm": self.match.arm,
            "tier": self.tier.value,
            "score": self.score,
            "model": self.model,
            "cache": cache,
            "status": status,
            "error": error.code.value if error else None,
            "reasons": [f"{reason.code}: {reason.text}" for reason in self.reasons],
        }

"""Outcome: what became of a call, and what its caller is told of it."""

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Tier
from routers.decision import Decision, Load, Match
from routers.http import Headers
from routers.quotas.metering import Usage
from routers.reasons import Reason
from routers.runtime import Backend


class Outcome:
    """Which Model answered and why. Callers who share an answer share its outcome."""

    __slots__ = ("decision", "load", "match", "model", "reasons", "score", "tier", "usage")

    def __init__(
        self,
        match: Match,
        tier: Tier | None,
        score: float | None,
        reasons: tuple[Reason, ...],
        model: str = "",
        decision: Decision | None = None,
        load: Load | None = None,
    ) -> None:
        """`decision` is None where none was needed; `load` where the Route had places enough."""
        self.decision = decision
        self.load = load
        self.match = match
        self.tier = tier
        self.score = score
        self.reasons = reasons
        self.model = model
        self.usage: Usage | None = None
        """What the answer took, where somebody counts."""

    @classmethod
    def of(cls, decision: Decision, load: Load | None = None) -> "Outcome":
        """Of a call that no Model has answered yet."""
        score = decision.score.value if decision.score else None
        return cls(decision.match, decision.tier, score, decision.reasons, "", decision, load)

    @classmethod
    def undecided(cls, match: Match) -> "Outcome":
        """Of a call for which no decision was made: its Route is overloaded."""
        return cls(match, None, None, match.reasons)

    def answered_by(self, backend: Backend) -> None:
        """This Model's answer is the one that goes out."""
        self.model = backend.name
        self.tier = backend.tier

    def note(self, code: str, text: str) -> None:
        """One more step of the decision."""
        self.reasons += (Reason(code, text),)

    def passed_over(self, backend: Backend, error: TiermeshError) -> None:
        """This Model gave no answer; the next one may."""
        code = "light-abstained" if error.code is Code.ABSTAINED else "failed"
        self.note(code, f"{backend.name}: {error.message}")

    def steps(self, match: Match) -> tuple[Reason, ...]:
        """All that led to the answer, for a caller of this match: who shares an answer came to it its own way."""
        if match is self.match:
            return self.reasons
        return match.reasons + self.reasons[len(self.match.reasons) :]

    def headers(self, request_id: str, cache: str, match: Match) -> Headers:
        """What a caller of this match is told about how it was answered."""
        codes = ",".join([reason.code for reason in self.steps(match)])
        if cache == "coalesced":
            codes += ",coalesced"
        # In whole thousandths, below 1 as the score is: to print a float takes ten times as long.
        score = "" if self.score is None else f"x-tiermesh-score: 0.{min(round(1000 * self.score), 999):03d}\r\n"
        model = f"x-tiermesh-model: {self.model}\r\n" if self.model else ""
        tier = f"x-tiermesh-tier: {self.tier}\r\n" if self.tier else ""
        prompt = match.prompted.prompt.header if match.prompted is not None and match.prompted.prompt else ""
        return (
            f"x-request-id: {request_id}\r\n{match.route.headers}x-tiermesh-snapshot: {match.snapshot}\r\n"
            f"x-tiermesh-arm: {match.arm}\r\nx-tiermesh-cache: {cache}\r\n"
            f"x-tiermesh-reasons: {codes}\r\n{tier}{score}{model}{prompt}"
        ).encode()

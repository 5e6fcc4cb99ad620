"""Assignment: which arm a request gets. Pure: a salted hash of its unit, the same in every router and after a restart.

A unit's point between 0 and 1 decides whether it is held out, and whether it lies in the segment. The arm is the winner
of a race: each finishes after -ln(point) / weight, an exponential time, so that it wins in proportion to its weight
(weighted rendezvous hashing: Schindelhauer and Schomaker, Weighted Distributed Hash Tables, SPAA 2005). A weight that
grows makes its own arm faster and no other one slower, so that units move into that arm alone. Where several weights
change, a unit moves only into an arm whose weight grew by a larger factor than that of the one it leaves; of more than
two arms no assignment without a memory can do better.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from math import frexp, inf, ldexp, log
from typing import Any

import orjson

from control_plane.spec.arms import Unit
from control_plane.spec.events import UNIT_SALT
from control_plane.spec.experiments import Targeting
from control_plane.spec.snapshots import CompiledTrial
from routers.call import Call
from routers.reasons import Reason
from routers.record import record

_HASHES = 2.0**-256
RequestHeaders = Mapping[bytes, bytes]
"""Names in lower case."""
_UnitOf = Callable[[Call, RequestHeaders], bytes | None]


@record
class Ruling:
    """What one Experiment or Rollout makes of a request."""

    trial: str
    """`Experiment/shop`."""
    arm: str | None
    """None: none of its arms; the request is answered as if it were not there."""
    place: int
    """The arm's among its arms; -1 for none."""
    reason: Reason
    forced: bool = False


@record
class Seen:
    """What one saw of a request, and what it made of that."""

    ruling: Ruling
    unit: bytes | None
    """Whom it was for, as a hash; None where it did not say."""
    targeted: bool
    """Whether it is for such requests."""


Assignment = tuple[Seen, ...]
"""Of all Experiments and Rollouts of a Route, in their order."""


class Trial:
    """An Experiment or a Rollout, made ready to assign."""

    __slots__ = (
        "_begin",
        "_end",
        "_forced",
        "_forced_rulings",
        "_held_out",
        "_holdout",
        "_layer",
        "_rulings",
        "_runners",
        "_target",
        "_unit_of",
        "_without",
        "compiled",
        "key",
    )

    def __init__(self, compiled: CompiledTrial) -> None:
        self.compiled = compiled
        self.key = compiled.key
        self._target = None if compiled.targeting.everybody else Target(compiled.targeting)
        self._unit_of = unit_reader(compiled.unit)
        self._forced = {unit.encode(): arm for unit, arm in compiled.forced.items()}
        self._begin, self._end, self._held_out = compiled.begin, compiled.end, compiled.held_out
        self._layer, self._holdout = (f"{salt}\0".encode() for salt in (compiled.layer, compiled.holdout))
        # Scaled by a power of two, which changes no order: a time that is divided by the smallest floats has no end.
        _, exponent = frexp(max((arm.weight for arm in compiled.arms), default=0.0))
        self._runners = tuple(
            (place, f"{compiled.salt}\0{arm.name}\0".encode(), weight)
            for place, arm in enumerate(compiled.arms)
            if (weight := ldexp(arm.weight, -exponent))
        )
        self._rulings = _given(compiled, "arm", f"gives its {compiled.unit}")
        forced = _given(compiled, "arm-forced", "forces this unit into", forced=True)
        self._forced_rulings = {ruling.arm: ruling for ruling in forced}
        self._without = _without(compiled)

    def see(self, call: Call, headers: RequestHeaders) -> Seen:
        """Look at a request."""
        said = self._unit_of(call, headers)
        unit = hashed(said) if said else None
        targeted = self._target is None or self._target.holds(call, headers)
        return Seen(self.rule(unit, targeted), unit, targeted)

    def rule(self, unit: bytes | None, targeted: bool) -> Ruling:
        """What becomes of a unit, in a request for which this is, or not."""
        if unit is None:
            return self._without["no-unit"]
        if self._forced and (arm := self._forced.get(unit)) is not None:
            return self._forced_rulings[arm]
        if not targeted:
            return self._without["not-targeted"]
        if self._held_out and point(self._holdout, unit) < self._held_out:
            return self._without["held-out"]
        if (self._begin > 0 or self._end < 1) and not self._begin <= point(self._layer, unit) < self._end:
            return self._without["outside-traffic"]
        if not self._runners:
            return self._without["outside-traffic"]
        first, found = inf, self._runners[0][0]
        for place, salt, weight in self._runners:
            # The point, once more: a call for each arm would take a fifth of the time.
            finish = -log(int.from_bytes(sha256(salt + unit).digest(), "big") * _HASHES) / weight
            if finish < first:
                first, found = finish, place
        return self._rulings[found]

    @property
    def candidate(self) -> Ruling:
        """Of a Rollout: what gives its candidate."""
        return self._rulings[-1]

    def rehearses(self, request_id: str) -> bool:
        """Whether the candidate is to see a copy of a request of the control."""
        return point(f"{self.compiled.salt}\0mirror\0".encode(), request_id.encode()) < self.compiled.mirror


def _given(compiled: CompiledTrial, code: str, words: str, forced: bool = False) -> tuple[Ruling, ...]:
    """A ruling for each arm, in their order."""
    said = f"{compiled.kind} {compiled.name!r} {words} arm"
    return tuple(
        Ruling(compiled.key, arm.name, place, Reason(code, f"{said} {arm.name!r}"), forced)
        for place, arm in enumerate(compiled.arms)
    )


def _without(compiled: CompiledTrial) -> dict[str, Ruling]:
    """A ruling for each way to get none."""
    words = {
        "no-unit": f"takes no request without {compiled.unit}",
        "not-targeted": "is for other requests",
        "held-out": "does not take this unit: the Route holds it out",
        "outside-traffic": "takes other units of its layer",
    }
    said = f"{compiled.kind} {compiled.name!r}"
    return {code: Ruling(compiled.key, None, -1, Reason(code, f"{said} {text}")) for code, text in words.items()}


def hashed(unit: bytes) -> bytes:
    """As `control_plane.spec.events.unit_hash`."""
    return sha256(UNIT_SALT + unit).hexdigest()[:16].encode()


def point(salt: bytes, unit: bytes) -> float:
    """A unit's place between 0 and 1 by a salt: uniform, and independent of its place by any other."""
    return int.from_bytes(sha256(salt + unit).digest(), "big") * _HASHES


def unit_reader(unit: Unit) -> _UnitOf:
    """What finds a request's unit; it gives nothing where there is none."""
    if unit.header is not None:
        name = unit.header.encode()
        return lambda _call, headers: headers.get(name)
    if unit.field is not None:
        path = unit.field
        return lambda call, _headers: _identity(field_of(call, path))
    if unit.tenant:
        return lambda call, _headers: call.tenant.encode()
    return lambda call, _headers: call.request_id.encode()


def _identity(value: Any) -> bytes | None:
    return str(value).encode() if isinstance(value, str | int) and not isinstance(value, bool) else None


def field_of(call: Call, path: str) -> Any:
    """A field of the body, by the name that the chat API has for it; of tensors, a parameter. None where it is not
    there."""
    if call.tensors is not None:
        return call.tensors.request.parameters.get(path)
    found: Any = call.fields
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


class Target:
    """For which requests it is."""

    __slots__ = ("_fields", "_headers", "_tenants")

    def __init__(self, targeting: Targeting) -> None:
        self._tenants = None if targeting.tenants is None else frozenset(targeting.tenants)
        self._headers = [
            (name.encode(), frozenset(value.encode() for value in values)) for name, values in targeting.headers.items()
        ]
        self._fields = [(path, frozenset(values)) for path, values in targeting.fields.items()]

    def holds(self, call: Call, headers: RequestHeaders) -> bool:
        """Whether all of it holds for a request."""
        if self._tenants is not None and call.tenant not in self._tenants:
            return False
        if not all(headers.get(name) in values for name, values in self._headers):
            return False
        return all(_text(field_of(call, path)) in values for path, values in self._fields)


def _text(value: Any) -> str | None:
    """As documents write it."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode() if isinstance(value, bool | int | float) else None

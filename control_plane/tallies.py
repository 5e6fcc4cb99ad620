"""Tallies of refusals: each kind is written down at once, and how often it came again when its window ends.

So whoever is refused a million times costs the disk a few lines. The clock is an argument.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from control_plane.spec.audit import Deed

WINDOW = timedelta(minutes=10)
"""In which identical refusals are counted together."""
MOST_KINDS = 50
"""Of refusals of one person that are told apart in a window; the others are counted together."""
MOST_KINDS_OF_STRANGERS = 10
"""The same, for all whom nobody knows together: one of them must not hide the others for long, nor fill the disk."""

_OTHERS = "several"


@dataclass(slots=True)
class _Tally:
    deed: Deed
    since: datetime
    again: int = 0


@dataclass(slots=True)
class Tallies:
    """What was refused in the windows that are open."""

    _tallies: dict[str, dict[Deed, _Tally]] = field(default_factory=dict)
    """By who was refused, then by what is the same in identical refusals."""

    def note(self, deed: Deed) -> Deed | None:
        """What to write down at once: the deed itself, where it is the first of its kind."""
        of_one = self._tallies.setdefault(deed.who, {})
        kind = _kind(deed)
        if kind not in of_one and len(of_one) >= (MOST_KINDS if deed.who else MOST_KINDS_OF_STRANGERS):
            kind = kind.model_copy(update={"action": _OTHERS, "what": (), "address": "", "via": "", "outcome": _OTHERS})
        if kind in of_one:
            of_one[kind].again += 1
            return None
        first = kind.model_copy(update={"at": deed.at})
        of_one[kind] = _Tally(first, deed.at)
        return first

    def due(self, now: datetime | None) -> list[Deed]:
        """What to write down of the windows that ended, or of all where `now` is None; they are forgotten here."""
        found: list[Deed] = []
        for who, of_one in list(self._tallies.items()):
            for kind, tally in list(of_one.items()):
                if now is None or now >= tally.since + WINDOW:
                    del of_one[kind]
                    if tally.again:
                        ended = tally.since + WINDOW if now is None else now
                        found.append(tally.deed.model_copy(update={"times": tally.again, "at": ended}))
            if not of_one:
                del self._tallies[who]
        return found


def _kind(deed: Deed) -> Deed:
    return deed.model_copy(update={"at": _ANY_TIME})


_ANY_TIME = datetime.fromtimestamp(0).astimezone()

"""The audit's chain: every entry holds the hash of the one before. Pure.

Whoever changes, drops, adds or moves entries without the means to compute all later hashes anew is found, and where.
Whoever computes them anew, or cuts entries off at the end together with the head that is kept beside them, is found by
an anchor alone: the number and hash of an entry, kept where that somebody cannot write.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC

from control_plane.spec.audit import Anchor, AuditEntry, Deed, Fault, Verdict
from control_plane.spec.snapshots import canonical

GENESIS = Anchor(sequence=0, sha256="0" * 64)
"""What the first entry follows."""

_MOST_FAULTS = 100
_LONGEST = 1000
"""Of one text, in characters: what a caller wrote may stand in it."""


def cleaned(deed: Deed) -> Deed:
    """The same deed in texts that every database can hold, and of bounded length."""
    texts = {name: _text(getattr(deed, name), 200) for name in ("who", "via", "address", "action", "outcome")}
    what = tuple(_text(each, _LONGEST) for each in deed.what)
    reason = _text(deed.reason, 2 * _LONGEST)
    return deed.model_copy(update={**texts, "what": what, "reason": reason, "at": deed.at.astimezone(UTC)})


def link(head: Anchor, deed: Deed) -> AuditEntry:
    """The entry that puts a deed behind `head`."""
    draft = AuditEntry(**deed.model_dump(), sequence=head.sequence + 1, previous=head.sha256, sha256=GENESIS.sha256)
    return draft.model_copy(update={"sha256": digest(draft)})


def digest(entry: AuditEntry) -> str:
    """sha256 over the canonical JSON of everything but the hash itself, in hex."""
    return hashlib.sha256(canonical(entry.model_dump(mode="json", exclude={"sha256"}))).hexdigest()


def verify(entries: Iterable[AuditEntry | None], anchors: Iterable[Anchor] = (), end: Anchor | None = None) -> Verdict:
    """Look at all entries in the order in which they are kept; None is one that cannot be read.

    `anchors` are entries that must be there just so, `end` the one that must be the last. Finds every entry that was
    edited, dropped, added or moved, as long as the hashes that follow it, or an anchor at or behind it, were not
    changed to match.
    """
    walk = _Walk()
    for entry in entries:
        walk.step(entry)
    ends = () if end is None else (end,)
    found = [*walk.faults, *walk.gaps(), *walk.behind(end), *walk.unanchored(dict.fromkeys((*anchors, *ends)))]
    faults = sorted(found, key=lambda fault: fault.sequence)
    return Verdict(entries=walk.count, head=walk.head, faults=tuple(faults[:_MOST_FAULTS]))


@dataclass(slots=True)
class _Walk:
    count: int = 0
    head: Anchor = GENESIS
    """The entry of the highest number so far."""
    faults: list[Fault] = field(default_factory=list)
    _hashes: dict[int, str] = field(default_factory=lambda: {0: GENESIS.sha256})
    _follows: dict[int, str] = field(default_factory=dict)

    def step(self, entry: AuditEntry | None) -> None:
        self.count += 1
        if entry is None:
            self._fault(0, f"the entry at place {self.count} cannot be read")
            return
        number = entry.sequence
        if number in self._hashes:
            self._fault(number, f"stands a second time, at place {self.count}")
            return
        if number < self.head.sequence:
            self._fault(number, f"stands behind {self.head.sequence}: it was moved or put in")
        if digest(entry) != entry.sha256:
            self._fault(number, "was edited: its hash does not fit what it says")
        self._hashes[number], self._follows[number] = entry.sha256, entry.previous
        if number > self.head.sequence:
            self.head = Anchor(sequence=number, sha256=entry.sha256)

    def gaps(self) -> Iterator[Fault]:
        """Numbers that are missing, and entries that do not follow the one before."""
        last = 0
        for number in sorted(self._follows):
            if number > last + 1:
                missing = f"{last + 1}" if number == last + 2 else f"{last + 1} to {number - 1}"
                yield Fault(sequence=last + 1, what=f"missing: {missing}, before {number}")
            elif self._follows[number] != self._hashes[last]:
                either = f"{last} or {number}" if last else f"{number}"
                yield Fault(sequence=number, what=f"does not follow {last}: {either} was replaced")
            last = number

    def behind(self, end: Anchor | None) -> Iterator[Fault]:
        """Entries behind the one that is said to be the last."""
        if end is not None and self.head.sequence > end.sequence:
            yield Fault(sequence=end.sequence + 1, what=f"stands behind the end, {end.sequence}: it was put in")

    def unanchored(self, anchors: Iterable[Anchor]) -> Iterator[Fault]:
        """Anchors that are not there."""
        for anchor in anchors:
            found = self._hashes.get(anchor.sequence)
            if found is None and anchor.sequence > self.head.sequence:
                yield Fault(sequence=anchor.sequence, what=f"is gone: the end behind {self.head.sequence} was cut off")
            elif found is None:
                yield Fault(sequence=anchor.sequence, what="is gone, and an anchor names it")
            elif found != anchor.sha256:
                yield Fault(sequence=anchor.sequence, what="is not what the anchor says: it was replaced")

    def _fault(self, sequence: int, what: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(sequence=sequence, what=what))


def _text(text: str, longest: int) -> str:
    plain = "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"

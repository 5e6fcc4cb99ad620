"""The chain: whatever is done to it is found and named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from control_plane.audit import GENESIS, cleaned, digest, link, verify
from control_plane.spec.audit import Anchor, AuditEntry, Deed

_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _deed(what: str = "Model/faq", **more: object) -> Deed:
    said = {"at": _NOW, "who": "alice", "via": "token laptop", "address": "::1", "action": "apply", "what": (what,)}
    return Deed.model_validate(said | more)


def _chain(*whats: str) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for what in whats:
        entries.append(link(_anchor(entries), cleaned(_deed(what))))
    return entries


def _anchor(entries: list[AuditEntry]) -> Anchor:
    return Anchor(sequence=entries[-1].sequence, sha256=entries[-1].sha256) if entries else GENESIS


def _resealed(entries: list[AuditEntry], start: int) -> list[AuditEntry]:
    """The entries with all hashes from place `start` computed anew, as somebody who knows the program would."""
    kept = entries[:start]
    for entry in entries[start:]:
        draft = entry.model_copy(update={"previous": _anchor(kept).sha256})
        kept.append(draft.model_copy(update={"sha256": digest(draft)}))
    return kept


_CHAINS = st.lists(st.text(max_size=8), min_size=2, max_size=12).map(lambda whats: _chain(*whats))
_EDITS: list[tuple[str, Callable[[AuditEntry], object]]] = [
    ("who", lambda entry: entry.who + "x"),
    ("via", lambda _: ""),
    ("address", lambda _: "10.0.0.1"),
    ("action", lambda _: "delete"),
    ("what", lambda entry: (*entry.what, "more")),
    ("reason", lambda entry: entry.reason + " "),
    ("outcome", lambda _: "forbidden"),
    ("snapshot", lambda _: 7),
    ("times", lambda entry: entry.times + 1),
    ("at", lambda entry: entry.at + timedelta(microseconds=1)),
    ("previous", lambda _: "f" * 64),
    ("sha256", lambda _: "f" * 64),
]


def _named(entries: list[AuditEntry], *anchors: Anchor) -> set[int]:
    return {fault.sequence for fault in verify(entries, anchors).faults}


@given(_CHAINS)
def test_what_was_written_holds_and_its_head_is_an_anchor(chain: list[AuditEntry]) -> None:
    verdict = verify(chain, [_anchor(chain[:1])], _anchor(chain))
    assert (verdict.holds, verdict.entries, verdict.head) == (True, len(chain), _anchor(chain))


def test_nothing_holds_too() -> None:
    assert verify([], [], GENESIS).holds


@given(_CHAINS, st.data(), st.sampled_from(_EDITS))
def test_any_edit_is_found_and_named(
    chain: list[AuditEntry], data: st.DataObject, edit: tuple[str, Callable[[AuditEntry], object]]
) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    field, change = edit
    chain[place] = chain[place].model_copy(update={field: change(chain[place])})
    assert place + 1 in _named(chain)


@given(_CHAINS, st.data())
def test_an_edit_with_a_hash_to_match_is_found_by_what_follows_or_by_the_head(
    chain: list[AuditEntry], data: st.DataObject
) -> None:
    head = _anchor(chain)
    place = data.draw(st.integers(0, len(chain) - 1))
    edited = chain[place].model_copy(update={"who": "mallory"})
    chain[place] = edited.model_copy(update={"sha256": digest(edited)})
    faults = verify(chain, [], head).faults
    assert any(str(place + 1) in fault.what or fault.sequence == place + 1 for fault in faults)


@given(_CHAINS, st.data())
def test_a_chain_computed_anew_from_an_edit_on_is_found_by_an_anchor_behind_it(
    chain: list[AuditEntry], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    anchor = _anchor(chain[: data.draw(st.integers(place + 1, len(chain)))])
    chain[place] = chain[place].model_copy(update={"who": "mallory"})
    forged = _resealed(chain, place)
    assert verify(forged).holds  # without an anchor nobody can tell
    assert _named(forged, anchor) == {anchor.sequence}


@given(_CHAINS, st.data())
def test_any_dropped_entries_are_found_and_named(chain: list[AuditEntry], data: st.DataObject) -> None:
    head = _anchor(chain)
    first = data.draw(st.integers(0, len(chain) - 1))
    last = data.draw(st.integers(first, len(chain) - 1))
    faults = verify(chain[:first] + chain[last + 1 :], [], head).faults
    if last + 1 < len(chain):
        numbers = f"{first + 1}" if first == last else f"{first + 1} to {last + 1}"
        assert [fault.what for fault in faults] == [f"missing: {numbers}, before {last + 2}"]
    else:
        assert [fault.what for fault in faults] == [f"is gone: the end behind {first} was cut off"]


@given(_CHAINS, st.data())
def test_any_two_entries_that_change_places_are_found_and_named(chain: list[AuditEntry], data: st.DataObject) -> None:
    one, other = data.draw(st.lists(st.integers(0, len(chain) - 1), min_size=2, max_size=2, unique=True))
    chain[one], chain[other] = chain[other], chain[one]
    assert min(one, other) + 1 in _named(chain)


@given(_CHAINS, st.data())
def test_two_entries_that_exchange_their_contents_are_found_and_named(
    chain: list[AuditEntry], data: st.DataObject
) -> None:
    one, other = data.draw(st.lists(st.integers(0, len(chain) - 1), min_size=2, max_size=2, unique=True))
    assume(chain[one].what != chain[other].what)
    contents = chain[one].what, chain[other].what
    for place, what in ((one, contents[1]), (other, contents[0])):
        chain[place] = chain[place].model_copy(update={"what": what})
    assert {one + 1, other + 1} <= _named(chain)


@given(_CHAINS, st.data())
def test_an_entry_that_was_put_in_is_found_and_named(chain: list[AuditEntry], data: st.DataObject) -> None:
    head = _anchor(chain)
    place = data.draw(st.integers(0, len(chain)))
    forged = link(_anchor(chain[:place]), _deed("forged"))
    chain.insert(place, forged)
    faults = verify(chain, [], head).faults
    assert forged.sequence in {fault.sequence for fault in faults}


def test_an_entry_that_cannot_be_read_is_named_by_its_place() -> None:
    one, two = _chain("a", "b")
    faults = verify([one, None, two]).faults
    assert [fault.what for fault in faults] == ["the entry at place 2 cannot be read"]


def test_a_thousand_faults_make_a_hundred_lines() -> None:
    assert len(verify([None] * 1000).faults) == 100


def test_a_moment_is_the_same_moment_in_every_zone() -> None:
    east = _deed(at=_NOW.astimezone(timezone(timedelta(hours=8))))
    assert link(GENESIS, cleaned(east)) == link(GENESIS, cleaned(_deed()))


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\x00b", "a\ufffdb"), ("a\nb", "a b"), ("\u202eb", "\ufffdb"), ("订单", "订单"), ("a" * 3000, "a" * 999 + "…")],
)
def test_what_a_caller_wrote_is_kept_as_every_database_and_terminal_can_take_it(text: str, kept: str) -> None:
    assert cleaned(_deed(text)).what == (kept,)
